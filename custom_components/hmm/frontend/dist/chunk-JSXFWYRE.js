import{a as g}from"./chunk-WTVT3B5D.js";import{Aa as k,Ca as S,M as v,T as C,Y as w,a as p,b as c,d as f,g as h,h as d,i as u,ja as H,la as M,q as x,r as y,ra as O,sa as T}from"./chunk-RP7ZSXAB.js";import{b as $,c as b}from"./chunk-XPOVGYCS.js";function _(a,o,i,e,s=!1){let r=$(i),l=T(a,i,e),t=M(a,i),n=e.line?e.group==="starting"?O(a,i,t):e.group==="mining"&&t.hashrate!==void 0?x(y(a,t.hashrate)):"":"",m=n?`${l} \xB7 ${n}`:l,R=()=>s?u(i.id):d(o,i.entities["sensor.status"]??i.entities["switch.mining"]??i.entities["sensor.hashrate"]);return c`<ha-card class="compact">
<button class="tile" title="${r}: ${m}" aria-label="${r}, ${e.word}, ${m}" @click=${R}>
${H(e.tone,e.form,e.icon)}
<span class="tx"><span class="p e"><bdi>${r}</bdi></span><span class="q e"><bdi>${m}</bdi></span></span>
</button>
</ha-card>`}var j=class extends S{static{this.styles=[k,p`
.list{display:grid;gap:8px}.list ha-card{min-height:56px;height:56px;display:flex}.list .tile{min-height:0}.more{justify-content:flex-start}`]}static getStubConfig(){return{}}getCardSize(){return 6}getGridOptions(){return{columns:12,min_columns:6}}draw(o,i){let e=this.config.devices??[],s=i.miners.filter(({id:t})=>!e.length||e.includes(t)).map(t=>({miner:t,status:w(o,t),hashrate:v(b(o,t,"sensor.hashrate"))??-1}));if(!s.length)return this.message(this.t("no_miners"));s.sort((t,n)=>t.status.rank-n.status.rank||n.hashrate-t.hashrate);let r=s.slice(0,this.config.limit??12),{more:l}=this.config;return c`<div class="list" role="list">
${g(r,({miner:t})=>t.id,({miner:t,status:n})=>c`<div role="listitem">${_(o,this,t,n,this.config.pages)}</div>`)}
${s.length>r.length&&l?c`<button class="btn more" @click=${()=>h(l)}>${C(o,"show_count",{count:s.length})}</button>`:f}
</div>`}};export{_ as a,j as b};
