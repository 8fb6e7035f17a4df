import{a as X}from"./chunk-CPS5LIHC.js";import{A as C,J as j,L as x,Q as M,W as A,X as q,a as T,b as d,ba as z,ca as L,d as c,da as B,ea as W,fa as E,ga as F,h as v,ha as g,i as _,ia as I,ka as J,la as K,m as R,ma as N,n as p,o as S,pa as y,qa as P,r as u,ra as G,ta as Q,u as h,ua as H,v as $,va as U,w as k,wa as V,z as O}from"./chunk-ZMJL2AKC.js";var Y=class extends V{static{this.styles=[U,T`
ha-card.compact { min-height: 56px; display: flex; }
.compact .tile { min-height: 0; flex: 1; }
.bar { padding: 4px 14px; }
.bar:last-child { padding-bottom: 12px; }
.bar .r { display: flex; justify-content: space-between; gap: 12px; font-size: 12px; line-height: 16px; }
.bar .meter { margin: 4px 0; }
.row { display: flex; align-items: center; gap: 10px; min-height: 52px; padding: 0 14px; width: 100%; border-top: 1px solid var(--hmm-line); }
.row > ha-icon { color: var(--hmm-text-2); }
.foot { padding: 8px 10px 10px; display: flex; flex-direction: column; gap: 8px; border-top: 1px solid var(--hmm-line); }
.foot .ask { padding: 0; }
.axis { display: flex; justify-content: space-between; padding: 2px 14px 4px; font-size: 12px; line-height: 16px; direction: ltr; color: var(--hmm-text-2); }
hmm-spark { display: block; height: 52px; margin-top: 4px; }
.fail { padding: 0 14px 8px; font-size: 12px; }
`]}static getStubConfig(e,n=[]){let t=n.map(i=>e.entities[i]).find(i=>i?.platform==="hmm")?.device_id;return{...t?{device_id:t}:{},layout:"detailed"}}draw(e,n){if(!this.config.device_id)return this.message(this.t("pick_miner"));let t=this.device(n);if(!t)return this.message(this.t("gone"));let i=q(e,t);return this.isTicking=this.config.layout==="detailed",this.isTicking?this.detailed(e,n,t,i):X(e,this,t,i)}detailed(e,n,t,i){let s=I(e,t),o=R(t),r=L(e,t,i)??this.wattsOf(e,t),a=i.group==="offline"||p(e,t,"sensor.status")?.state==="off";return d`<ha-card role="article" aria-label=${o}>
<div class="tile big">
${F(i.tone,i.form,i.icon)}
<div class="tx"><h2 class="p e" title=${o}><bdi>${o}</bdi></h2><span class="q e"><bdi>${this.subtitle(e,t,i)}</bdi></span></div>
<button class="ib" aria-label=${this.t("details",{name:o})} @click=${()=>_(t.id)}>${g("mdi:dots-vertical")}</button>
</div>
${this.reason(e,t,i,r)}
${this.hero(e,t,s,i)}
${this.line(t)}
${this.temperature(e,t,i)}
${a&&s.power===void 0&&s.bestShare===void 0?c:G(this.figuresOf(e,n,t,s))}
${this.poolRow(e,n,t)}
${this.controls(e,t,i,a,r)}
</ha-card>`}subtitle(e,n,t){let i=M(p(e,n,"sensor.last_share")?.state);return t.group==="mining"&&i?`${t.word} \xB7 ${this.t("last_share",{ago:C(e,i)})}`:t.since&&t.group!=="mining"?`${t.word} \xB7 ${O(e,(Date.now()-t.since.getTime())/1e3)}`:t.word}wattsOf(e,n){let t=n.entities["number.power_draw"];if(!(!t||D(e,n,"power")!=="power_not_metered"))return{label:this.t("enter_watts"),icon:"mdi:pencil",run:()=>v(this,t)}}reason(e,n,t,i){let s=i&&!t.line?D(e,n,"power"):void 0,o=t.advice||t.longLine||(s?this.t("watts_needed"):""),r=this.failure("fix");return!o&&!r?c:d`<div class="reason ${s?"off":t.tone}" role="status">
${g(s?"mdi:information-outline":t.icon)}<p><bdi>${o}</bdi></p>${this.asking==="fix"?c:H(this.host,"fix",i,"tone")}
</div>
${this.questionOf("fix",i)}
${r?d`<p class="fail" role="alert">${r}</p>`:c}`}hero(e,n,t,i){let{hashrate:s,expected:o}=t,r=o===void 0||!o?"":s&&i.group!=="resting"?this.t("expected_percent",{percent:h([u(e,s/o*100),"%"]),hashrate:h($(e,o))}):this.t("expected",{hashrate:h($(e,o))}),a=s===void 0?d`<span>${this.t("no_reading")}</span>`:d`<button class="big-n" @click=${()=>v(this,n.entities["sensor.hashrate"])}>${P($(e,s))}</button>`;return d`<div class="hero">${a}${r?d`<bdi class="sec">${r}</bdi>`:c}</div>`}line(e){let n=e.entities["sensor.hashrate"];return!n||!this.hass.config.components.includes("history")?c:(import("./spark-ZWGI3JL6.js"),d`<hmm-spark
aria-hidden="true"
.connection=${this.hass.connection}
.entity=${n}
.expected=${x(this.hass.states[e.entities["sensor.hashrate_expected"]??""])}
></hmm-spark>
<div class="axis" aria-hidden="true"><span>${this.t("hours_ago")}</span><span>${this.t("now")}</span></div>`)}temperature(e,n,t){return d`${[["sensor.temperature","chip"],["sensor.temperature_regulator","regulator"]].map(([s,o])=>{let r=p(e,n,s),a=x(r);if(!r||a===void 0&&s!=="sensor.temperature")return c;let l=ee(e,n,s,t),f=String(r.attributes.unit_of_measurement??"\xB0C"),w=a===void 0?this.t("no_reading").toLocaleLowerCase(e.locale.language):l===void 0?[K(e,r),...s==="sensor.temperature"?[this.t("limit_not_reported")]:[]].join(" \xB7 "):this.t("of_limit",{value:u(e,a),limit:h([u(e,l),f])}),b=l&&a!==void 0?a/l:void 0,Z=b===void 0?"":b>=1?"err":"ok";return d`<div class="bar">
<div class="r"><span>${this.t(o)}</span><bdi class="num">${w}</bdi></div>
${b===void 0?c:d`<div class="meter ${Z}" aria-hidden="true"><i style="inline-size:${Math.min(100,b*100)}%"></i></div>`}
</div>`})}`}figuresOf(e,n,t,i){let s=r=>{let a=D(e,t,r);return a&&A(e,`selector.sentence.options.${a}`)||void 0},o=Q(e,n,t,i.power);return[{label:this.t("power"),value:i.power===void 0?this.t("not_reported"):N(e,i),isWord:i.power===void 0,title:s("power")},i.efficiency!==void 0?{label:this.t("efficiency"),value:y([u(e,i.efficiency,1,!0),"J/TH"])}:"sensor.efficiency"in t.entities&&{label:this.t("efficiency"),value:"\u2013",title:s("efficiency")??this.t("none_now")},o!==void 0&&{label:this.t("cost"),value:y([o,this.t("unit_a_day")])},i.bestShare!==void 0&&{label:this.t("best_share"),value:y(k(e,i.bestShare)),title:u(e,i.bestShare)}]}poolRow(e,n,t){let i=J(e,n,t);if(!i)return c;let{name:s,account:o}=i,r=x(p(e,t,"sensor.reject_rate")),a=p(e,t,"sensor.response_time"),l=[S(a)?e.formatEntityState(a):"",r===void 0?"":`${j(e,100-r)} ${this.t("accepted")}`].filter(Boolean);return d`<button class="row" @click=${()=>o?_(o.id):v(this,t.entities["sensor.active_pool"])}>
${g("mdi:server-network")}
<span class="tx"><span class="p e"><bdi>${s}</bdi></span>${l.length?d`<span class="q sec"><bdi>${l.join(" \xB7 ")}</bdi></span>`:c}</span>
${g("mdi:chevron-right","flip")}
</button>`}controls(e,n,t,i,s){let o=i?B(e,n):z(e,n),a=[i?this.page(n):t.group==="overheated"?E(e,n):W(e,n),s?.label===o?.label?void 0:o].filter(f=>f!==void 0),l=this.modeControl(e,n);return!a.length&&l===c&&!this.busy("foot0")&&!this.busy("foot1")?c:d`<div class="foot">
${l}
${this.asking?.startsWith("foot")?this.questionOf(this.asking,a[Number(this.asking.slice(4))]):d`<div class="btns">${a.map((f,w)=>H(this.host,`foot${w}`,f,""))}</div>`}
${["foot0","foot1","mode"].map(f=>this.failure(f)?d`<p class="sec" role="alert">${this.failure(f)}</p>`:c)}
</div>`}page(e){let n=e.device.configuration_url;if(!(!n||!/^https?:\/\//u.test(n)))return{label:this.t("open_page"),icon:"mdi:open-in-new",run:()=>{window.open(n,"_blank","noreferrer")}}}};function D(m,e,n){return p(m,e,"sensor.status")?.attributes.missing?.[n]}function ee(m,e,n,t){let i=p(m,e,"sensor.status")?.attributes;if(n==="sensor.temperature"&&t.reason==="overheat"&&typeof i?.limit=="number"&&i.limit>0)return i.limit;let s=p(m,e,n),o=s?.attributes.limit;if(!(typeof o!="number"||o<=0))return s?.attributes.unit_of_measurement==="\xB0F"?o*1.8+32:o}export{Y as HmmMinerCard};
