import{a as Z}from"./chunk-6M6KAI3B.js";import{a as ee}from"./chunk-ERNUJLR6.js";import"./chunk-NNURRAUU.js";import{A as j,C,F as A,K as q,M as x,R as S,X as z,Y as B,a as D,b as d,ca as L,d as c,da as P,ea as I,fa as W,ga as E,h as $,ha as F,i as H,ia as g,ja as J,la as K,m as R,ma as N,n as u,na as G,o as T,oa as Q,r as h,ra as w,sa as U,ta as V,u as b,v as y,va as X,w as O,wa as _,xa as Y,z as M}from"./chunk-5DCLPEFC.js";var te=class extends ee{static{this.styles=[Y,D`
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
.foot .reason { margin: 0; }
.axis { display: flex; justify-content: space-between; padding: 2px 14px 4px; font-size: 12px; line-height: 16px; direction: ltr; color: var(--hmm-text-2); }
hmm-spark { display: block; height: 52px; margin-top: 4px; }
.fail { padding: 0 14px 8px; font-size: 12px; }
`]}static getStubConfig(e,n=[]){let t=n.map(i=>e.entities[i]).find(i=>i?.platform==="hmm")?.device_id;return{...t?{device_id:t}:{},layout:"detailed"}}draw(e,n){if(!this.config.device_id)return this.message(this.t("pick_miner"));let t=this.device(n);if(!t)return this.message(this.t("gone"));let i=B(e,t),o=this.config.layout==="detailed";return this.ticks=o?15:0,o?this.detailed(e,n,t,i):Z(e,this,t,i)}detailed(e,n,t,i){let o=J(e,t),s=R(t),r=P(e,t,i)??this.wattsOf(e,t),a=i.group==="offline"||u(e,t,"sensor.status")?.state==="off";return d`<ha-card role="article" aria-label=${s}>
<div class="tile big">
${F(i.tone,i.form,i.icon)}
<div class="tx"><h2 class="p e" title=${s}><bdi>${s}</bdi></h2><span class="q e"><bdi>${this.subtitle(e,t,i)}</bdi></span></div>
<button class="ib" aria-label=${this.t("details",{name:s})} @click=${()=>H(t.id)}>${g("mdi:dots-vertical")}</button>
</div>
${this.reason(e,t,i,r)}
${this.hero(e,t,o,i)}
${this.line(t)}
${this.temperature(e,t,i)}
${a&&o.power===void 0&&o.bestShare===void 0?c:V(this.figuresOf(e,n,t,o))}
${this.poolRow(e,n,t)}
${this.controls(e,t,i,a,r)}
</ha-card>`}subtitle(e,n,t){let i=S(u(e,n,"sensor.last_share")?.state);return t.group==="mining"&&i?`${t.word} \xB7 ${this.t("last_share",{ago:j(e,i)})}`:t.since&&t.group!=="mining"?`${t.word} \xB7 ${M(e,(Date.now()-t.since.getTime())/1e3)}`:t.word}wattsOf(e,n){let t=n.entities["number.power_draw"];if(!(!t||k(e,n,"power")!=="power_not_metered"))return{label:this.t("enter_watts"),icon:"mdi:pencil",run:()=>$(this,t)}}reason(e,n,t,i){let o=i&&!t.line?k(e,n,"power"):void 0,s=t.advice||t.longLine||(o?this.t("watts_needed"):""),r=this.failure("fix");return!s&&!r?c:d`<div class="reason ${o?"off":t.tone}" role="status">
${g(o?"mdi:information-outline":t.icon)}<p><bdi>${s}</bdi></p>${this.asking==="fix"?c:_(this.host,"fix",i,"tone")}
</div>
${this.questionOf("fix",i)}
${r?d`<p class="fail" role="alert">${r}</p>`:c}`}hero(e,n,t,i){let{hashrate:o,expected:s}=t,r=s===void 0||!s?"":o&&i.group!=="resting"?this.t("expected_percent",{percent:b([h(e,o/s*100),"%"]),hashrate:b(y(e,s))}):this.t("expected",{hashrate:b(y(e,s))}),a=o===void 0?d`<span>${this.t("no_reading")}</span>`:d`<button class="big-n" @click=${()=>$(this,n.entities["sensor.hashrate"])}>${U(y(e,o))}</button>`;return d`<div class="hero">${a}${r?d`<bdi class="sec">${r}</bdi>`:c}</div>`}line(e){let n=e.entities["sensor.hashrate"];return!n||!this.hass.config.components.includes("history")?c:(import("./spark-UP5MFN3H.js"),d`<hmm-spark
aria-hidden="true"
.connection=${this.hass.connection}
.entity=${n}
.expected=${x(this.hass.states[e.entities["sensor.hashrate_expected"]??""])}
></hmm-spark>
<div class="axis" aria-hidden="true"><span>${this.t("hours_ago")}</span><span>${this.t("now")}</span></div>`)}temperature(e,n,t){return d`${[["sensor.temperature","chip"],["sensor.temperature_regulator","regulator"]].map(([o,s])=>{let r=u(e,n,o),a=x(r);if(!r||a===void 0&&o!=="sensor.temperature")return c;let l=se(e,n,o,t),f=String(r.attributes.unit_of_measurement??"\xB0C"),m=oe(this.pointsOf(r.entity_id),a),ie=[a===void 0?this.t("no_reading").toLocaleLowerCase(e.locale.language):l===void 0?G(e,r):this.t("of_limit",{value:h(e,a),limit:b([h(e,l),f])}),m===void 0||Math.round(m)<=Math.round(a??-1/0)?"":this.t("peak",{value:b([h(e,m),f])}),l===void 0&&a!==void 0&&o==="sensor.temperature"?this.t("limit_not_reported"):""].filter(Boolean).join(" \xB7 "),v=l&&a!==void 0?a/l:void 0,ne=v===void 0?"":v>=1?"err":"ok";return d`<div class="bar">
<div class="r"><span>${this.t(s)}</span><bdi class="num">${ie}</bdi></div>
${v===void 0?c:d`<div class="meter ${ne}" aria-hidden="true"><i style="inline-size:${Math.min(100,v*100)}%"></i>${m===void 0?c:d`<b style="inset-inline-start:calc(${Math.min(100,100*m/l)}% - 2px)"></b>`}</div>`}
</div>`})}`}figuresOf(e,n,t,i){let o=l=>{let f=k(e,t,l);return f&&z(e,`selector.sentence.options.${f}`)||void 0},s=X(e,n,t,i.power),{bestShare:r}=i,a=r===void 0?void 0:K(e,t,r);return[{label:this.t("power"),value:i.power===void 0?this.t("not_reported"):Q(e,i),isWord:i.power===void 0,title:o("power")},i.efficiency!==void 0?{label:this.t("efficiency"),value:w([h(e,i.efficiency,1,!0),"J/TH"])}:"sensor.efficiency"in t.entities&&{label:this.t("efficiency"),value:"\u2013",title:o("efficiency")??this.t("none_now")},s!==void 0&&{label:this.t("cost"),value:w([s,this.t("unit_a_day")])},i.bestShare!==void 0&&{label:this.t("best_share"),value:w(O(e,i.bestShare)),title:[h(e,i.bestShare),a?A(e,a):""].filter(Boolean).join(" \xB7 ")}]}poolRow(e,n,t){let i=N(e,n,t);if(!i)return c;let{name:o,account:s}=i,r=x(u(e,t,"sensor.reject_rate")),a=u(e,t,"sensor.response_time"),l=[T(a)?e.formatEntityState(a):"",r===void 0?"":`${q(e,100-r)} ${this.t("accepted")}`].filter(Boolean);return d`<button class="row" @click=${()=>s?H(s.id):$(this,t.entities["sensor.active_pool"])}>
${g("mdi:server-network")}
<span class="tx"><span class="p e"><bdi>${o}</bdi></span>${l.length?d`<span class="q sec"><bdi>${l.join(" \xB7 ")}</bdi></span>`:c}</span>
${g("mdi:chevron-right","flip")}
</button>`}controls(e,n,t,i,o){let s=i?I(e,n):L(e,n),a=[i?this.page(n):t.group==="overheated"?E(e,n):W(e,n),o?.label===s?.label?void 0:s].filter(f=>f!==void 0),l=this.modeControl(e,n);return!a.length&&l===c&&!this.busy("foot0")&&!this.busy("foot1")?c:d`<div class="foot">
${this.byHand(e,n)}
${l}
${this.asking?.startsWith("foot")?this.questionOf(this.asking,a[Number(this.asking.slice(4))]):d`<div class="btns">${a.map((f,m)=>_(this.host,`foot${m}`,f,""))}</div>`}
${["foot0","foot1","mode"].map(f=>this.failure(f)?d`<p class="sec" role="alert">${this.failure(f)}</p>`:c)}
</div>`}byHand(e,n){let t=u(e,n,"sensor.controlled_by");if(t?.state!=="manual")return c;let i=n.entities["button.resume_automatic"],o=i===void 0?void 0:{label:this.t("automatic"),icon:"mdi:calendar-sync",entity:t.entity_id,run:()=>e.callService("button","press",{},{entity_id:i})},s=S(t.attributes.until),r=String(t.attributes.explanation??"")||(s?this.t("by_hand_until",{time:C(e,s)}):this.t("row_by_hand"));return d`<div class="reason neu">${g("mdi:hand-back-right")}<p><bdi>${r}</bdi></p>${_(this.host,"automatic",o,"tone")}</div>
${this.failure("automatic")?d`<p class="sec" role="alert">${this.failure("automatic")}</p>`:c}`}page(e){let n=e.device.configuration_url;if(!(!n||!/^https?:\/\//u.test(n)))return{label:this.t("open_page"),icon:"mdi:open-in-new",run:()=>{window.open(n,"_blank","noreferrer")}}}};function oe(p,e){let n=[...p.map(([,t])=>t),e].filter(t=>t!==void 0);return p.length?Math.max(...n):void 0}function k(p,e,n){return u(p,e,"sensor.status")?.attributes.missing?.[n]}function se(p,e,n,t){let i=u(p,e,"sensor.status")?.attributes;if(n==="sensor.temperature"&&t.reason==="overheat"&&typeof i?.limit=="number"&&i.limit>0)return i.limit;let o=u(p,e,n),s=o?.attributes.limit;if(!(typeof s!="number"||s<=0))return o?.attributes.unit_of_measurement==="\xB0F"?s*1.8+32:s}export{te as HmmMinerCard};
