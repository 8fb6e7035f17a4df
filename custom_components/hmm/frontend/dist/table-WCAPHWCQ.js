import{$ as S,Ca as W,Fa as X,Ha as O,X as K,a as U,aa as k,b as g,c as D,ca as F,d as b,e as L,ha as E,i as N,ia as C,k as B,o as z,oa as Y,p as T,pa as $,q as M,qa as G,r as I,s as V,ta as J,u as _,va as Q,x as A,y as j,z as q}from"./chunk-AOAAQHH2.js";import"./chunk-WOT6VMZA.js";var Z={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},ee=n=>(...p)=>({_$litDirective$:n,values:p}),R=class{constructor(p){}get _$AU(){return this._$AM._$AU}_$AT(p,e,i){this._$Ct=p,this._$AM=e,this._$Ci=i}_$AS(p,e){return this.update(p,e)}update(p,e){return this.render(...e)}};var{I:le}=L,te=n=>n;var se=()=>document.createComment(""),y=(n,p,e)=>{let i=n._$AA.parentNode,t=p===void 0?n._$AB:p._$AA;if(e===void 0){let s=i.insertBefore(se(),t),o=i.insertBefore(se(),t);e=new le(s,o,n,n.options)}else{let s=e._$AB.nextSibling,o=e._$AM,a=o!==n;if(a){let d;e._$AQ?.(n),e._$AM=n,e._$AP!==void 0&&(d=n._$AU)!==o._$AU&&e._$AP(d)}if(s!==t||a){let d=e._$AA;for(;d!==s;){let m=te(d).nextSibling;te(i).insertBefore(d,t),d=m}}}return e},v=(n,p,e=n)=>(n._$AI(p,e),n),de={},ie=(n,p=de)=>n._$AH=p,re=n=>n._$AH,H=n=>{n._$AR(),n._$AA.remove()};var oe=(n,p,e)=>{let i=new Map;for(let t=p;t<=e;t++)i.set(n[t],t);return i},ne=ee(class extends R{constructor(n){if(super(n),n.type!==Z.CHILD)throw Error("repeat() can only be used in text expressions")}dt(n,p,e){let i;e===void 0?e=p:p!==void 0&&(i=p);let t=[],s=[],o=0;for(let a of n)t[o]=i?i(a,o):o,s[o]=e(a,o),o++;return{values:s,keys:t}}render(n,p,e){return this.dt(n,p,e).values}update(n,[p,e,i]){let t=re(n),{values:s,keys:o}=this.dt(p,e,i);if(!Array.isArray(t))return this.ut=o,s;let a=this.ut??=[],d=[],m,f,c=0,u=t.length-1,r=0,l=s.length-1;for(;c<=u&&r<=l;)if(t[c]===null)c++;else if(t[u]===null)u--;else if(a[c]===o[r])d[r]=v(t[c],s[r]),c++,r++;else if(a[u]===o[l])d[l]=v(t[u],s[l]),u--,l--;else if(a[c]===o[l])d[l]=v(t[c],s[l]),y(n,d[l+1],t[c]),c++,l--;else if(a[u]===o[r])d[r]=v(t[u],s[r]),y(n,t[c],t[u]),u--,r++;else if(m===void 0&&(m=oe(o,r,l),f=oe(a,c,u)),m.has(a[c]))if(m.has(a[u])){let h=f.get(o[r]),x=h!==void 0?t[h]:null;if(x===null){let w=y(n,t[c]);v(w,s[r]),d[r]=w}else d[r]=v(x,s[r]),y(n,t[c],x),t[h]=null;r++}else H(t[u]),u--;else H(t[c]),c++;for(;r<=l;){let h=y(n,d[l+1]);v(h,s[r]),d[r++]=h}for(;c<=u;){let h=t[c++];h!==null&&H(h)}return this.ut=o,ie(n,d),D}});var ce=[["name","name",""],["hashrate","hashrate","n"],["power","power","n"],["efficiency","efficiency","n w4"],["temperature","chip","n w4"],["mode","mode","w3"],["pool","pool","w2"],["bestShare","best_share","n w1"]],P={all:()=>!0,problems:k,filter_mining:n=>n.group==="mining",filter_paused:n=>n.group==="resting"},ae=class extends O{constructor(){super();this.selected=new Set;this.closed=new Set;this.lastPicked="";this.shown=[];this.words="",this.filter="all",this.sorted="name",this.isUp=!0,this.grouped=!0}static{this.styles=[X,U`
ha-card{display:flex;flex-direction:column}.tools,.selbar{display:flex;gap:8px;padding:10px;align-items:center;flex-wrap:wrap}.search{display:flex;align-items:center;gap:8px;height:36px;border-radius:18px;background:var(--hmm-fill);padding:0 12px;color:var(--hmm-text-2);flex:0 1 220px;min-width:150px}.search:focus-within{outline:2px solid var(--primary-color,#009ac7)}input[type="search"]{border:0;background:none;font:inherit;color:var(--hmm-text);outline:none;min-width:0;width:100%}input::placeholder{color:var(--hmm-text-2);opacity:1}.pills{display:flex;gap:8px;overflow-x:auto;scrollbar-width:none;padding:4px;margin:-4px}.pill{display:inline-flex;align-items:center;gap:8px;height:36px;padding:0 12px;border-radius:18px;border:1px solid var(--ha-card-border-color,var(--hmm-line));font-size:12px;white-space:nowrap;flex:none}.pill ha-icon{color:var(--c,var(--hmm-text-2))}.pill[aria-pressed="true"]{background:color-mix(in srgb,var(--primary-color,#009ac7) 20%,var(--hmm-card));border-color:var(--primary-color,#009ac7);font-weight:500}.end{margin-inline-start:auto}.selbar{background:color-mix(in srgb,var(--primary-color,#009ac7) 18%,var(--hmm-card));padding-block:8px}.selbar .btn{background:color-mix(in srgb,var(--hmm-text) 8%,transparent);flex:0 0 auto}.selbar select{appearance:none;font:inherit;font-weight:500;color:inherit;border:0;border-radius:12px;height:36px;padding:0 12px;background:color-mix(in srgb,var(--hmm-text) 8%,transparent);max-width:160px}option{background:var(--hmm-card);color:var(--hmm-text);font-weight:400}.note{padding:0 14px 8px;background:color-mix(in srgb,var(--primary-color,#009ac7) 18%,var(--hmm-card));font-size:12px}.scroll{overflow:auto;max-height:720px;flex:1}table{width:100%;border-collapse:separate;border-spacing:0}thead th{position:sticky;top:0;z-index:1;background:var(--hmm-card);font-weight:500;font-size:12px;text-align:start;color:var(--hmm-text-2);height:40px;padding:0 8px;border-block:1px solid var(--hmm-line);white-space:nowrap}th button{min-height:40px;display:inline-flex;align-items:center;gap:4px}td{height:48px;padding:0 8px;border-bottom:1px solid var(--hmm-line);white-space:nowrap}td.n,th.n{text-align:end}th.n button{flex-direction:row-reverse}.up{transform:scaleY(-1)}td.box,th.box{width:44px;padding:0 0 0 10px}td.name{width:40%;max-width:0}td .ic{width:28px;height:28px}td .ic ha-icon{--mdc-icon-size:18px}.nm{display:flex;align-items:center;gap:10px;width:100%;min-height:46px}.nm .tx{line-height:18px}td.pool{max-width:180px;overflow:hidden;text-overflow:ellipsis}tbody th{text-align:start;font-weight:400;padding:0 8px}tr.grp > *{height:40px;background:var(--hmm-fill);font-size:12px;border-bottom:1px solid var(--hmm-line)}.grp button{display:inline-flex;align-items:center;gap:8px;min-height:40px;font-size:14px}tr.sel td{background:color-mix(in srgb,var(--primary-color,#009ac7) 14%,transparent)}.chk{width:18px;height:18px;accent-color:var(--primary-color,#009ac7);margin:0;display:block}.lab{display:grid;place-items:center;width:34px;height:44px;cursor:pointer}.phone{display:none;font-size:12px}@container (max-width:1000px){.w1{display:none}}@container (max-width:860px){.w2{display:none}}@container (max-width:740px){.w3{display:none}}@container (max-width:600px){.w4,.hide,thead,.group{display:none}td{height:60px}td .ic{width:36px;height:36px}td .ic ha-icon{--mdc-icon-size:24px}.phone{display:block}.search{flex:1 1 100%;order:2}td.name{width:100%;padding-block:4px}.nm .q{white-space:normal;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2}}`]}static{this.properties={...O.properties,words:{state:!0},filter:{state:!0},sorted:{state:!0},isUp:{state:!0},grouped:{state:!0}}}setConfig(e){super.setConfig(e),this.grouped=e.group!==!1}static getStubConfig(){return{}}draw(e,i){let t=this.config.devices??[],s=i.miners.filter(({id:r})=>!t.length||t.includes(r)).map(r=>this.rowOf(e,i,r));if(!s.length)return this.message(this.t("no_miners"));let o=this.words.trim().toLocaleLowerCase(),a=s.filter(({name:r,area:l,status:h,pool:x})=>P[this.filter](h)&&(!o||`${r} ${l} ${x} ${h.word}`.toLocaleLowerCase().includes(o)));this.sort(e,a);let d=a.filter(({status:r})=>k(r)),m=a.filter(({status:r})=>!k(r)),f=this.grouped&&s.some(({area:r})=>r)?pe(m,this.t("no_area")):[[this.t("others"),m]],c=[...d.length?[[this.t("word_attention"),d]]:[],...f];this.shown=c.flatMap(([,r])=>r.map(({miner:l})=>l.id));for(let r of this.selected)s.some(({miner:l})=>l.id===r)||this.selected.delete(r);let u=s.filter(({miner:r})=>this.selected.has(r.id));return g`<ha-card
role="article"
aria-label=${this.t("view_miners")}
@keydown=${r=>{r.key==="Escape"&&this.selected.size&&this.pickNone()}}
>
${this.tools(e,s)} ${u.length?this.selection(e,u):b}
<div class="scroll">
<table>
<thead>
<tr>
<th class="box" scope="col"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_all")}
.checked=${this.shown.length>0&&this.shown.every(r=>this.selected.has(r))}
.indeterminate=${u.length>0&&!this.shown.every(r=>this.selected.has(r))}
@change=${r=>this.pickAll(r.target.checked)} /></label></th>
${ce.map(([r,l,h])=>this.header(r,l,h))}
</tr>
</thead>
${c.map(([r,l])=>this.group(e,r,l,c.length>1))}
</table>
${a.length?b:g`<div class="empty">${this.t("nothing_found")}</div>`}
</div>
</ha-card>`}rowOf(e,i,t){let s=T(e,t,"select.mode");return{miner:t,name:z(t),area:V(e,t)??"",status:F(e,t),readings:G(e,t),mode:M(s)?C(e,s.state):"",pool:J(e,i,t)?.name??""}}sort(e,i){let{sorted:t,isUp:s}=this,o=new Intl.Collator(e.locale.language,{numeric:!0}),a=s?1:-1;i.sort((d,m)=>{if(t==="name"||t==="mode"||t==="pool")return a*o.compare(d[t],m[t]);let[f,c]=[d.readings[t],m.readings[t]];return f===void 0||c===void 0?+(f===void 0)-+(c===void 0):a*(f-c)||o.compare(d.name,m.name)})}tools(e,i){let t={all:["",""],problems:["mdi:alert","err"],filter_mining:["mdi:pickaxe","ok"],filter_paused:["mdi:pause","off"]};return g`<div class="tools">
<label class="search">${$("mdi:magnify","small")}<input
type="search"
placeholder=${this.t("search_count",{count:i.length})}
aria-label=${this.t("search_count",{count:i.length})}
.value=${this.words}
@input=${s=>this.words=s.target.value}
/></label>
<div class="pills">
${Object.keys(P).map(s=>{let o=i.filter(({status:m})=>P[s](m)).length;if(s!=="all"&&!o&&this.filter!==s)return b;let[a,d]=t[s];return g`<button class="pill ${d}" aria-pressed=${this.filter===s?"true":"false"} @click=${()=>this.filter=s}>
${a?$(a,"small"):b}${this.t(s)} ${_(e,o)}
</button>`})}
</div>
${i.some(({area:s})=>s)?g`<button class="pill end group" aria-pressed=${this.grouped?"true":"false"} @click=${()=>this.grouped=!this.grouped}>${$("mdi:home-group","small")}${this.t("group_by_area")}</button>`:b}
</div>`}header(e,i,t){let s=e==="efficiency"?"J/TH":this.t(i),o=this.sorted===e,a=()=>{this.isUp=o?!this.isUp:e==="name"||e==="mode"||e==="pool",this.sorted=e};return g`<th scope="col" class=${t} aria-sort=${o?this.isUp?"ascending":"descending":"none"}>
<button aria-label=${this.t("sort_by",{column:this.t(i)})} @click=${a}>${s}${o?$("mdi:arrow-up",`small ${this.isUp?"":"up"}`):b}</button>
</th>`}group(e,i,t,s){let o=s&&this.closed.has(i),a=m=>{let f=W(t.map(({readings:c})=>c[m]));return f===void 0?"\u2013":A(K[m](e,f))};return g`<tbody>
${s?g`<tr class="grp">
<th colspan="2" scope="rowgroup"><button aria-expanded=${o?"false":"true"} @click=${()=>{this.closed.delete(i)||this.closed.add(i),this.requestUpdate()}}>${$(o?"mdi:chevron-right":"mdi:chevron-down","small flip")}<strong>${i}</strong><span class="sec">· ${_(e,t.length)}</span></button></th>
<td class="n"><bdi>${a("hashrate")}</bdi></td>
<td class="n hide"><bdi>${a("power")}</bdi></td>
<td class="w4" colspan="2"></td><td class="w3"></td><td class="w2"></td><td class="w1"></td>
</tr>`:b}
${o?b:ne(t,({miner:m})=>m.id,m=>this.row(e,m))}
</tbody>`}row(e,i){let{miner:t,name:s,status:o,readings:a}=i,d=this.selected.has(t.id),m=Q(e,a),f=u=>u?g`<bdi>${u}</bdi>`:g`<span title=${this.t(o.group==="offline"?"no_reading":"not_reported")}>–</span>`,c=o.line||o.word;return g`<tr class=${d?"sel":""}>
<td class="box"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_name",{name:s})} .checked=${d} @click=${u=>this.pick(t.id,u.shiftKey)} /></label></td>
<td class="name"><button class="nm" @click=${()=>this.config.pages?N(t.id):B(e,this,t)}>
${Y(o.tone,o.form,o.icon)}
<span class="tx"><span class="e" style="display:block" title=${s}><bdi>${s}</bdi></span><span class="q e ${k(o)?"":"sec"}" title=${c}><bdi>${c}</bdi></span></span>
</button></td>
<td class="n">${f(a.hashrate===void 0?"":A(j(e,a.hashrate)))}<span class="phone sec">${f(m)}</span></td>
<td class="n hide">${f(m)}</td>
<td class="n w4">${f(a.efficiency===void 0?"":_(e,a.efficiency,1,!0))}</td>
<td class="n w4">${f(a.temperatureText)}</td>
<td class="w3">${f(i.mode)}</td>
<td class="w2 pool" title=${i.pool}>${f(i.pool)}</td>
<td class="n w1" title=${a.bestShare===void 0?"":_(e,a.bestShare)}>${f(a.bestShare===void 0?"":A(q(e,a.bestShare)))}</td>
</tr>`}pick(e,i){let t=!this.selected.has(e),[s,o]=[this.shown.indexOf(this.lastPicked),this.shown.indexOf(e)],a=i&&s>=0?this.shown.slice(Math.min(s,o),Math.max(s,o)+1):[e];for(let d of a)t?this.selected.add(d):this.selected.delete(d);this.lastPicked=e,this.requestUpdate()}pickAll(e){for(let i of this.shown)e?this.selected.add(i):this.selected.delete(i);this.requestUpdate()}pickNone(){this.selected.clear(),this.asking=void 0,this.requestUpdate()}selection(e,i){let t=i.length,s=new Map;for(let{miner:l}of i){let h=T(e,l,"select.mode");for(let x of M(h)?I(h,"options"):[])s.set(x,[...s.get(x)??[],l])}let o=l=>{this.perform("mode",`${l} \u2026`,void 0,()=>E(e,"set_mode",s.get(l)??[],{mode:l}))},a=(l,h)=>i.map(({miner:x})=>x).filter(x=>{let w=T(e,x,l);return w!==void 0&&w.state!=="unavailable"&&(h===void 0||w.state===h)}),[d,m,f]=[a("switch.mining","on"),a("switch.mining","off"),a("button.restart")],c=[["pause",this.bulk("pause","pausing","mdi:pause",d,t)],["resume",this.bulk("resume","resuming","mdi:play",m,t)],["restart",this.bulk("restart","restarting","mdi:restart",f,t,this.t("confirm_restart_many",{count:f.length}))]],u=["pause","resume","restart","mode"].map(l=>this.failure(l)).find(Boolean),r=c.find(([l])=>l===this.asking);return g`<div class="selbar" role="toolbar" aria-label=${S(e,"selected",t)}>
<button class="ib" aria-label=${this.t("end_selection")} @click=${()=>this.pickNone()}>${$("mdi:close")}</button>
<strong>${S(e,"selected",t)}</strong>
${this.shown.every(l=>this.selected.has(l))?b:g`<button class="btn" aria-label=${this.t("select_all")} @click=${()=>this.pickAll(!0)}>${this.t("all")}</button>`}
<span class="end btns">
${s.size?g`<select aria-label=${this.t("mode")} .value=${""} @change=${l=>{let h=l.target;h.value&&o(h.value),h.value=""}}>
<option value="">${this.busy("mode")??this.t("mode")}</option>
${[...s].map(([l,h])=>g`<option value=${l}>${h.length===t?C(e,l):this.t("mode_count",{mode:C(e,l),count:h.length,total:t})}</option>`)}
</select>`:b}
${c.map(([l,h])=>this.selButton(l,h))}
</span>
</div>
${r?this.questionOf(r[0],r[1]):b}
${u?g`<p class="note" role="alert">${u}</p>`:b}`}selButton(e,i){let t=this.busy(e);return!i&&!t?b:g`<button class="btn sm" data-key=${e} ?disabled=${t!==void 0||!i} @click=${()=>i&&(i.confirm?this.host.ask(e):this.host.start(e,i))}>
${$(i?.icon??"mdi:timer-sand","small")}${t??i?.label}
</button>`}bulk(e,i,t,s,o,a=""){if(s.length)return{label:s.length===o?this.t(e):this.t("mode_count",{mode:this.t(e),count:s.length,total:o}),busy:this.t(i),icon:t,confirm:a,run:()=>E(this.hass,e,s)}}};function pe(n,p){let e=new Map;for(let i of n){let t=i.area||p;e.set(t,[...e.get(t)??[],i])}return[...e].sort(([i],[t])=>+(i===p)-+(t===p)||i.localeCompare(t))}export{ae as HmmMinersTableCard};
