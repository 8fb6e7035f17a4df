import{a as C}from"./chunk-ZPIPO335.js";import{Ba as S,R as D,V as H,W as $,Y as F,a as U,b as h,ba as O,ca as v,d as u,i as z,ia as P,ja as b,k as E,ka as j,n as w,na as B,pa as I,q as _,r as K,s as A,wa as J,za as Y}from"./chunk-OHQOQKPX.js";import{b as N,c as k,d as T,e as L,f as q}from"./chunk-XPOVGYCS.js";import"./chunk-WOT6VMZA.js";var Q=[["name","name",""],["hashrate","hashrate","n"],["power","power","n"],["efficiency","efficiency","n w4"],["temperature","chip","n w4"],["mode","mode","w3"],["pool","pool","w2"],["bestShare","best_share","n w1"]],M={all:()=>!0,problems:$,filter_mining:x=>x.group==="mining",filter_paused:x=>x.group==="resting"},G=class extends S{constructor(){super();this.selected=new Set;this.closed=new Set;this.lastPicked="";this.shown=[];this.words="",this.filter="all",this.sorted="name",this.isUp=!0,this.grouped=!0}static{this.styles=[Y,U`
ha-card{display:flex;flex-direction:column}.tools,.selbar{display:flex;gap:8px;padding:10px;align-items:center;flex-wrap:wrap}.search{display:flex;align-items:center;gap:8px;height:36px;border-radius:18px;background:var(--hmm-fill);padding:0 12px;color:var(--hmm-text-2);flex:0 1 220px;min-width:150px}.search:focus-within{outline:2px solid var(--primary-color,#009ac7)}input[type="search"]{border:0;background:none;font:inherit;color:var(--hmm-text);outline:none;min-width:0;width:100%}input::placeholder{color:var(--hmm-text-2);opacity:1}.pills{display:flex;gap:8px;overflow-x:auto;scrollbar-width:none;padding:4px;margin:-4px}.pill{display:inline-flex;align-items:center;gap:8px;height:36px;padding:0 12px;border-radius:18px;border:1px solid var(--ha-card-border-color,var(--hmm-line));font-size:12px;white-space:nowrap;flex:none}.pill ha-icon{color:var(--c,var(--hmm-text-2))}.pill[aria-pressed="true"]{background:color-mix(in srgb,var(--primary-color,#009ac7) 20%,var(--hmm-card));border-color:var(--primary-color,#009ac7);font-weight:500}.end{margin-inline-start:auto}.selbar{background:color-mix(in srgb,var(--primary-color,#009ac7) 18%,var(--hmm-card));padding-block:8px}.selbar .btn{background:color-mix(in srgb,var(--hmm-text) 8%,transparent);flex:0 0 auto}.selbar select{appearance:none;font:inherit;font-weight:500;color:inherit;border:0;border-radius:12px;height:36px;padding:0 12px;background:color-mix(in srgb,var(--hmm-text) 8%,transparent);max-width:160px}option{background:var(--hmm-card);color:var(--hmm-text);font-weight:400}.note{padding:0 14px 8px;background:color-mix(in srgb,var(--primary-color,#009ac7) 18%,var(--hmm-card));font-size:12px}.scroll{overflow:auto;max-height:720px;flex:1}table{width:100%;border-collapse:separate;border-spacing:0}thead th{position:sticky;top:0;z-index:1;background:var(--hmm-card);font-weight:500;font-size:12px;text-align:start;color:var(--hmm-text-2);height:40px;padding:0 8px;border-block:1px solid var(--hmm-line);white-space:nowrap}th button{min-height:40px;display:inline-flex;align-items:center;gap:4px}td{height:48px;padding:0 8px;border-bottom:1px solid var(--hmm-line);white-space:nowrap}td.n,th.n{text-align:end}th.n button{flex-direction:row-reverse}.up{transform:scaleY(-1)}td.box,th.box{width:44px;padding:0;padding-inline-start:10px}td.name{width:40%;max-width:0}td .ic{width:28px;height:28px}td .ic ha-icon{--mdc-icon-size:18px}.nm{display:flex;align-items:center;gap:10px;width:100%;min-height:46px}.nm .tx{line-height:18px}td.pool{max-width:180px;overflow:hidden;text-overflow:ellipsis}tbody th{text-align:start;font-weight:400;padding:0 8px}tr.grp > *{height:40px;background:var(--hmm-fill);font-size:12px;border-bottom:1px solid var(--hmm-line)}.grp button{display:inline-flex;align-items:center;gap:8px;min-height:40px;font-size:14px}tr.sel td{background:color-mix(in srgb,var(--primary-color,#009ac7) 14%,transparent)}.chk{width:18px;height:18px;accent-color:var(--primary-color,#009ac7);margin:0;display:block}.lab{display:grid;place-items:center;width:34px;height:44px;cursor:pointer}.phone{display:none;font-size:12px}@container (max-width:1000px){.w1{display:none}}@container (max-width:860px){.w2{display:none}}@container (max-width:740px){.w3{display:none}}@container (max-width:600px){.w4,.hide,thead,.group{display:none}td{height:60px}td .ic{width:36px;height:36px}td .ic ha-icon{--mdc-icon-size:24px}.phone{display:block}.search{flex:1 1 100%;order:2}td.name{width:100%;padding-block:4px}.nm .q{white-space:normal;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2}}`]}static{this.properties={...S.properties,words:{state:!0},filter:{state:!0},sorted:{state:!0},isUp:{state:!0},grouped:{state:!0}}}setConfig(e){super.setConfig(e),this.grouped=e.group!==!1}static getStubConfig(){return{}}draw(e,i){let t=this.config.devices??[],s=i.miners.filter(({id:o})=>!t.length||t.includes(o)).map(o=>this.rowOf(e,i,o));if(!s.length)return this.message(this.t("no_miners"));let a=this.words.trim().toLocaleLowerCase(),n=s.filter(({name:o,area:r,status:c,pool:f})=>M[this.filter](c)&&(!a||`${o} ${r} ${f} ${c.word}`.toLocaleLowerCase().includes(a)));this.sort(e,n);let p=n.filter(({status:o})=>$(o)),l=n.filter(({status:o})=>!$(o)),d=this.grouped&&s.some(({area:o})=>o)?V(l,this.t("no_area")):[[this.t("others"),l]],m=[...p.length?[[this.t("word_attention"),p]]:[],...d];this.shown=m.flatMap(([,o])=>o.map(({miner:r})=>r.id));for(let o of this.selected)s.some(({miner:r})=>r.id===o)||this.selected.delete(o);let g=s.filter(({miner:o})=>this.selected.has(o.id));return h`<ha-card
role="article"
aria-label=${this.t("view_miners")}
@keydown=${o=>{o.key==="Escape"&&this.selected.size&&this.pickNone()}}
>
${this.tools(e,s)} ${g.length?this.selection(e,g):u}
<div class="scroll">
<table>
<thead>
<tr>
<th class="box" scope="col"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_all")}
.checked=${this.shown.length>0&&this.shown.every(o=>this.selected.has(o))}
.indeterminate=${g.length>0&&!this.shown.every(o=>this.selected.has(o))}
@change=${o=>this.pickAll(o.target.checked)} /></label></th>
${Q.map(([o,r,c])=>this.header(o,r,c))}
</tr>
</thead>
${C(m,([o,r])=>r===p?0:o,([o,r])=>this.group(e,o,r,m.length>1))}
</table>
${n.length?u:h`<div class="empty">${this.t("nothing_found")}</div>`}
</div>
</ha-card>`}rowOf(e,i,t){let s=k(e,t,"select.mode");return{miner:t,name:N(t),area:q(e,t)??"",status:F(e,t),readings:j(e,t),mode:T(s)?v(e,s.state):"",pool:B(e,i,t)?.name??""}}sort(e,i){let{sorted:t,isUp:s}=this,a=new Intl.Collator(e.locale.language,{numeric:!0}),n=s?1:-1;i.sort((p,l)=>{if(t==="name"||t==="mode"||t==="pool")return n*a.compare(p[t],l[t]);let[d,m]=[p.readings[t],l.readings[t]];return d===void 0||m===void 0?+(d===void 0)-+(m===void 0):n*(d-m)||a.compare(p.name,l.name)})}tools(e,i){let t={all:["",""],problems:["mdi:alert","err"],filter_mining:["mdi:pickaxe","ok"],filter_paused:["mdi:pause","off"]};return h`<div class="tools">
<label class="search">${b("mdi:magnify","small")}<input
type="search"
placeholder=${this.t("search_count",{count:i.length})}
aria-label=${this.t("search_count",{count:i.length})}
.value=${this.words}
@input=${s=>this.words=s.target.value}
/></label>
<div class="pills">
${Object.keys(M).map(s=>{let a=i.filter(({status:l})=>M[s](l)).length;if(s!=="all"&&!a&&this.filter!==s)return u;let[n,p]=t[s];return h`<button class="pill ${p}" aria-pressed=${this.filter===s?"true":"false"} @click=${()=>this.filter=s}>
${n?b(n,"small"):u}${this.t(s)} ${w(e,a)}
</button>`})}
</div>
${i.some(({area:s})=>s)?h`<button class="pill end group" aria-pressed=${this.grouped?"true":"false"} @click=${()=>this.grouped=!this.grouped}>${b("mdi:home-group","small")}${this.t("group_by_area")}</button>`:u}
</div>`}header(e,i,t){let s=e==="efficiency"?"J/TH":this.t(i),a=this.sorted===e,n=()=>{this.isUp=a?!this.isUp:e==="name"||e==="mode"||e==="pool",this.sorted=e};return h`<th scope="col" class=${t} aria-sort=${a?this.isUp?"ascending":"descending":"none"}>
<button aria-label=${this.t("sort_by",{column:this.t(i)})} @click=${n}>${s}${a?b("mdi:arrow-up",`small ${this.isUp?"":"up"}`):u}</button>
</th>`}group(e,i,t,s){let a=s&&this.closed.has(i),n=l=>{let d=J(t.map(({readings:m})=>m[l]));return d===void 0?"\u2013":_(D[l](e,d))};return h`<tbody>
${s?h`<tr class="grp">
<th colspan="2" scope="rowgroup"><button aria-expanded=${a?"false":"true"} @click=${()=>{this.closed.delete(i)||this.closed.add(i),this.requestUpdate()}}>${b(a?"mdi:chevron-right":"mdi:chevron-down","small flip")}<strong>${i}</strong><span class="sec">· ${w(e,t.length)}</span></button></th>
<td class="n"><bdi>${n("hashrate")}</bdi></td>
<td class="n hide"><bdi>${n("power")}</bdi></td>
<td class="w4" colspan="2"></td><td class="w3"></td><td class="w2"></td><td class="w1"></td>
</tr>`:u}
${a?u:C(t,({miner:l})=>l.id,l=>this.row(e,l))}
</tbody>`}row(e,i){let{miner:t,name:s,status:a,readings:n}=i,p=this.selected.has(t.id),l=I(e,n),d=g=>g?h`<bdi>${g}</bdi>`:h`<span title=${this.t(a.group==="offline"?"no_reading":"not_reported")}>–</span>`,m=a.line||a.word;return h`<tr class=${p?"sel":""}>
<td class="box"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_name",{name:s})} .checked=${p} @click=${g=>this.pick(t.id,g.shiftKey)} /></label></td>
<td class="name"><button class="nm" @click=${()=>this.config.pages?z(t.id):E(e,this,t)}>
${P(a.tone,a.form,a.icon)}
<span class="tx"><span class="e" style="display:block" title=${s}><bdi>${s}</bdi></span><span class="q e ${$(a)?"":"sec"}" title=${m}><bdi>${m}</bdi></span></span>
</button></td>
<td class="n">${d(n.hashrate===void 0?"":_(K(e,n.hashrate)))}<span class="phone sec">${d(l)}</span></td>
<td class="n hide">${d(l)}</td>
<td class="n w4">${d(n.efficiency===void 0?"":w(e,n.efficiency,1,!0))}</td>
<td class="n w4">${d(n.temperatureText)}</td>
<td class="w3">${d(i.mode)}</td>
<td class="w2 pool" title=${i.pool}>${d(i.pool)}</td>
<td class="n w1" title=${n.bestShare===void 0?"":w(e,n.bestShare)}>${d(n.bestShare===void 0?"":_(A(e,n.bestShare)))}</td>
</tr>`}pick(e,i){let t=!this.selected.has(e),[s,a]=[this.shown.indexOf(this.lastPicked),this.shown.indexOf(e)],n=i&&s>=0?this.shown.slice(Math.min(s,a),Math.max(s,a)+1):[e];for(let p of n)t?this.selected.add(p):this.selected.delete(p);this.lastPicked=e,this.requestUpdate()}pickAll(e){for(let i of this.shown)e?this.selected.add(i):this.selected.delete(i);this.requestUpdate()}pickNone(){this.selected.clear(),this.asking=void 0,this.requestUpdate()}selection(e,i){let t=i.length,s=new Map;for(let{miner:r}of i){let c=k(e,r,"select.mode");for(let f of T(c)?L(c,"options"):[])s.set(f,[...s.get(f)??[],r])}let a=r=>{this.perform("mode",`${v(e,r)} \u2026`,void 0,()=>O(e,"set_mode",s.get(r)??[],{mode:r}))},n=(r,c)=>i.map(({miner:f})=>f).filter(f=>{let R=k(e,f,r);return R!==void 0&&R.state!=="unavailable"&&(c===void 0||R.state===c)}),[p,l,d]=[n("switch.mining","on"),n("switch.mining","off"),n("button.restart")],m=[["pause",this.bulk("pause","pausing","mdi:pause",p,t)],["resume",this.bulk("resume","resuming","mdi:play",l,t)],["restart",this.bulk("restart","restarting","mdi:restart",d,t,this.t("confirm_restart_many",{count:d.length}))]],g=["pause","resume","restart","mode"].map(r=>this.failure(r)).find(Boolean),o=m.find(([r])=>r===this.asking);return h`<div class="selbar" role="toolbar" aria-label=${H(e,"selected",t)}>
<button class="ib" aria-label=${this.t("end_selection")} @click=${()=>this.pickNone()}>${b("mdi:close")}</button>
<strong>${H(e,"selected",t)}</strong>
${this.shown.every(r=>this.selected.has(r))?u:h`<button class="btn" aria-label=${this.t("select_all")} @click=${()=>this.pickAll(!0)}>${this.t("all")}</button>`}
<span class="end btns">
${s.size?h`<select aria-label=${this.t("mode")} .value=${""} @change=${r=>{let c=r.target;c.value&&a(c.value),c.value=""}}>
<option value="">${this.busy("mode")??this.t("mode")}</option>
${[...s].map(([r,c])=>h`<option value=${r}>${c.length===t?v(e,r):this.t("mode_count",{mode:v(e,r),count:c.length,total:t})}</option>`)}
</select>`:u}
${m.map(([r,c])=>this.selButton(r,c))}
</span>
</div>
${o?this.questionOf(o[0],o[1]):u}
${g?h`<p class="note" role="alert">${g}</p>`:u}`}selButton(e,i){let t=this.busy(e);return!i&&!t?u:h`<button class="btn sm" data-key=${e} aria-disabled=${t===void 0?u:"true"} @click=${()=>i&&t===void 0&&(i.confirm?this.host.ask(e):this.host.start(e,i))}>
${b(i?.icon??"mdi:timer-sand","small")}${t??i?.label}
</button>`}bulk(e,i,t,s,a,n=""){if(s.length)return{label:s.length===a?this.t(e):this.t("mode_count",{mode:this.t(e),count:s.length,total:a}),busy:this.t(i),icon:t,confirm:n,run:()=>O(this.hass,e,s)}}};function V(x,y){let e=new Map;for(let i of x){let t=i.area||y;e.set(t,[...e.get(t)??[],i])}return[...e].sort(([i],[t])=>+(i===y)-+(t===y)||i.localeCompare(t))}export{G as HmmMinersTableCard};
