import{C as H,R as P,a as v,b as l,d as h,h as $,ha as S,ja as T,l as x,m as f,n as m,o as k,r as c,u as g,x as _,xa as C,ya as b}from"./chunk-5DCLPEFC.js";var R=12,y=new Set(["queued","settling","measuring","returning"]),O=class extends b{constructor(){super(...arguments);this.known=""}static{this.styles=[C,v`
hmm-points { display: block; min-height: 240px; margin: 0 8px; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th { font-weight: 500; font-size: 12px; color: var(--hmm-text-2); padding: 8px; border-block: 1px solid var(--hmm-line); text-align: end; }
td { height: 48px; padding: 0 8px; border-bottom: 1px solid var(--hmm-line); white-space: nowrap; text-align: end; }
th:first-child, td:first-child { text-align: start; padding-inline-start: 14px; }
td:first-child { font-weight: 500; white-space: normal; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
@container (max-width: 480px) { .wide { display: none; } }
`]}static{this.properties={...b.properties,profiles:{state:!0}}}static getStubConfig(t){let{miners:e}=x(t);return{device_id:(e.find(i=>"sensor.autotune"in i.entities)??e[0])?.id??""}}updated(t){this.load()}async load(){let t=String(this.config?.device_id??""),e=Object.values(this.hass?.entities??{}).filter(({device_id:s,translation_key:r})=>s===t&&(r==="mode"||r==="autotune")),i=JSON.stringify([t,e.map(({entity_id:s})=>[this.hass.states[s]?.state,this.hass.states[s]?.attributes.options])]);if(!(!e.length||i===this.known)){this.known=i;try{let{response:s}=await this.hass.callService("hmm","get_tuning",{},{device_id:t},!1,!0);this.profiles=A(s)}catch{this.profiles=[]}}}draw(t,e){if(!this.config.device_id)return this.message(this.t("pick_miner"));let i=this.device(e);if(!i)return this.message(this.t("gone"));let s=m(t,i,"sensor.autotune"),r=this.points(t,i,s),o=y.has(s?.state??"");return l`<ha-card role="article" aria-label=${f(i)}>
<button class="tile big" @click=${()=>$(this,i.entities["sensor.autotune"]??i.entities["select.mode"])}>
${S(o?"info":"neu",o?"ring":"tint","mdi:tune-variant")}
<span class="tx"><span class="p e" role="heading" aria-level="2"><bdi>${f(i)}</bdi></span><span class="q clamp">${this.line(t,s)}</span></span>
</button>
${r.length>1?this.chart(t,r):h}
${this.table(t,i)}
</ha-card>`}line(t,e){if(!k(e))return this.t("not_tuned");let{step:i,steps:s,finishes:r}=e.attributes,o=P(r),n=[t.formatEntityState(e)];return y.has(e.state)&&s&&n.push(this.t("step_of",{step:c(t,Number(i)||0),steps:c(t,Number(s))})),y.has(e.state)&&o&&n.push(this.t("ready_at",{time:H(t,o)})),n.join(" \xB7 ")}points(t,e,i){let s=i?.attributes.points,r=[];for(let a of Array.isArray(s)?s.slice(0,60):[]){let[p,d]=[Number(a?.hashrate),Number(a?.power)];p>0&&d>0&&r.push({hashrate:p,power:d,kind:a.verdict==="good"?"measured":"refused"})}for(let{name:a,hashrate:p,power:d}of this.profiles??[])p&&d&&r.push({hashrate:p,power:d,name:a,kind:"profile"});let{hashrate:o,power:n}=T(t,e);return o&&n&&r.length&&r.push({hashrate:o/1e12,power:n,name:this.t("now"),kind:"now"}),r}chart(t,e){import("./charts-FMGAGWV2.js");let i={points:e,label:this.t("points_label",{count:e.length}),number:s=>c(t,s,2)};return l`<hmm-points .data=${i}></hmm-points>`}table(t,e){let i=this.profiles??[];if(!i.length)return this.profiles?l`<div class="empty line">${this.t("no_profiles")}</div>`:h;let s=m(t,e,"select.mode"),r=Array.isArray(s?.attributes.options)?s.attributes.options:[],o=n=>{this.perform(n,this.t("applying"),s?.entity_id,()=>t.callService("select","select_option",{option:n},{entity_id:s?.entity_id}))};return l`<div class="scroll"><table>
<thead><tr><th scope="col">${this.t("profile")}</th><th scope="col">TH/s</th><th scope="col">${this.t("power")}</th><th scope="col">J/TH</th><th scope="col" class="wide">${this.t("chip")}</th><th><span class="sr">${this.t("apply")}</span></th></tr></thead>
<tbody>${i.slice(0,R).map(({name:n,hashrate:a,power:p,temperature:d})=>l`<tr>
<td><bdi>${n}</bdi></td>
<td>${a?c(t,a,2,!0):"\u2013"}</td>
<td>${p?g(_(t,p)):"\u2013"}</td>
<td>${a&&p?c(t,p/a,1,!0):"\u2013"}</td>
<td class="wide">${d?g([c(t,d),"\xB0C"]):"\u2013"}</td>
<td>${r.includes(n)?l`<button class="btn sm" ?disabled=${s?.state===n||this.busy(n)!==void 0} aria-label=${`${this.t("apply")}: ${n}`} @click=${()=>o(n)}>${this.busy(n)??this.t(s?.state===n?"applied":"apply")}</button>`:h}</td>
</tr>`)}</tbody>
</table></div>`}};function A(w){let[u]=w?.miners??[],t=e=>typeof e=="number"&&e>0?e:void 0;return(Array.isArray(u?.profiles)?u.profiles:[]).map(e=>{let i=e?.measured??{};return{name:String(e?.name??""),hashrate:t(i.hashrate),power:t(i.power),temperature:t(i.temperature)}})}export{O as HmmTuningCard,A as profilesOf};
