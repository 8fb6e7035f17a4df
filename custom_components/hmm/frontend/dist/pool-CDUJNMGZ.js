import{A as p,J as q,K as z,L as y,M as l,N as B,O as h,Q as x,R as k,V as R,Z as M,a as D,aa as E,b as d,d as b,ha as H,i as _,ia as $,n as s,o as T,r as f,s as v,t as j,u,v as P,w as S,xa as K,y as C,ya as N}from"./chunk-5DCLPEFC.js";var O=class extends N{static{this.styles=[K,D`
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
`]}static getStubConfig(e,n=[]){let t=n.map(i=>e.entities[i]).find(i=>i?.platform==="hmm"&&i.translation_key==="health")?.device_id;return t?{device_id:t}:{}}draw(e,n){if(!this.config.device_id)return this.message(this.t("pick_pool"));let t=this.device(n);if(!t)return this.message(this.t("gone"));this.ticks=this.config.layout==="compact"?0:15;let i=M(e,n,t),r=E(e,n.pools,t),o=A(t);if(this.config.layout==="compact")return this.tile(e,t,r,i,o);let a=k(s(e,t,"sensor.last_share")?.state),m=[this.t(o?"solo":"pooled"),i.line||this.t("all_well"),a?this.t("last_share",{ago:p(e,a)}):""].filter(Boolean);return d`<ha-card role="article" aria-label=${r}>
<button class="tile big" @click=${()=>_(t.id)}>
${H(i.tone,i.form,i.icon)}
<span class="tx"><span class="p e" role="heading" aria-level="2" title=${r}><bdi>${r}</bdi></span><span class="q clamp"><bdi>${m.join(" \xB7 ")}</bdi></span></span>
${$("mdi:chevron-right","flip")}
</button>
<dl class="four">
${[this.health(e,t,i),o?this.odds(e,t):this.ownPart(e,t),this.shares(e,t),o?this.blocks(e,t):this.earnings(e,t)].map(c=>d`<div>
<dt>${$(c.icon,"small")}<span class="e">${c.label}</span></dt>
<dd class="v e" title=${c.value}><bdi>${c.value}</bdi>${c.note?d` <small>${c.note}</small>`:b}</dd>
${c.lines.map(w=>w?d`<dd class="q"><bdi>${w}</bdi></dd>`:b)}
</div>`)}
</dl>
</ha-card>`}tile(e,n,t,i,r){let o=i.line||(r?[this.oddsText(e,n),this.timeText(e,n)]:[this.earned(e,n)]).filter(Boolean).join(" \xB7 ")||this.t("all_well");return d`<ha-card class="compact">
<button class="tile" title="${t}: ${o}" @click=${()=>_(n.id)}>
${H(i.tone,i.form,i.icon)}
<span class="tx"><span class="p e"><bdi>${t}</bdi></span><span class="q e"><bdi>${o}</bdi></span></span>
</button>
</ha-card>`}health(e,n,t){let i=s(e,n,"binary_sensor.stratum"),r=s(e,n,"binary_sensor.health"),o=s(e,n,"sensor.stratum_latency")??s(e,n,"sensor.latency");return{icon:"mdi:heart-pulse",label:this.t("health"),value:T(o)?e.formatEntityState(o):this.t(t.tone==="err"?"down":t.bad?"partly":"good"),lines:[this.t(i?.state==="on"?"mining_connected":i?.state==="off"?"mining_down":"mining_unknown"),this.t(r?.state==="off"?"statistics_down":"statistics_ok")]}}timeText(e,n){let t=x(s(e,n,"sensor.time_to_block"));return t===void 0?"":`\u2248\xA0${C(e,t,i=>this.t("over",{time:i}))}`}oddsText(e,n){let t=x(s(e,n,"sensor.time_to_block"));return t?t>=1?this.t("per_day",{count:v(e,t,2)}):this.t("blocks_per_day",{count:v(e,1/t,2)}):""}odds(e,n){let t=h(s(e,n,"sensor.network_difficulty"));return{icon:"mdi:dice-multiple",label:this.t("time_to_block"),value:this.timeText(e,n)||"\u2013",lines:[this.oddsText(e,n),t===void 0?void 0:this.t("network_difficulty",{value:u(S(e,t))})]}}ownPart(e,n){let t=B(s(e,n,"sensor.hashrate")),i=l(s(e,n,"sensor.network_share")),r=l(s(e,n,"sensor.workers"));return{icon:"mdi:chart-donut",label:this.t("your_part"),value:t===void 0?"\u2013":u(P(e,t)),lines:[r===void 0?void 0:R(e,"workers",r),i?i<.001?this.t("one_part",{count:j(e,100/i)}):this.t("network_share",{share:y(e,i/100)}):void 0]}}shares(e,n){let t=c=>l(s(e,n,`sensor.${c}`)),[i,r,o,a]=[t("shares_valid"),t("shares_invalid"),t("shares_stale"),t("reject_rate")],m=a!==void 0?100-a:i!==void 0&&r!==void 0&&i+r>0?100*i/(i+r+(o??0)):void 0;return{icon:"mdi:share-variant",label:this.t("shares"),value:m===void 0?i===void 0?this.t("not_reported"):f(e,i):z(e,m),lines:[[i===void 0?"":this.t("accepted_count",{count:f(e,i)}),o===void 0?"":this.t("stale_count",{count:f(e,o)})].filter(Boolean).join(" \xB7 "),r===void 0?void 0:this.t("rejected_count",{count:f(e,r)})]}}blocks(e,n){let t=l(s(e,n,"sensor.blocks_24h")),i=l(s(e,n,"sensor.blocks_found")),r=k(s(e,n,"sensor.last_block")?.state),o=h(s(e,n,"sensor.best_share")),a=h(s(e,n,"sensor.network_difficulty"));return{icon:"mdi:cube-outline",label:this.t("blocks"),value:t||i?f(e,t||i):r?p(e,r):this.t("none_yet"),...t?{note:this.t("blocks_24h")}:i?{note:this.t("blocks_total")}:{},lines:[(t||i)&&r?this.t("last_block_ago",{ago:p(e,r)}):void 0,o&&a&&o<a?this.t("best_share_part",{part:y(e,o/a)}):void 0,this.balance(e,n)]}}coins(e,n,t){let i=s(e,n,`sensor.${t}`),r=l(i);return r===void 0?"":u(q(e,r,String(i?.attributes.unit_of_measurement??"")))}earned(e,n){let t=this.coins(e,n,"earnings_24h");return[t?`${t} ${this.t("in_24h")}`:"",this.balance(e,n)??""].filter(Boolean).join(" \xB7 ")}balance(e,n){let t=this.coins(e,n,"pending_balance"),i=this.coins(e,n,"confirmed_balance");return t?this.t("balance",{amount:t}):i?this.t("confirmed",{amount:i}):void 0}earnings(e,n){let t=this.coins(e,n,"pending_balance"),i=this.coins(e,n,"confirmed_balance"),r=this.coins(e,n,"earnings_24h");return{icon:"mdi:cash",label:this.t("earnings"),value:r||this.t("not_reported"),...r?{note:this.t("in_24h")}:{},lines:[t?this.t("balance",{amount:t}):void 0,i?this.t("confirmed",{amount:i}):void 0]}}};function A(g){return!("sensor.earnings_24h"in g.entities)||"sensor.time_to_block"in g.entities}export{O as HmmPoolCard,A as isSoloPool};
