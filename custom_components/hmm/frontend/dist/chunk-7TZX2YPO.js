import{$ as b,W as $,a as m,b as l,ba as x,d as p,g,ga as y,h as f,ia as v,m as d,n as h,na as C,oa as w,s as u,ua as H,va as O}from"./chunk-RSFKYHM2.js";function k(c,n,i,e){let s=d(i),r=w(c,i,e),a=e.line&&!b(e)&&e.group!=="resting"?C(c,i,v(c,i)):"",t=a&&e.group==="starting"?`${r} \xB7 ${a}`:r,o=()=>f(n,i.entities["sensor.status"]??i.entities["switch.mining"]??i.entities["sensor.hashrate"]);return l`<ha-card class="compact">
<button class="tile" title="${s}: ${t}" aria-label="${s}, ${e.word}, ${t}" @click=${o}>
${y(e.tone,e.form,e.icon)}
<span class="tx"><span class="p e"><bdi>${s}</bdi></span><span class="q e"><bdi>${t}</bdi></span></span>
</button>
</ha-card>`}var T=class extends O{static{this.styles=[H,m`
.list { display: grid; gap: 8px; }
.list ha-card { min-height: 56px; height: 56px; display: flex; }
.list .tile { min-height: 0; }
.more { justify-content: flex-start; }
`]}static getStubConfig(){return{}}getCardSize(){return 6}getGridOptions(){return{columns:12,min_columns:6}}draw(n,i){let e=this.config.devices??[],s=i.miners.filter(({id:t})=>!e.length||e.includes(t)).map(t=>({miner:t,status:x(n,t),hashrate:$(h(n,t,"sensor.hashrate"))??-1}));if(!s.length)return this.message(this.t("no_miners"));s.sort((t,o)=>t.status.rank-o.status.rank||o.hashrate-t.hashrate);let r=s.slice(0,this.config.limit??12),{more:a}=this.config;return l`<div class="list" role="list">
${r.map(({miner:t,status:o})=>l`<div role="listitem">${k(n,this,t,o)}</div>`)}
${s.length>r.length&&a?l`<button class="btn more" @click=${()=>g(a)}>${u(n,"show_count",{count:s.length})}</button>`:p}
</div>`}};export{k as a,T as b};
