import{F as z,L as H,O as k,a as M,b as n,d as r,h as C,ka as j,la as D,m as x,n as g,r as u,u as f,w as h,xa as q,ya as O}from"./chunk-5DCLPEFC.js";var S=class extends O{static{this.styles=[q,M`
.head { padding: 10px; }
ol { list-style: none; margin: 0; padding: 0; }
.lb {
display: grid; grid-template-columns: 20px minmax(110px, 170px) 1fr minmax(88px, auto); align-items: center; gap: 0 10px; padding: 0 14px;
min-height: 48px; border-top: 1px solid var(--hmm-line); width: 100%;
}
.lb > * { min-width: 0; }
.track { position: relative; align-self: stretch; min-height: 24px; }
.track i { position: absolute; top: calc(50% - 4px); height: 8px; border-radius: 4px; inset-inline-start: 0; background: var(--c); }
.track b { position: absolute; inset-block: 0; width: 0; border-inline-start: 1px solid var(--hmm-line); }
.track em { position: absolute; top: calc(50% - 10px); width: 2px; height: 20px; background: var(--hmm-text); }
.scale { grid-template-columns: 20px minmax(110px, 170px) 1fr 88px; min-height: 28px; font-size: 12px; border-top: 0; }
.head + .scale { border-top: 1px solid var(--hmm-line); }
.scale .track span { position: absolute; top: 2px; transform: translateX(-50%); white-space: nowrap; }
.scale .track span:dir(rtl) { transform: translateX(50%); }
.end { min-width: 88px; text-align: end; line-height: 18px; }
.end .q { display: block; font-size: 12px; }
.mark { display: inline-flex; gap: 8px; align-items: center; padding: 8px 14px; font-size: 12px; }
.mark i { width: 2px; height: 14px; background: var(--hmm-text); }
li:first-child .lb { border-top: 0; }
.head + ol .lb { border-top: 1px solid var(--hmm-line) !important; }
.legend { border-top: 1px solid var(--hmm-line); }
@container (max-width: 480px) {
.lb { grid-template-columns: 1fr auto; padding-block: 8px; }
.rank, .head-name { display: none; }
.scale { grid-template-columns: 1fr; padding-block: 0; min-height: 22px; }
.scale .track { grid-row: 1; }
.track { grid-column: 1 / -1; grid-row: 2; height: 20px; margin-top: 2px; }
}
`]}static getStubConfig(){return{}}draw(i,d){let a=[];for(let t of d.miners){let e=j(i,t);e&&a.push({miner:t,share:e,...R(i,d,t)})}a.sort((t,e)=>e.share-t.share);let s=a.slice(0,this.config.limit??10),l=this.config.title??this.t("best_shares"),c=Math.max(1e12,...s.map(({share:t,needed:e})=>Math.max(t,e??0))),p=1e3,m=t=>100*Math.max(0,Math.log10(t/p))/Math.log10(c*3/p),$=[...new Map(s.flatMap(({needed:t,coin:e})=>t&&e?[[e,t]]:[]))],y=[1e6,1e9,1e12,1e15].filter(t=>t<c*3);return n`<ha-card role="article" aria-label=${l||this.t("best_shares")}>
${l?n`<div class="head tx"><h2 class="p e">${l}</h2><span class="q sec">${this.t("best_shares_help")}</span></div>`:r}
${s.length?r:n`<div class="empty line">${this.t("no_shares_yet")}</div>`}
${s.length?n`<div class="lb scale sec" aria-hidden="true"><span class="rank"></span><span class="head-name"></span><span class="track">${y.map(t=>n`<span style="inset-inline-start:${m(t)}%"><bdi>${f(h(i,t))}</bdi></span>`)}</span></div>`:r}
<ol>
${s.map(({miner:t,share:e,needed:o,coin:B},E)=>{let v=D(i,t,e),w=[B??"",v?z(i,v):""].filter(Boolean).join(" \xB7 "),_=o!==void 0&&e>=o,L=_?this.t("block_found"):o===void 0?"":e/o<1e-8?this.t("in_draw"):this.t("part_of_block",{part:H(i,e/o)});return n`<li><button class="lb" @click=${()=>C(this,t.entities["sensor.best_share"]??t.entities["sensor.best_session_share"])}>
<span class="rank sec">${u(i,E+1)}</span>
<span class="tx"><span class="p e" title=${x(t)}><bdi>${x(t)}</bdi></span>${w?n`<span class="q sec"><bdi>${w}</bdi></span>`:r}</span>
<span class="track ${_?"ok":"neu"}" aria-hidden="true">
${y.map(P=>n`<b style="inset-inline-start:${m(P)}%"></b>`)}
<i style="inline-size:${Math.max(1,m(e))}%"></i>
${o?n`<em style="inset-inline-start:${m(o)}%"></em>`:r}
</span>
<span class="end"><strong class="num" title=${u(i,e)}><bdi>${f(h(i,e))}</bdi></strong><span class="q sec"><bdi>${L}</bdi></span></span>
</button></li>`})}
</ol>
${$.length?n`<div class="legend"><span class="mark"><i></i><span>${this.t("block_mark")}: <bdi>${$.map(([t,e])=>`${t} ${f(h(i,e))}`).join(", ")}</bdi></span></span></div>`:r}
</ha-card>`}};function R(b,i,d){let a=i.poolsOf.get(d.id)??i.pools,s=new Set(a.map(p=>p.device.model)),l=s.size===1?a[0]?.device.model??void 0:void 0,c=k(g(b,d,"sensor.network_difficulty"));return c||s.size!==1?{needed:c,coin:l}:{needed:a.map(p=>k(g(b,p,"sensor.network_difficulty"))).find(Boolean),coin:l}}export{S as HmmLeaderboardCard};
