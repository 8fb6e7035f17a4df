import{N as b,T as x,Y as y,a as m,b as c,d as p,g as f,h,ha as v,ja as C,m as g,n as d,pa as w,qa as H,u,v as $,xa as O,ya as T}from"./chunk-N3ODG4KB.js";function S(a,r,i,e){let s=g(i),l=H(a,i,e),o=C(a,i),t=e.line?e.group==="starting"?w(a,i,o):e.group==="mining"&&o.hashrate!==void 0?u($(a,o.hashrate)):"":"",n=t?`${l} \xB7 ${t}`:l,M=()=>h(r,i.entities["sensor.status"]??i.entities["switch.mining"]??i.entities["sensor.hashrate"]);return c`<ha-card class="compact">
<button class="tile" title="${s}: ${n}" aria-label="${s}, ${e.word}, ${n}" @click=${M}>
${v(e.tone,e.form,e.icon)}
<span class="tx"><span class="p e"><bdi>${s}</bdi></span><span class="q e"><bdi>${n}</bdi></span></span>
</button>
</ha-card>`}var k=class extends T{static{this.styles=[O,m`
.list{display:grid;gap:8px}.list ha-card{min-height:56px;height:56px;display:flex}.list .tile{min-height:0}.more{justify-content:flex-start}`]}static getStubConfig(){return{}}getCardSize(){return 6}getGridOptions(){return{columns:12,min_columns:6}}draw(r,i){let e=this.config.devices??[],s=i.miners.filter(({id:t})=>!e.length||e.includes(t)).map(t=>({miner:t,status:y(r,t),hashrate:b(d(r,t,"sensor.hashrate"))??-1}));if(!s.length)return this.message(this.t("no_miners"));s.sort((t,n)=>t.status.rank-n.status.rank||n.hashrate-t.hashrate);let l=s.slice(0,this.config.limit??12),{more:o}=this.config;return c`<div class="list" role="list">
${l.map(({miner:t,status:n})=>c`<div role="listitem">${S(r,this,t,n)}</div>`)}
${s.length>l.length&&o?c`<button class="btn more" @click=${()=>f(o)}>${x(r,"show_count",{count:s.length})}</button>`:p}
</div>`}};export{S as a,k as b};
