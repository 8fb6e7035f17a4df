import{K as C,N as k,a as _,b as s,d as o,h as M,ja as z,m as x,n as g,r as u,u as f,va as H,w as h,wa as D}from"./chunk-ZMJL2AKC.js";var j=class extends D{static{this.styles=[H,_`
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
`]}static getStubConfig(){return{}}draw(i,d){let a=[];for(let t of d.miners){let e=z(i,t);e&&a.push({miner:t,share:e,...S(i,d,t)})}a.sort((t,e)=>e.share-t.share);let n=a.slice(0,this.config.limit??10),l=this.config.title??this.t("best_shares"),c=Math.max(1e12,...n.map(({share:t,needed:e})=>Math.max(t,e??0))),p=1e3,m=t=>100*Math.max(0,Math.log10(t/p))/Math.log10(c*3/p),$=[...new Map(n.flatMap(({needed:t,coin:e})=>t&&e?[[e,t]]:[]))],y=[1e6,1e9,1e12,1e15].filter(t=>t<c*3);return s`<ha-card role="article" aria-label=${l||this.t("best_shares")}>
${l?s`<div class="head tx"><h2 class="p e">${l}</h2><span class="q sec">${this.t("best_shares_help")}</span></div>`:o}
${n.length?o:s`<div class="empty line">${this.t("no_shares_yet")}</div>`}
${n.length?s`<div class="lb scale sec" aria-hidden="true"><span class="rank"></span><span class="head-name"></span><span class="track">${y.map(t=>s`<span style="inset-inline-start:${m(t)}%"><bdi>${f(h(i,t))}</bdi></span>`)}</span></div>`:o}
<ol>
${n.map(({miner:t,share:e,needed:r,coin:v},q)=>{let w=r!==void 0&&e>=r,O=w?this.t("block_found"):r===void 0?"":e/r<1e-8?this.t("in_draw"):this.t("part_of_block",{part:C(i,e/r)});return s`<li><button class="lb" @click=${()=>M(this,t.entities["sensor.best_share"]??t.entities["sensor.best_session_share"])}>
<span class="rank sec">${u(i,q+1)}</span>
<span class="tx"><span class="p e" title=${x(t)}><bdi>${x(t)}</bdi></span>${v?s`<span class="q sec">${v}</span>`:o}</span>
<span class="track ${w?"ok":"neu"}" aria-hidden="true">
${y.map(E=>s`<b style="inset-inline-start:${m(E)}%"></b>`)}
<i style="inline-size:${Math.max(1,m(e))}%"></i>
${r?s`<em style="inset-inline-start:${m(r)}%"></em>`:o}
</span>
<span class="end"><strong class="num" title=${u(i,e)}><bdi>${f(h(i,e))}</bdi></strong><span class="q sec"><bdi>${O}</bdi></span></span>
</button></li>`})}
</ol>
${$.length?s`<div class="legend"><span class="mark"><i></i><span>${this.t("block_mark")}: <bdi>${$.map(([t,e])=>`${t} ${f(h(i,e))}`).join(", ")}</bdi></span></span></div>`:o}
</ha-card>`}};function S(b,i,d){let a=i.poolsOf.get(d.id)??i.pools,n=new Set(a.map(p=>p.device.model)),l=n.size===1?a[0]?.device.model??void 0:void 0,c=k(g(b,d,"sensor.network_difficulty"));return c||n.size!==1?{needed:c,coin:l}:{needed:a.map(p=>k(g(b,p,"sensor.network_difficulty"))).find(Boolean),coin:l}}export{j as HmmLeaderboardCard};
