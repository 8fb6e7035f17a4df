import{a as X}from"./chunk-7TZX2YPO.js";import{A as M,B as u,E as g,F as $,G as A,J as q,K as z,T as L,V as x,_ as B,a as T,aa as W,b as d,ba as E,d as c,ga as I,h as v,ha as b,i as _,ia as J,ka as K,la as N,m as k,ma as P,n as p,o as R,pa as y,qa as F,ra as G,sa as Q,ta as H,ua as U,va as V,w as S,x as O,y as C,z as j}from"./chunk-RSFKYHM2.js";var Y=class extends V{static{this.styles=[U,T`
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
`]}static getStubConfig(e,i=[]){let t=i.map(n=>e.entities[n]).find(n=>n?.platform==="hmm")?.device_id;return{...t?{device_id:t}:{},layout:"detailed"}}draw(e,i){if(!this.config.device_id)return this.message(this.t("pick_miner"));let t=this.device(i);if(!t)return this.message(this.t("gone"));let n=E(e,t);return this.isTicking=this.config.layout==="detailed",this.isTicking?this.detailed(e,i,t,n):X(e,this,t,n)}detailed(e,i,t,n){let o=J(e,t),s=k(t),r=O(e,t,n)??this.wattsOf(e,t),a=n.group==="offline"||p(e,t,"sensor.status")?.state==="off";return d`<ha-card role="article" aria-label=${s}>
<div class="tile big">
${I(n.tone,n.form,n.icon)}
<div class="tx"><h2 class="p e" title=${s}><bdi>${s}</bdi></h2><span class="q e"><bdi>${this.subtitle(e,t,n)}</bdi></span></div>
<button class="ib" aria-label=${this.t("details",{name:s})} @click=${()=>_(t.id)}>${b("mdi:dots-vertical")}</button>
</div>
${this.reason(e,t,n,r)}
${this.hero(e,t,o,n)}
${this.line(t)}
${this.temperature(e,t,n)}
${a&&o.power===void 0&&o.bestShare===void 0?c:G(this.figuresOf(e,t,o))}
${this.poolRow(e,i,t)}
${this.controls(e,t,n,a,r)}
</ha-card>`}subtitle(e,i,t){let n=B(p(e,i,"sensor.last_share")?.state);return t.group==="mining"&&n?`${t.word} \xB7 ${this.t("last_share",{ago:z(e,n)})}`:t.since&&t.group!=="mining"?`${t.word} \xB7 ${q(e,(Date.now()-t.since.getTime())/1e3)}`:t.word}wattsOf(e,i){let t=i.entities["number.power_draw"];if(!(!t||D(e,i,"power")!=="power_not_metered"))return{label:this.t("enter_watts"),icon:"mdi:pencil",run:()=>v(this,t)}}reason(e,i,t,n){let o=n&&!t.line?D(e,i,"power"):void 0,s=t.advice||t.longLine||(o?this.t("watts_needed"):""),r=this.failure("fix");return!s&&!r?c:d`<div class="reason ${o?"off":t.tone}" role="status">
${b(o?"mdi:information-outline":t.icon)}<p><bdi>${s}</bdi></p>${this.asking==="fix"?c:H(this.host,"fix",n,"tone")}
</div>
${this.questionOf("fix",n)}
${r?d`<p class="fail" role="alert">${r}</p>`:c}`}hero(e,i,t,n){let{hashrate:o,expected:s}=t,r=s===void 0||!s?"":o&&n.group!=="resting"?this.t("expected_percent",{percent:g([u(e,o/s*100),"%"]),hashrate:g($(e,s))}):this.t("expected",{hashrate:g($(e,s))}),a=o===void 0?d`<span>${this.t("no_reading")}</span>`:d`<button class="big-n" @click=${()=>v(this,i.entities["sensor.hashrate"])}>${F($(e,o))}</button>`;return d`<div class="hero">${a}${r?d`<bdi class="sec">${r}</bdi>`:c}</div>`}line(e){let i=e.entities["sensor.hashrate"];return!i||!this.hass.config.components.includes("history")?c:(import("./spark-ZWGI3JL6.js"),d`<hmm-spark
aria-hidden="true"
.connection=${this.hass.connection}
.entity=${i}
.expected=${x(this.hass.states[e.entities["sensor.hashrate_expected"]??""])}
></hmm-spark>
<div class="axis" aria-hidden="true"><span>${this.t("hours_ago")}</span><span>${this.t("now")}</span></div>`)}temperature(e,i,t){return d`${[["sensor.temperature","chip"],["sensor.temperature_regulator","regulator"]].map(([o,s])=>{let r=p(e,i,o),a=x(r);if(!r||a===void 0&&o!=="sensor.temperature")return c;let l=ee(e,i,o,t),f=String(r.attributes.unit_of_measurement??"\xB0C"),w=a===void 0?this.t("no_reading").toLocaleLowerCase(e.locale.language):l===void 0?N(e,r):this.t("of_limit",{value:u(e,a),limit:g([u(e,l),f])}),h=l&&a!==void 0?a/l:void 0,Z=h===void 0?"":h>=1?"err":h>=.9?"warn":"ok";return d`<div class="bar">
<div class="r"><span>${this.t(s)}</span><bdi class="num">${w}</bdi></div>
${h===void 0?c:d`<div class="meter ${Z}" aria-hidden="true"><i style="inline-size:${Math.min(100,h*100)}%"></i></div>`}
</div>`})}`}figuresOf(e,i,t){let n=s=>{let r=D(e,i,s);return r&&W(e,`selector.sentence.options.${r}`)||void 0},o=Q(e,p(e,i,"sensor.cost_rate"));return[{label:this.t("power"),value:t.power===void 0?this.t("not_reported"):P(e,t),isWord:t.power===void 0,title:n("power")},t.efficiency!==void 0?{label:this.t("efficiency"),value:y([u(e,t.efficiency,1,!0),"J/TH"])}:"sensor.efficiency"in i.entities&&{label:this.t("efficiency"),value:"\u2013",title:n("efficiency")??this.t("none_now")},o&&{label:this.t("cost"),value:y([o.text,this.t("unit_a_day")])},t.bestShare!==void 0&&{label:this.t("best_share"),value:y(A(e,t.bestShare)),title:u(e,t.bestShare)}]}poolRow(e,i,t){let n=K(e,i,t);if(!n)return c;let{name:o,account:s}=n,r=x(p(e,t,"sensor.reject_rate")),a=p(e,t,"sensor.response_time"),l=[R(a)?e.formatEntityState(a):"",r===void 0?"":`${L(e,100-r)} ${this.t("accepted")}`].filter(Boolean);return d`<button class="row" @click=${()=>s?_(s.id):v(this,t.entities["sensor.active_pool"])}>
${b("mdi:server-network")}
<span class="tx"><span class="p e"><bdi>${o}</bdi></span>${l.length?d`<span class="q sec">${l.join(" \xB7 ")}</span>`:c}</span>
${b("mdi:chevron-right","flip")}
</button>`}controls(e,i,t,n,o){let s=n?C(e,i):S(e,i),a=[n?this.page(i):t.group==="overheated"?M(e,i):j(e,i),o?.label===s?.label?void 0:s].filter(f=>f!==void 0),l=this.modeControl(e,i);return!a.length&&l===c&&!this.busy("foot0")&&!this.busy("foot1")?c:d`<div class="foot">
${l}
${this.asking?.startsWith("foot")?this.questionOf(this.asking,a[Number(this.asking.slice(4))]):d`<div class="btns">${a.map((f,w)=>H(this.host,`foot${w}`,f,""))}</div>`}
${["foot0","foot1","mode"].map(f=>this.failure(f)?d`<p class="sec" role="alert">${this.failure(f)}</p>`:c)}
</div>`}page(e){let i=e.device.configuration_url;if(!(!i||!/^https?:\/\//u.test(i)))return{label:this.t("open_page"),icon:"mdi:open-in-new",run:()=>{window.open(i,"_blank","noreferrer")}}}};function D(m,e,i){return p(m,e,"sensor.status")?.attributes.missing?.[i]}function ee(m,e,i,t){let n=p(m,e,i)?.attributes.limit;if(typeof n=="number"&&n>0)return n;let o=p(m,e,"sensor.status")?.attributes;return i==="sensor.temperature"&&t.reason==="overheat"&&typeof o?.limit=="number"&&o.limit>0?o.limit:void 0}export{Y as HmmMinerCard};
