import{B as b,E as $,G as v,U as _,X as g,a as k,b as n,d as p,h as y,ja as w,m as f,n as h,ua as M,va as C}from"./chunk-RSFKYHM2.js";var H=class extends C{static{this.styles=[M,k`
.head { padding: 10px; }
ol { list-style: none; margin: 0; padding: 0; }
.lb {
display: grid; grid-template-columns: 20px minmax(110px, 170px) 1fr auto; align-items: center; gap: 0 10px; padding: 0 14px;
min-height: 48px; border-top: 1px solid var(--hmm-line); width: 100%;
}
.lb > * { min-width: 0; }
.track { position: relative; align-self: stretch; min-height: 24px; }
.track i { position: absolute; top: calc(50% - 4px); height: 8px; border-radius: 4px; inset-inline-start: 0; background: var(--c); }
.track b { position: absolute; inset-block: 0; width: 0; border-inline-start: 1px solid var(--hmm-line); }
.track em { position: absolute; top: calc(50% - 10px); width: 2px; height: 20px; background: var(--hmm-text); }
.end { text-align: end; line-height: 18px; }
.end .q { display: block; font-size: 12px; }
.mark { display: inline-flex; gap: 8px; align-items: center; padding: 8px 14px; font-size: 12px; }
.mark i { width: 2px; height: 14px; background: var(--hmm-text); }
li:first-child .lb { border-top: 0; }
.head + ol .lb { border-top: 1px solid var(--hmm-line) !important; }
.legend { border-top: 1px solid var(--hmm-line); }
@container (max-width: 480px) {
.lb { grid-template-columns: 1fr auto; padding-block: 8px; }
.rank { display: none; }
.track { grid-column: 1 / -1; grid-row: 2; height: 20px; margin-top: 2px; }
}
`]}static getStubConfig(){return{}}draw(i,l){let o=[];for(let t of l.miners){let e=w(i,t);e&&o.push({miner:t,share:e,needed:O(i,l,t)})}o.sort((t,e)=>e.share-t.share);let s=o.slice(0,this.config.limit??10),d=this.config.title??this.t("best_shares"),r=Math.max(1e12,...s.map(({share:t,needed:e})=>Math.max(t,e??0))),u=1e3,m=t=>100*Math.max(0,Math.log10(t/u))/Math.log10(r*3/u),D=[1e6,1e9,1e12,1e15].filter(t=>t<r*3);return n`<ha-card role="article" aria-label=${d||this.t("best_shares")}>
${d?n`<div class="head tx"><h2 class="p e">${d}</h2><span class="q sec">${this.t("best_shares_help")}</span></div>`:p}
${s.length?p:n`<div class="empty line">${this.t("no_shares_yet")}</div>`}
<ol>
${s.map(({miner:t,share:e,needed:a},z)=>{let x=a!==void 0&&e>=a,q=x?this.t("block_found"):a===void 0?"":e/a<1e-8?this.t("in_draw"):this.t("part_of_block",{part:_(i,e/a)});return n`<li><button class="lb" @click=${()=>y(this,t.entities["sensor.best_share"]??t.entities["sensor.best_session_share"])}>
<span class="rank sec">${b(i,z+1)}</span>
<span class="tx"><span class="p e" title=${f(t)}><bdi>${f(t)}</bdi></span></span>
<span class="track ${x?"ok":"neu"}" aria-hidden="true">
${D.map(B=>n`<b style="inset-inline-start:${m(B)}%"></b>`)}
<i style="inline-size:${Math.max(1,m(e))}%"></i>
${a?n`<em style="inset-inline-start:${m(a)}%"></em>`:p}
</span>
<span class="end"><strong class="num" title=${b(i,e)}>${$(v(i,e))}</strong><span class="q sec"><bdi>${q}</bdi></span></span>
</button></li>`})}
</ol>
${s.some(({needed:t})=>t)?n`<div class="legend"><span class="mark"><i></i>${this.t("block_mark")}</span></div>`:p}
</ha-card>`}};function O(c,i,l){let o=g(h(c,l,"sensor.network_difficulty"));if(o)return o;let s=i.poolsOf.get(l.id)??i.pools;if(new Set(s.map(r=>r.device.model)).size===1)return s.map(r=>g(h(c,r,"sensor.network_difficulty"))).find(Boolean)}export{H as HmmLeaderboardCard};
