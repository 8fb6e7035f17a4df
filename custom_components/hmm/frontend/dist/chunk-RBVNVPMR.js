import{Fa as T,Ha as k,S as y,Z as v,a as p,b as c,ca as C,d as g,g as f,h,i as d,o as u,oa as w,p as $,qa as H,wa as M,x as b,xa as O,y as x}from"./chunk-AOAAQHH2.js";function R(a,o,i,e,s=!1){let r=u(i),l=O(a,i,e),t=H(a,i),n=e.line?e.group==="starting"?M(a,i,t):e.group==="mining"&&t.hashrate!==void 0?b(x(a,t.hashrate)):"":"",m=n?`${l} \xB7 ${n}`:l,j=()=>s?d(i.id):h(o,i.entities["sensor.status"]??i.entities["switch.mining"]??i.entities["sensor.hashrate"]);return c`<ha-card class="compact">
<button class="tile" title="${r}: ${m}" aria-label="${r}, ${e.word}, ${m}" @click=${j}>
${w(e.tone,e.form,e.icon)}
<span class="tx"><span class="p e"><bdi>${r}</bdi></span><span class="q e"><bdi>${m}</bdi></span></span>
</button>
</ha-card>`}var S=class extends k{static{this.styles=[T,p`
.list{display:grid;gap:8px}.list ha-card{min-height:56px;height:56px;display:flex}.list .tile{min-height:0}.more{justify-content:flex-start}`]}static getStubConfig(){return{}}getCardSize(){return 6}getGridOptions(){return{columns:12,min_columns:6}}draw(o,i){let e=this.config.devices??[],s=i.miners.filter(({id:t})=>!e.length||e.includes(t)).map(t=>({miner:t,status:C(o,t),hashrate:y($(o,t,"sensor.hashrate"))??-1}));if(!s.length)return this.message(this.t("no_miners"));s.sort((t,n)=>t.status.rank-n.status.rank||n.hashrate-t.hashrate);let r=s.slice(0,this.config.limit??12),{more:l}=this.config;return c`<div class="list" role="list">
${r.map(({miner:t,status:n})=>c`<div role="listitem">${R(o,this,t,n,this.config.pages)}</div>`)}
${s.length>r.length&&l?c`<button class="btn more" @click=${()=>f(l)}>${v(o,"show_count",{count:s.length})}</button>`:g}
</div>`}};export{R as a,S as b};
