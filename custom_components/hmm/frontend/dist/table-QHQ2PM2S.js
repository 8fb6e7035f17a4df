import{a as T}from"./chunk-WTVT3B5D.js";import{Aa as G,Ca as U,R as F,V as S,W as y,Y as P,a as E,b as h,ca as M,d as u,da as k,i as N,ja as j,k as L,ka as x,la as B,n as v,oa as I,q as C,qa as J,r as K,s as D,xa as Y}from"./chunk-RP7ZSXAB.js";import{b as H,c as R,d as O,e as q,f as A}from"./chunk-XPOVGYCS.js";import"./chunk-WOT6VMZA.js";var V=[["name","name",""],["hashrate","hashrate","n"],["power","power","n"],["efficiency","efficiency","n w4"],["temperature","chip","n w4"],["mode","mode","w3"],["pool","pool","w2"],["bestShare","best_share","n w1"]],z={all:()=>!0,problems:y,filter_mining:w=>w.group==="mining",filter_paused:w=>w.group==="resting"},Q=class extends U{constructor(){super();this.selected=new Set;this.closed=new Set;this.lastPicked="";this.mode="";this.shown=[];this.words="",this.filter="all",this.sorted="name",this.isUp=!0,this.grouped=!0}static{this.styles=[G,E`
ha-card{display:flex;flex-direction:column}.tools,.selbar{display:flex;gap:8px;padding:10px;align-items:center;flex-wrap:wrap}.search{display:flex;align-items:center;gap:8px;height:36px;border-radius:18px;background:var(--hmm-fill);padding:0 12px;color:var(--hmm-text-2);flex:0 1 220px;min-width:150px}.search:focus-within{outline:2px solid var(--primary-color,#009ac7)}input[type="search"]{border:0;background:none;font:inherit;color:var(--hmm-text);outline:none;min-width:0;width:100%}input::placeholder{color:var(--hmm-text-2);opacity:1}.pills{display:flex;gap:8px;overflow-x:auto;scrollbar-width:none;padding:4px;margin:-4px}.pill{display:inline-flex;align-items:center;gap:8px;height:36px;padding:0 12px;border-radius:18px;border:1px solid var(--ha-card-border-color,var(--hmm-line));font-size:12px;white-space:nowrap;flex:none}.pill ha-icon{color:var(--c,var(--hmm-text-2))}.pill[aria-pressed="true"]{background:color-mix(in srgb,var(--primary-color,#009ac7) 20%,var(--hmm-card));border-color:var(--primary-color,#009ac7);font-weight:500}.end{margin-inline-start:auto}.selbar{background:color-mix(in srgb,var(--primary-color,#009ac7) 18%,var(--hmm-card));padding-block:8px}.selbar .btn{background:color-mix(in srgb,var(--hmm-text) 8%,transparent);flex:0 0 auto}.selbar select{appearance:none;font:inherit;font-weight:500;color:inherit;border:0;border-radius:12px;height:36px;padding:0 12px;background:color-mix(in srgb,var(--hmm-text) 8%,transparent);max-width:160px}option{background:var(--hmm-card);color:var(--hmm-text);font-weight:400}.note{padding:0 14px 8px;background:color-mix(in srgb,var(--primary-color,#009ac7) 18%,var(--hmm-card));font-size:12px}.scroll{overflow:auto;max-height:720px;flex:1}table{width:100%;border-collapse:separate;border-spacing:0}thead th{position:sticky;top:0;z-index:1;background:var(--hmm-card);font-weight:500;font-size:12px;text-align:start;color:var(--hmm-text-2);height:40px;padding:0 8px;border-block:1px solid var(--hmm-line);white-space:nowrap}th button{min-height:40px;display:inline-flex;align-items:center;gap:4px}td{height:48px;padding:0 8px;border-bottom:1px solid var(--hmm-line);white-space:nowrap}td.n,th.n{text-align:end}th.n button{flex-direction:row-reverse}.up{transform:scaleY(-1)}td.box,th.box{width:44px;padding:0;padding-inline-start:10px}td.name{width:40%;max-width:0}td .ic{width:28px;height:28px}td .ic ha-icon{--mdc-icon-size:18px}.nm{display:flex;align-items:center;gap:10px;width:100%;min-height:46px}.nm .tx{line-height:18px}td.pool{max-width:180px;overflow:hidden;text-overflow:ellipsis}tbody th{text-align:start;font-weight:400;padding:0 8px}tr.grp > *{height:40px;background:var(--hmm-fill);font-size:12px;border-bottom:1px solid var(--hmm-line)}.grp button{display:inline-flex;align-items:center;gap:8px;min-height:40px;font-size:14px}tr.sel td{background:color-mix(in srgb,var(--primary-color,#009ac7) 14%,transparent)}.chk{width:18px;height:18px;accent-color:var(--primary-color,#009ac7);margin:0;display:block}.lab{display:grid;place-items:center;width:34px;height:44px;cursor:pointer}.phone{display:none;font-size:12px}@container (max-width:1000px){.w1{display:none}}@container (max-width:860px){.w2{display:none}}@container (max-width:740px){.w3{display:none}}@container (max-width:600px){.w4,.hide,thead,.group{display:none}td{height:60px}td .ic{width:36px;height:36px}td .ic ha-icon{--mdc-icon-size:24px}.phone{display:block}.search{flex:1 1 100%;order:2}td.name{width:100%;padding-block:4px}.nm .q{white-space:normal;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2}}`]}static{this.properties={...U.properties,words:{state:!0},filter:{state:!0},sorted:{state:!0},isUp:{state:!0},grouped:{state:!0}}}setConfig(t){super.setConfig(t),this.grouped=t.group!==!1}static getStubConfig(){return{}}draw(t,s){let e=this.config.devices??[],i=s.miners.filter(({id:o})=>!e.length||e.includes(o)).map(o=>this.rowOf(t,s,o));if(!i.length)return this.message(this.t("no_miners"));let n=this.words.trim().toLocaleLowerCase(),r=i.filter(({name:o,area:m,status:a,pool:c})=>z[this.filter](a)&&(!n||`${o} ${m} ${c} ${a.word}`.toLocaleLowerCase().includes(n)));this.sort(t,r);let l=r.filter(({status:o})=>y(o)),d=r.filter(({status:o})=>!y(o)),p=this.grouped&&i.some(({area:o})=>o)?W(d,this.t("no_area")):[[this.t("others"),d]],g=[...l.length?[[this.t("word_attention"),l]]:[],...p];this.shown=g.flatMap(([,o])=>o.map(({miner:m})=>m.id));for(let o of this.selected)i.some(({miner:m})=>m.id===o)||this.selected.delete(o);let f=i.filter(({miner:o})=>this.selected.has(o.id));return h`<ha-card
role="article"
aria-label=${this.t("view_miners")}
@keydown=${o=>{o.key==="Escape"&&this.selected.size&&this.pickNone()}}
>
${this.tools(t,i)} ${f.length?this.selection(t,f):u}
<div class="scroll">
<table>
<thead>
<tr>
<th class="box" scope="col"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_all")}
.checked=${this.shown.length>0&&this.shown.every(o=>this.selected.has(o))}
.indeterminate=${f.length>0&&!this.shown.every(o=>this.selected.has(o))}
@change=${o=>this.pickAll(o.target.checked)} /></label></th>
${V.map(([o,m,a])=>this.header(o,m,a))}
</tr>
</thead>
${T(g,([o,m])=>m===l?0:o,([o,m])=>this.group(t,o,m,g.length>1))}
</table>
${r.length?u:h`<div class="empty">${this.t("nothing_found")}</div>`}
</div>
</ha-card>`}rowOf(t,s,e){let i=R(t,e,"select.mode");return{miner:e,name:H(e),area:A(t,e)??"",status:P(t,e),readings:B(t,e),mode:O(i)?k(t,i.state):"",pool:I(t,s,e)?.name??""}}sort(t,s){let{sorted:e,isUp:i}=this,n=new Intl.Collator(t.locale.language,{numeric:!0}),r=i?1:-1;s.sort((l,d)=>{if(e==="name"||e==="mode"||e==="pool")return r*n.compare(l[e],d[e]);let[p,g]=[l.readings[e],d.readings[e]];return p===void 0||g===void 0?+(p===void 0)-+(g===void 0):r*(p-g)||n.compare(l.name,d.name)})}tools(t,s){let e={all:["",""],problems:["mdi:alert","err"],filter_mining:["mdi:pickaxe","ok"],filter_paused:["mdi:pause","off"]};return h`<div class="tools">
<label class="search">${x("mdi:magnify","small")}<input
type="search"
placeholder=${this.t("search_count",{count:s.length})}
aria-label=${this.t("search_count",{count:s.length})}
.value=${this.words}
@input=${i=>this.words=i.target.value}
/></label>
<div class="pills">
${Object.keys(z).map(i=>{let n=s.filter(({status:d})=>z[i](d)).length;if(i!=="all"&&!n&&this.filter!==i)return u;let[r,l]=e[i];return h`<button class="pill ${l}" aria-pressed=${this.filter===i?"true":"false"} @click=${()=>this.filter=i}>
${r?x(r,"small"):u}${this.t(i)} ${v(t,n)}
</button>`})}
</div>
${s.some(({area:i})=>i)?h`<button class="pill end group" aria-pressed=${this.grouped?"true":"false"} @click=${()=>this.grouped=!this.grouped}>${x("mdi:home-group","small")}${this.t("group_by_area")}</button>`:u}
</div>`}header(t,s,e){let i=t==="efficiency"?"J/TH":this.t(s),n=this.sorted===t,r=()=>{this.isUp=n?!this.isUp:t==="name"||t==="mode"||t==="pool",this.sorted=t};return h`<th scope="col" class=${e} aria-sort=${n?this.isUp?"ascending":"descending":"none"}>
<button aria-label=${this.t("sort_by",{column:this.t(s)})} @click=${r}>${i}${n?x("mdi:arrow-up",`small ${this.isUp?"":"up"}`):u}</button>
</th>`}group(t,s,e,i){let n=i&&this.closed.has(s),r=d=>{let p=Y(e.map(({readings:g})=>g[d]));return p===void 0?"\u2013":C(F[d](t,p))};return h`<tbody>
${i?h`<tr class="grp">
<th colspan="2" scope="rowgroup"><button aria-expanded=${n?"false":"true"} @click=${()=>{this.closed.delete(s)||this.closed.add(s),this.requestUpdate()}}>${x(n?"mdi:chevron-right":"mdi:chevron-down","small flip")}<strong>${s}</strong><span class="sec">· ${v(t,e.length)}</span></button></th>
<td class="n"><bdi>${r("hashrate")}</bdi></td>
<td class="n hide"><bdi>${r("power")}</bdi></td>
<td class="w4" colspan="2"></td><td class="w3"></td><td class="w2"></td><td class="w1"></td>
</tr>`:u}
${n?u:T(e,({miner:d})=>d.id,d=>this.row(t,d))}
</tbody>`}row(t,s){let{miner:e,name:i,status:n,readings:r}=s,l=this.selected.has(e.id),d=J(t,r),p=f=>f?h`<bdi>${f}</bdi>`:h`<span title=${this.t(n.group==="offline"?"no_reading":"not_reported")}>–</span>`,g=n.line||n.word;return h`<tr class=${l?"sel":""}>
<td class="box"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_name",{name:i})} .checked=${l} @click=${f=>this.pick(e.id,f.shiftKey)} /></label></td>
<td class="name"><button class="nm" @click=${()=>this.config.pages?N(e.id):L(t,this,e)}>
${j(n.tone,n.form,n.icon)}
<span class="tx"><span class="e" style="display:block" title=${i}><bdi>${i}</bdi></span><span class="q e ${y(n)?"":"sec"}" title=${g}><bdi>${g}</bdi></span></span>
</button></td>
<td class="n">${p(r.hashrate===void 0?"":C(K(t,r.hashrate)))}<span class="phone sec">${p(d)}</span></td>
<td class="n hide">${p(d)}</td>
<td class="n w4">${p(r.efficiency===void 0?"":v(t,r.efficiency,1,!0))}</td>
<td class="n w4">${p(r.temperatureText)}</td>
<td class="w3">${p(s.mode)}</td>
<td class="w2 pool" title=${s.pool}>${p(s.pool)}</td>
<td class="n w1" title=${r.bestShare===void 0?"":v(t,r.bestShare)}>${p(r.bestShare===void 0?"":C(D(t,r.bestShare)))}</td>
</tr>`}pick(t,s){let e=!this.selected.has(t),[i,n]=[this.shown.indexOf(this.lastPicked),this.shown.indexOf(t)],r=s&&i>=0?this.shown.slice(Math.min(i,n),Math.max(i,n)+1):[t];for(let l of r)e?this.selected.add(l):this.selected.delete(l);this.lastPicked=t,this.requestUpdate()}pickAll(t){for(let s of this.shown)t?this.selected.add(s):this.selected.delete(s);this.requestUpdate()}pickNone(){this.selected.clear(),this.asking=void 0,this.requestUpdate()}selection(t,s){let e=s.length,i=new Map;for(let{miner:a}of s){let c=R(t,a,"select.mode");for(let b of O(c)?q(c,"options"):[])i.set(b,[...i.get(b)??[],a])}let n=a=>{let[c,b]=[k(t,a),i.get(a)??[]],$=b.length>1?this.t("confirm_mode_many",{count:b.length,mode:c}):"";return{label:c,busy:`${c} \u2026`,icon:"mdi:speedometer",confirm:$,run:()=>M(t,"set_mode",b,{mode:a})}},r=a=>{this.mode=a,n(a).confirm?this.host.ask("mode"):this.host.start("mode",n(a))},l=(a,c)=>s.map(({miner:b})=>b).filter(b=>{let $=R(t,b,a);return $!==void 0&&$.state!=="unavailable"&&(c===void 0||$.state===c)}),[d,p,g]=[l("switch.mining","on"),l("switch.mining","off"),l("button.restart")],f=[["pause",this.bulk("pause","pausing","mdi:pause",d,e)],["resume",this.bulk("resume","resuming","mdi:play",p,e)],["restart",this.bulk("restart","restarting","mdi:restart",g,e)]],o=["pause","resume","restart","mode"].map(a=>this.failure(a)).find(Boolean),m=[...f,["mode",n(this.mode)]].find(([a])=>a===this.asking);return h`<div class="selbar" role="toolbar" aria-label=${S(t,"selected",e)}>
<button class="ib" aria-label=${this.t("end_selection")} @click=${()=>this.pickNone()}>${x("mdi:close")}</button>
<strong>${S(t,"selected",e)}</strong>
${this.shown.every(a=>this.selected.has(a))?u:h`<button class="btn" aria-label=${this.t("select_all")} @click=${()=>this.pickAll(!0)}>${this.t("all")}</button>`}
<span class="end btns">
${i.size?h`<select data-key="mode" aria-label=${this.t("mode")} .value=${""} @change=${a=>{let c=a.target;c.value&&r(c.value),c.value=""}}>
<option value="">${this.busy("mode")??this.t("mode")}</option>
${[...i].map(([a,c])=>h`<option value=${a}>${c.length===e?k(t,a):this.t("mode_count",{mode:k(t,a),count:c.length,total:e})}</option>`)}
</select>`:u}
${f.map(([a,c])=>this.selButton(a,c))}
</span>
</div>
${m?this.questionOf(m[0],m[1]):u}
${o?h`<p class="note" role="alert">${o}</p>`:u}`}selButton(t,s){let e=this.busy(t);return!s&&!e?u:h`<button class="btn sm" data-key=${t} aria-disabled=${e===void 0?u:"true"} @click=${()=>s&&e===void 0&&(s.confirm?this.host.ask(t):this.host.start(t,s))}>
${x(s?.icon??"mdi:timer-sand","small")}${e??s?.label}
</button>`}bulk(t,s,e,i,n){let[r,...l]=i;if(!r)return;let d=l.length?this.t(`confirm_${t}_many`,{count:i.length}):t==="restart"?this.t("confirm_restart",{name:H(r)}):"";return{label:i.length===n?this.t(t):this.t("mode_count",{mode:this.t(t),count:i.length,total:n}),busy:this.t(s),icon:e,confirm:d,run:()=>M(this.hass,t,i)}}};function W(w,_){let t=new Map;for(let s of w){let e=s.area||_;t.set(e,[...t.get(e)??[],s])}return[...t].sort(([s],[e])=>+(s===_)-+(e===_)||s.localeCompare(e))}export{Q as HmmMinersTableCard};
