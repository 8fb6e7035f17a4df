import{V as E,W as T,Y as K,a as O,b as g,ba as C,c as L,d as b,e as N,ha as V,i as z,ia as v,ja as q,m as S,ma as F,n as A,o as M,oa as Y,p as B,r as _,u as k,v as P,w as j,x as I,xa as G,ya as D}from"./chunk-5DCLPEFC.js";var J={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},Q=l=>(...h)=>({_$litDirective$:l,values:h}),R=class{constructor(h){}get _$AU(){return this._$AM._$AU}_$AT(h,e,s){this._$Ct=h,this._$AM=e,this._$Ci=s}_$AS(h,e){return this.update(h,e)}update(h,e){return this.render(...e)}};var{I:re}=N,W=l=>l;var X=()=>document.createComment(""),y=(l,h,e)=>{let s=l._$AA.parentNode,t=h===void 0?l._$AB:h._$AA;if(e===void 0){let i=s.insertBefore(X(),t),r=s.insertBefore(X(),t);e=new re(i,r,l,l.options)}else{let i=e._$AB.nextSibling,r=e._$AM,o=r!==l;if(o){let d;e._$AQ?.(l),e._$AM=l,e._$AP!==void 0&&(d=l._$AU)!==r._$AU&&e._$AP(d)}if(i!==t||o){let d=e._$AA;for(;d!==i;){let m=W(d).nextSibling;W(s).insertBefore(d,t),d=m}}}return e},$=(l,h,e=l)=>(l._$AI(h,e),l),ne={},Z=(l,h=ne)=>l._$AH=h,ee=l=>l._$AH,H=l=>{l._$AR(),l._$AA.remove()};var te=(l,h,e)=>{let s=new Map;for(let t=h;t<=e;t++)s.set(l[t],t);return s},ie=Q(class extends R{constructor(l){if(super(l),l.type!==J.CHILD)throw Error("repeat() can only be used in text expressions")}dt(l,h,e){let s;e===void 0?e=h:h!==void 0&&(s=h);let t=[],i=[],r=0;for(let o of l)t[r]=s?s(o,r):r,i[r]=e(o,r),r++;return{values:i,keys:t}}render(l,h,e){return this.dt(l,h,e).values}update(l,[h,e,s]){let t=ee(l),{values:i,keys:r}=this.dt(h,e,s);if(!Array.isArray(t))return this.ut=r,i;let o=this.ut??=[],d=[],m,f,c=0,u=t.length-1,n=0,a=i.length-1;for(;c<=u&&n<=a;)if(t[c]===null)c++;else if(t[u]===null)u--;else if(o[c]===r[n])d[n]=$(t[c],i[n]),c++,n++;else if(o[u]===r[a])d[a]=$(t[u],i[a]),u--,a--;else if(o[c]===r[a])d[a]=$(t[c],i[a]),y(l,d[a+1],t[c]),c++,a--;else if(o[u]===r[n])d[n]=$(t[u],i[n]),y(l,t[c],t[u]),u--,n++;else if(m===void 0&&(m=te(r,n,a),f=te(o,c,u)),m.has(o[c]))if(m.has(o[u])){let p=f.get(r[n]),x=p!==void 0?t[p]:null;if(x===null){let w=y(l,t[c]);$(w,i[n]),d[n]=w}else d[n]=$(x,i[n]),y(l,t[c],x),t[p]=null;n++}else H(t[u]),u--;else H(t[c]),c++;for(;n<=a;){let p=y(l,d[a+1]);$(p,i[n]),d[n++]=p}for(;c<=u;){let p=t[c++];p!==null&&H(p)}return this.ut=r,Z(l,d),L}});var oe=[["name","name",""],["hashrate","hashrate","n"],["power","power","n"],["efficiency","efficiency","n w4"],["temperature","chip","n w4"],["mode","mode","w3"],["pool","pool","w2"],["bestShare","best_share","n w1"]],U={all:()=>!0,problems:T,filter_mining:l=>l.group==="mining",filter_paused:l=>l.group==="resting"},se=class extends D{constructor(){super();this.selected=new Set;this.closed=new Set;this.lastPicked="";this.shown=[];this.words="",this.filter="all",this.sorted="name",this.isUp=!0,this.grouped=!0}static{this.styles=[G,O`
ha-card { display: flex; flex-direction: column; }
.tools, .selbar { display: flex; gap: 8px; padding: 10px; align-items: center; flex-wrap: wrap; }
.search { display: flex; align-items: center; gap: 8px; height: 36px; border-radius: 18px; background: var(--hmm-fill); padding: 0 12px; color: var(--hmm-text-2); flex: 0 1 220px; min-width: 150px; }
.search:focus-within { outline: 2px solid var(--primary-color, #009ac7); }
input[type="search"] { border: 0; background: none; font: inherit; color: var(--hmm-text); outline: none; min-width: 0; width: 100%; }
input::placeholder { color: var(--hmm-text-2); opacity: 1; }
.pills { display: flex; gap: 8px; overflow-x: auto; scrollbar-width: none; padding: 4px; margin: -4px; }
.pill { display: inline-flex; align-items: center; gap: 8px; height: 36px; padding: 0 12px; border-radius: 18px; border: 1px solid var(--ha-card-border-color, var(--hmm-line)); font-size: 12px; white-space: nowrap; flex: none; }
.pill ha-icon { color: var(--c, var(--hmm-text-2)); }
.pill[aria-pressed="true"] { background: color-mix(in srgb, var(--primary-color, #009ac7) 20%, var(--hmm-card)); border-color: var(--primary-color, #009ac7); font-weight: 500; }
.end { margin-inline-start: auto; }
.selbar { background: color-mix(in srgb, var(--primary-color, #009ac7) 18%, var(--hmm-card)); padding-block: 8px; }
.selbar .btn { background: color-mix(in srgb, var(--hmm-text) 8%, transparent); }
.selbar select { appearance: none; font: inherit; font-weight: 500; color: inherit; border: 0; border-radius: 12px; height: 36px; padding: 0 12px; background: color-mix(in srgb, var(--hmm-text) 8%, transparent); max-width: 160px; }
option { background: var(--hmm-card); color: var(--hmm-text); font-weight: 400; }
.note { padding: 0 14px 8px; background: color-mix(in srgb, var(--primary-color, #009ac7) 18%, var(--hmm-card)); font-size: 12px; }
.scroll { overflow: auto; max-height: 720px; flex: 1; }
table { width: 100%; border-collapse: separate; border-spacing: 0; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--hmm-card); font-weight: 500; font-size: 12px; text-align: start; color: var(--hmm-text-2); height: 40px; padding: 0 8px; border-block: 1px solid var(--hmm-line); white-space: nowrap; }
th button { min-height: 40px; display: inline-flex; align-items: center; gap: 4px; }
td { height: 48px; padding: 0 8px; border-bottom: 1px solid var(--hmm-line); white-space: nowrap; }
td.n, th.n { text-align: end; } th.n button { flex-direction: row-reverse; }
.up { transform: scaleY(-1); }
td.box, th.box { width: 44px; padding: 0 0 0 10px; }
td.name { width: 40%; max-width: 0; }
td .ic { width: 28px; height: 28px; } td .ic ha-icon { --mdc-icon-size: 18px; }
.nm { display: flex; align-items: center; gap: 10px; width: 100%; min-height: 46px; }
.nm .tx { line-height: 18px; }
td.pool { max-width: 180px; overflow: hidden; text-overflow: ellipsis; }
tbody th { text-align: start; font-weight: 400; padding: 0 8px; }
tr.grp > * { height: 40px; background: var(--hmm-fill); font-size: 12px; border-bottom: 1px solid var(--hmm-line); }
.grp button { display: inline-flex; align-items: center; gap: 8px; min-height: 40px; font-size: 14px; }
tr.sel td { background: color-mix(in srgb, var(--primary-color, #009ac7) 14%, transparent); }
.chk { width: 18px; height: 18px; accent-color: var(--primary-color, #009ac7); margin: 0; display: block; }
.lab { display: grid; place-items: center; width: 34px; height: 44px; cursor: pointer; }
.phone { display: none; font-size: 12px; }
@container (max-width: 1000px) { .w1 { display: none; } }
@container (max-width: 860px) { .w2 { display: none; } }
@container (max-width: 740px) { .w3 { display: none; } }
@container (max-width: 600px) {
.w4, .hide, thead, .group { display: none; }
td { height: 60px; }
td .ic { width: 36px; height: 36px; } td .ic ha-icon { --mdc-icon-size: 24px; }
.phone { display: block; }
.search { flex: 1 1 100%; order: 2; }
td.name { width: 100%; padding-block: 4px; }
.nm .q { white-space: normal; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
}
`]}static{this.properties={...D.properties,words:{state:!0},filter:{state:!0},sorted:{state:!0},isUp:{state:!0},grouped:{state:!0}}}setConfig(e){super.setConfig(e),this.grouped=e.group!==!1}static getStubConfig(){return{}}draw(e,s){let t=this.config.devices??[],i=s.miners.filter(({id:n})=>!t.length||t.includes(n)).map(n=>this.rowOf(e,s,n));if(!i.length)return this.message(this.t("no_miners"));let r=this.words.trim().toLocaleLowerCase(),o=i.filter(({name:n,area:a,status:p,pool:x})=>U[this.filter](p)&&(!r||`${n} ${a} ${x} ${p.word}`.toLocaleLowerCase().includes(r)));this.sort(e,o);let d=o.filter(({status:n})=>T(n)),m=o.filter(({status:n})=>!T(n)),f=this.grouped&&i.some(({area:n})=>n)?ae(m,this.t("no_area")):[[this.t("others"),m]],c=[...d.length?[[this.t("word_attention"),d]]:[],...f];this.shown=c.flatMap(([,n])=>n.map(({miner:a})=>a.id));for(let n of this.selected)i.some(({miner:a})=>a.id===n)||this.selected.delete(n);let u=i.filter(({miner:n})=>this.selected.has(n.id));return g`<ha-card
role="article"
aria-label=${this.t("view_miners")}
@keydown=${n=>{n.key==="Escape"&&this.selected.size&&this.pickNone()}}
>
${this.tools(e,i)} ${u.length?this.selection(e,u):b}
<div class="scroll">
<table>
<thead>
<tr>
<th class="box" scope="col"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_all")}
.checked=${this.shown.length>0&&this.shown.every(n=>this.selected.has(n))}
.indeterminate=${u.length>0&&!this.shown.every(n=>this.selected.has(n))}
@change=${n=>this.pickAll(n.target.checked)} /></label></th>
${oe.map(([n,a,p])=>this.header(n,a,p))}
</tr>
</thead>
${c.map(([n,a])=>this.group(e,n,a,c.length>1))}
</table>
${o.length?b:g`<div class="empty">${this.t("nothing_found")}</div>`}
</div>
</ha-card>`}rowOf(e,s,t){let i=A(e,t,"select.mode");return{miner:t,name:S(t),area:B(e,t)??"",status:K(e,t),readings:q(e,t),mode:M(i)?C(e,i.state):"",pool:F(e,s,t)?.name??""}}sort(e,s){let{sorted:t,isUp:i}=this,r=new Intl.Collator(e.locale.language,{numeric:!0}),o=i?1:-1;s.sort((d,m)=>{if(t==="name"||t==="mode"||t==="pool")return o*r.compare(d[t],m[t]);let[f,c]=[d.readings[t],m.readings[t]];return f===void 0||c===void 0?+(f===void 0)-+(c===void 0):o*(f-c)||r.compare(d.name,m.name)})}tools(e,s){let t={all:["",""],problems:["mdi:alert","err"],filter_mining:["mdi:pickaxe","ok"],filter_paused:["mdi:pause","off"]};return g`<div class="tools">
<label class="search">${v("mdi:magnify","small")}<input
type="search"
placeholder=${this.t("search_count",{count:s.length})}
aria-label=${this.t("search_count",{count:s.length})}
.value=${this.words}
@input=${i=>this.words=i.target.value}
/></label>
<div class="pills">
${Object.keys(U).map(i=>{let r=s.filter(({status:m})=>U[i](m)).length;if(i!=="all"&&!r&&this.filter!==i)return b;let[o,d]=t[i];return g`<button class="pill ${d}" aria-pressed=${this.filter===i?"true":"false"} @click=${()=>this.filter=i}>
${o?v(o,"small"):b}${this.t(i)} ${_(e,r)}
</button>`})}
</div>
${s.some(({area:i})=>i)?g`<button class="pill end group" aria-pressed=${this.grouped?"true":"false"} @click=${()=>this.grouped=!this.grouped}>${v("mdi:home-group","small")}${this.t("group_by_area")}</button>`:b}
</div>`}header(e,s,t){let i=e==="efficiency"?"J/TH":this.t(s),r=this.sorted===e,o=()=>{this.isUp=r?!this.isUp:e==="name"||e==="mode"||e==="pool",this.sorted=e};return g`<th scope="col" class=${t} aria-sort=${r?this.isUp?"ascending":"descending":"none"}>
<button aria-label=${this.t("sort_by",{column:this.t(s)})} @click=${o}>${i}${r?v("mdi:arrow-up",`small ${this.isUp?"":"up"}`):b}</button>
</th>`}group(e,s,t,i){let r=i&&this.closed.has(s),o=m=>t.reduce((f,{readings:c})=>f+(c[m]??0),0);return g`<tbody>
${i?g`<tr class="grp">
<th colspan="2" scope="rowgroup"><button aria-expanded=${r?"false":"true"} @click=${()=>{this.closed.delete(s)||this.closed.add(s),this.requestUpdate()}}>${v(r?"mdi:chevron-right":"mdi:chevron-down","small flip")}<strong>${s}</strong><span class="sec">· ${_(e,t.length)}</span></button></th>
<td class="n"><bdi>${k(P(e,o("hashrate")))}</bdi></td>
<td class="n hide"><bdi>${k(I(e,o("power")))}</bdi></td>
<td class="w4" colspan="2"></td><td class="w3"></td><td class="w2"></td><td class="w1"></td>
</tr>`:b}
${r?b:ie(t,({miner:m})=>m.id,m=>this.row(e,m))}
</tbody>`}row(e,s){let{miner:t,name:i,status:r,readings:o}=s,d=this.selected.has(t.id),m=Y(e,o),f=u=>u?g`<bdi>${u}</bdi>`:g`<span title=${this.t(r.group==="offline"?"no_reading":"not_reported")}>–</span>`,c=r.line||r.word;return g`<tr class=${d?"sel":""}>
<td class="box"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_name",{name:i})} .checked=${d} @click=${u=>this.pick(t.id,u.shiftKey)} /></label></td>
<td class="name"><button class="nm" @click=${()=>z(t.id)}>
${V(r.tone,r.form,r.icon)}
<span class="tx"><span class="e" style="display:block" title=${i}><bdi>${i}</bdi></span><span class="q e ${T(r)?"":"sec"}" title=${c}><bdi>${c}</bdi></span></span>
</button></td>
<td class="n">${f(o.hashrate===void 0?"":k(P(e,o.hashrate)))}<span class="phone sec">${f(m)}</span></td>
<td class="n hide">${f(m)}</td>
<td class="n w4">${f(o.efficiency===void 0?"":_(e,o.efficiency,1,!0))}</td>
<td class="n w4">${f(o.temperatureText)}</td>
<td class="w3">${f(s.mode)}</td>
<td class="w2 pool" title=${s.pool}>${f(s.pool)}</td>
<td class="n w1" title=${o.bestShare===void 0?"":_(e,o.bestShare)}>${f(o.bestShare===void 0?"":k(j(e,o.bestShare)))}</td>
</tr>`}pick(e,s){let t=!this.selected.has(e),[i,r]=[this.shown.indexOf(this.lastPicked),this.shown.indexOf(e)],o=s&&i>=0?this.shown.slice(Math.min(i,r),Math.max(i,r)+1):[e];for(let d of o)t?this.selected.add(d):this.selected.delete(d);this.lastPicked=e,this.requestUpdate()}pickAll(e){for(let s of this.shown)e?this.selected.add(s):this.selected.delete(s);this.requestUpdate()}pickNone(){this.selected.clear(),this.asking=void 0,this.requestUpdate()}selection(e,s){let t=s.length,i=new Map;for(let{miner:a}of s){let p=A(e,a,"select.mode");if(!(!M(p)||!Array.isArray(p.attributes.options)))for(let x of p.attributes.options.map(String))i.set(x,[...i.get(x)??[],a])}let r=a=>this.forEach("mode",a,i.get(a)??[],p=>e.callService("select","select_option",{option:a},{entity_id:p.entities["select.mode"]})),o=(a,p)=>s.map(({miner:x})=>x).filter(x=>{let w=A(e,x,a);return w!==void 0&&w.state!=="unavailable"&&(p===void 0||w.state===p)}),[d,m,f]=[o("switch.mining","on"),o("switch.mining","off"),o("button.restart")],c=[["pause",d.length?this.bulk("pause","pausing","mdi:pause",d,t,a=>e.callService("switch","turn_off",{},{entity_id:a.entities["switch.mining"]})):void 0],["resume",m.length?this.bulk("resume","resuming","mdi:play",m,t,a=>e.callService("switch","turn_on",{},{entity_id:a.entities["switch.mining"]})):void 0],["restart",f.length?{...this.bulk("restart","restarting","mdi:restart",f,t,a=>e.callService("button","press",{},{entity_id:a.entities["button.restart"]})),confirm:this.t("confirm_restart_many",{count:f.length})}:void 0]],u=["pause","resume","restart","mode"].map(a=>this.failure(a)).find(Boolean),n=c.find(([a])=>a===this.asking);return g`<div class="selbar" role="toolbar" aria-label=${E(e,"selected",t)}>
<button class="ib" aria-label=${this.t("end_selection")} @click=${()=>this.pickNone()}>${v("mdi:close")}</button>
<strong>${E(e,"selected",t)}</strong>
<span class="end btns">
${i.size?g`<select aria-label=${this.t("mode")} .value=${""} @change=${a=>{let p=a.target;p.value&&r(p.value),p.value=""}}>
<option value="">${this.busy("mode")??this.t("mode")}</option>
${[...i].map(([a,p])=>g`<option value=${a}>${p.length===t?C(e,a):this.t("mode_count",{mode:C(e,a),count:p.length,total:t})}</option>`)}
</select>`:b}
${c.map(([a,p])=>this.selButton(a,p))}
</span>
</div>
${n?this.questionOf(n[0],n[1]):b}
${u?g`<p class="note" role="alert">${u}</p>`:b}`}selButton(e,s){let t=this.busy(e);return!s&&!t?b:g`<button class="btn sm" data-key=${e} ?disabled=${t!==void 0||!s} @click=${()=>s&&(s.confirm?this.host.ask(e):this.host.start(e,s))}>
${v(s?.icon??"mdi:timer-sand","small")}${t??s?.label}
</button>`}bulk(e,s,t,i,r,o){return{label:i.length===r?this.t(e):this.t("mode_count",{mode:this.t(e),count:i.length,total:r}),busy:this.t(s),icon:t,run:()=>this.each(i,o)}}forEach(e,s,t,i){this.perform(e,`${s} \u2026`,void 0,()=>this.each(t,i))}async each(e,s){let i=(await Promise.allSettled(e.map(s))).flatMap((r,o)=>r.status==="rejected"?[S(e[o])]:[]);if(i.length)throw new Error(`${this.t("done_count",{count:e.length-i.length,total:e.length})} (${i.join(", ")})`)}};function ae(l,h){let e=new Map;for(let s of l){let t=s.area||h;e.set(t,[...e.get(t)??[],s])}return[...e].sort(([s],[t])=>+(s===h)-+(t===h)||s.localeCompare(t))}export{se as HmmMinersTableCard};
