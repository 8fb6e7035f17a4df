import{B as l,C as v,D as P,E as u,F as S,G as C,I as q,K as p,S as z,T as B,U as y,V as d,W as R,X as h,Z as x,_ as H,a as D,b as c,ca as M,d as b,fa as E,ga as k,ha as $,i as _,n as s,o as T,u as j,ua as K,va as N}from"./chunk-RSFKYHM2.js";var O=class extends N{static{this.styles=[K,D`
ha-card.compact { min-height: 56px; display: flex; }
.compact .tile { min-height: 0; flex: 1; }
.four { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1px; background: var(--hmm-line); border-top: 1px solid var(--hmm-line); margin: 0; }
.four > div { background: var(--hmm-card); padding: 10px 12px 12px; min-width: 0; }
.four dt { display: flex; gap: 6px; align-items: center; font-size: 12px; line-height: 18px; color: var(--hmm-text-2); }
.four dd { margin: 0; }
.four .v { font-size: 18px; line-height: 26px; font-weight: 500; }
.four .v small { font-size: 12px; font-weight: 400; }
.four .q { font-size: 12px; line-height: 17px; color: var(--hmm-text-2); overflow-wrap: anywhere; }
@container (max-width: 620px) { .four { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@container (max-width: 259px) { .four { grid-template-columns: 1fr; } }
`]}static getStubConfig(e,n=[]){let t=n.map(i=>e.entities[i]).find(i=>i?.platform==="hmm"&&i.translation_key==="health")?.device_id;return t?{device_id:t}:{}}draw(e,n){if(!this.config.device_id)return this.message(this.t("pick_pool"));let t=this.device(n);if(!t)return this.message(this.t("gone"));this.isTicking=!0;let i=M(e,n,t),r=E(e,n.pools,t),a=A(t);if(this.config.layout==="compact")return this.tile(e,t,r,i,a);let f=H(s(e,t,"sensor.last_share")?.state),m=[this.t(a?"solo":"pooled"),i.line||this.t("all_well"),f?this.t("last_share",{ago:p(e,f)}):""].filter(Boolean);return c`<ha-card role="article" aria-label=${r}>
<button class="tile big" @click=${()=>_(t.id)}>
${k(i.tone,i.form,i.icon)}
<span class="tx"><span class="p e" role="heading" aria-level="2" title=${r}><bdi>${r}</bdi></span><span class="q clamp"><bdi>${m.join(" \xB7 ")}</bdi></span></span>
${$("mdi:chevron-right","flip")}
</button>
<dl class="four">
${[this.health(e,t,i),a?this.odds(e,t):this.ownPart(e,t),this.shares(e,t),a?this.blocks(e,t):this.earnings(e,t)].map(o=>c`<div>
<dt>${$(o.icon,"small")}<span class="e">${o.label}</span></dt>
<dd class="v e" title=${o.value}><bdi>${o.value}</bdi>${o.note?c` <small>${o.note}</small>`:b}</dd>
${o.lines.map(w=>w?c`<dd class="q"><bdi>${w}</bdi></dd>`:b)}
</div>`)}
</dl>
</ha-card>`}tile(e,n,t,i,r){let a=i.line||(r?[this.oddsText(e,n),this.timeText(e,n)]:[this.earned(e,n)]).filter(Boolean).join(" \xB7 ")||this.t("all_well");return c`<ha-card class="compact">
<button class="tile" title="${t}: ${a}" @click=${()=>_(n.id)}>
${k(i.tone,i.form,i.icon)}
<span class="tx"><span class="p e"><bdi>${t}</bdi></span><span class="q e"><bdi>${a}</bdi></span></span>
</button>
</ha-card>`}health(e,n,t){let i=s(e,n,"binary_sensor.stratum"),r=s(e,n,"binary_sensor.health"),a=s(e,n,"sensor.stratum_latency")??s(e,n,"sensor.latency");return{icon:"mdi:heart-pulse",label:this.t("health"),value:T(a)?e.formatEntityState(a):this.t(t.tone==="err"?"down":t.bad?"partly":"good"),lines:[this.t(i?.state==="on"?"mining_connected":i?.state==="off"?"mining_down":"mining_unknown"),this.t(r?.state==="off"?"statistics_down":"statistics_ok")]}}timeText(e,n){let t=x(s(e,n,"sensor.time_to_block"));return t===void 0?"":`\u2248\xA0${q(e,t,i=>this.t("over",{time:i}))}`}oddsText(e,n){let t=x(s(e,n,"sensor.time_to_block"));return t?t>=1?this.t("per_day",{count:v(e,t,2)}):this.t("blocks_per_day",{count:v(e,1/t,2)}):""}odds(e,n){let t=h(s(e,n,"sensor.network_difficulty"));return{icon:"mdi:dice-multiple",label:this.t("time_to_block"),value:this.timeText(e,n)||"\u2013",lines:[this.oddsText(e,n),t===void 0?void 0:this.t("network_difficulty",{value:u(C(e,t))})]}}ownPart(e,n){let t=R(s(e,n,"sensor.hashrate")),i=d(s(e,n,"sensor.network_share")),r=d(s(e,n,"sensor.workers"));return{icon:"mdi:chart-donut",label:this.t("your_part"),value:t===void 0?"\u2013":u(S(e,t)),lines:[r===void 0?void 0:j(e,"workers",r),i?i<.001?this.t("one_part",{count:P(e,100/i)}):this.t("network_share",{share:y(e,i/100)}):void 0]}}shares(e,n){let t=o=>d(s(e,n,`sensor.${o}`)),[i,r,a,f]=[t("shares_valid"),t("shares_invalid"),t("shares_stale"),t("reject_rate")],m=f!==void 0?100-f:i!==void 0&&r!==void 0&&i+r>0?100*i/(i+r):void 0;return{icon:"mdi:share-variant",label:this.t("shares"),value:m===void 0?i===void 0?this.t("not_reported"):l(e,i):B(e,m),lines:[[i===void 0?"":this.t("accepted_count",{count:l(e,i)}),a===void 0?"":this.t("stale_count",{count:l(e,a)})].filter(Boolean).join(" \xB7 "),r===void 0?void 0:this.t("rejected_count",{count:l(e,r)})]}}blocks(e,n){let t=d(s(e,n,"sensor.blocks_24h")),i=H(s(e,n,"sensor.last_block")?.state),r=h(s(e,n,"sensor.best_share")),a=h(s(e,n,"sensor.network_difficulty"));return{icon:"mdi:cube-outline",label:this.t("blocks"),value:t?l(e,t):i?p(e,i):this.t("none_yet"),...t?{note:this.t("blocks_24h")}:{},lines:[t&&i?this.t("last_block_ago",{ago:p(e,i)}):void 0,r&&a&&r<a?this.t("best_share_part",{part:y(e,r/a)}):void 0,this.balance(e,n)]}}coins(e,n,t){let i=s(e,n,`sensor.${t}`),r=d(i);return r===void 0?"":u(z(e,r,String(i?.attributes.unit_of_measurement??"")))}earned(e,n){let t=this.coins(e,n,"earnings_24h");return[t?`${t} ${this.t("in_24h")}`:"",this.balance(e,n)??""].filter(Boolean).join(" \xB7 ")}balance(e,n){let t=this.coins(e,n,"pending_balance"),i=this.coins(e,n,"confirmed_balance");return t?this.t("balance",{amount:t}):i?this.t("confirmed",{amount:i}):void 0}earnings(e,n){let t=this.coins(e,n,"pending_balance"),i=this.coins(e,n,"confirmed_balance"),r=this.coins(e,n,"earnings_24h");return{icon:"mdi:cash",label:this.t("earnings"),value:r||this.t("not_reported"),...r?{note:this.t("in_24h")}:{},lines:[t?this.t("balance",{amount:t}):void 0,i?this.t("confirmed",{amount:i}):void 0]}}};function A(g){return!("sensor.earnings_24h"in g.entities)||"sensor.time_to_block"in g.entities}export{O as HmmPoolCard,A as isSoloPool};
