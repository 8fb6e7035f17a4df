import{K as w,N as k,a as y,aa as C,b as o,d as m,i as x,ia as P,n as u,r as $,u as f,v as _,xa as D,ya as g}from"./chunk-5DCLPEFC.js";var S={hours_24:1,days_7:7,days_30:30},H=class extends g{constructor(){super();this.asked="";this.ids=[];this.period="days_7",this.sorted="accepted"}static{this.styles=[D,y`
.head { display: flex; align-items: center; gap: 8px 16px; padding: 10px; flex-wrap: wrap; }
.head .tx { flex: 1 1 160px; }
.head .seg { min-width: 220px; flex: 0 1 240px; min-height: 36px; } .head .seg button { min-height: 36px; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th { font-weight: 500; font-size: 12px; color: var(--hmm-text-2); padding: 0 8px; border-block: 1px solid var(--hmm-line); white-space: nowrap; text-align: end; }
th:first-child, td:first-child { text-align: start; padding-inline-start: 14px; }
th button { min-height: 40px; display: inline-flex; align-items: center; gap: 4px; }
td { height: 48px; padding: 0 8px; border-bottom: 1px solid var(--hmm-line); white-space: nowrap; text-align: end; }
tr:last-child td { border-bottom: 0; }
td:last-child, th:last-child { padding-inline-end: 14px; }
.to { max-width: 280px; display: block; min-height: 44px; }
@container (max-width: 480px) { .wide { display: none; } }
`]}static{this.properties={...g.properties,period:{state:!0},sorted:{state:!0},found:{state:!0}}}static getStubConfig(){return{}}updated(e){this.load()}pools(e){let i=this.config.devices??[];return e.pools.filter(({id:s})=>!i.length||i.includes(s))}async load(){if(!this.hass||!this.ids.length||document.hidden)return;let e=`${this.ids.join()} ${this.period} ${Math.floor(Date.now()/3e5)}`;if(e===this.asked)return;this.asked=e;let i=S[this.period];try{this.found=await this.hass.connection.sendMessagePromise({type:"recorder/statistics_during_period",start_time:new Date(Date.now()-i*864e5).toISOString(),statistic_ids:this.ids,period:{1:"5minute",7:"hour",30:"day"}[i],types:["mean","change"]})}catch{this.found={}}}mean(e){let s=((e&&this.found?.[e])?.valueOf()??[]).map(({mean:n})=>n).filter(n=>typeof n=="number");return s.length?s.reduce((n,c)=>n+c,0)/s.length:void 0}change(e){let i=(e&&this.found?.[e]||[]).map(({change:s})=>s).filter(s=>typeof s=="number");return i.length?i.reduce((s,n)=>s+n,0):void 0}draw(e,i){let s=this.pools(i),n=this.config.title??this.t("pools_compared");if(!s.length)return this.message(this.t("no_pools"));this.ticks=300;let c=["hashrate","shares_valid","shares_invalid","shares_stale","reject_rate","latency","stratum_latency"];this.ids=s.flatMap(t=>c.map(a=>t.entities[`sensor.${a}`]).filter(a=>a!==void 0));let l=s.map(t=>this.lineOf(e,i,t)),{sorted:d}=this;l.sort((t,a)=>d==="name"?t.name.localeCompare(a.name,e.locale.language):O(d)*((a[d]??-1/0)-(t[d]??-1/0)));let h=["name","hashrate","accepted","stale","response"].filter(t=>t==="name"||l.some(a=>a[t]!==void 0));return o`<ha-card role="article" aria-label=${n}>
<div class="head">
<div class="tx"><h2 class="p">${n}</h2><span class="q sec">${this.t("averages",{period:this.t(this.period)})}</span></div>
<div class="seg" role="group" aria-label=${this.t("period")}>
${Object.keys(S).map(t=>o`<button aria-pressed=${t===this.period?"true":"false"} @click=${()=>this.period=t}><bdi>${this.t(t)}</bdi></button>`)}
</div>
</div>
${this.found&&h.length===1?o`<div class="empty line">${this.t("no_statistics")}</div>`:m}
<div class="scroll" ?hidden=${h.length===1}>
<table>
<thead><tr>${h.map(t=>this.header(t))}</tr></thead>
<tbody>
${l.map(t=>o`<tr>
${h.map(a=>a==="name"?o`<td><button class="to e" title=${t.name} @click=${()=>x(t.pool.id)}><bdi>${t.name}</bdi></button></td>`:o`<td class=${j(a)?"wide":""} title=${t[a]===void 0?this.t("not_reported"):""}><bdi>${M(e,t,a)}</bdi></td>`)}
</tr>`)}
</tbody>
</table>
</div>
</ha-card>`}header(e){let i=this.t({name:"pool",hashrate:"hashrate",accepted:"accepted_column",stale:"stale",response:"response_column"}[e]),s=this.sorted===e;return o`<th scope="col" class=${j(e)?"wide":""} aria-sort=${s?O(e)>0&&e!=="name"?"descending":"ascending":"none"}>
<button aria-label=${this.t("sort_by",{column:i})} @click=${()=>this.sorted=e}>${i}${s?P("mdi:arrow-down","small"):m}</button>
</th>`}lineOf(e,i,s){let n=p=>s.entities[`sensor.${p}`],c=p=>k({...u(e,s,p),state:"1"})??1,l=this.mean(n("hashrate")),[d,h,t]=[this.change(n("shares_valid")),this.change(n("shares_invalid")),this.change(n("shares_stale"))],a=(d??0)+(h??0)+(t??0),v=this.mean(n("reject_rate"));return{pool:s,name:C(e,i.pools,s),hashrate:l===void 0||!u(e,s,"sensor.hashrate")?void 0:l*c("sensor.hashrate"),accepted:d!==void 0&&a>0?100*d/a:v===void 0?void 0:100-v,stale:t!==void 0&&a>0?100*t/a:void 0,response:this.mean(n("stratum_latency"))??this.mean(n("latency"))}}};function O(r){return r==="stale"||r==="response"?-1:1}function j(r){return r==="stale"||r==="response"}function M(r,b,e){let i=b[e];return i===void 0?"\u2013":e==="hashrate"?f(_(r,i)):e==="response"?f([$(r,i),"ms"]):w(r,i)}export{H as HmmPoolsCard};
