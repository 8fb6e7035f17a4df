// The best share of each miner ever, on a scale where each line is a thousand times harder.

import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { HmmCard } from "../card";
import * as f from "../format";
import { type CardConfig, type Hass, moreInfo } from "../hass";
import { type HmmDevice, type Model, nameOf, stateOf } from "../model";
import { bestShare, bestShareAt } from "../parts";
import { styles } from "../styles";

interface LeaderboardConfig extends CardConfig {
  title?: string;
  limit?: number;
}

interface Entry {
  miner: HmmDevice;
  share: number;
  needed: number | undefined;
  coin: string | undefined;
}

export class HmmLeaderboardCard extends HmmCard<LeaderboardConfig> {
  static styles = [
    styles,
    css`
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
    `,
  ];

  static getStubConfig(): Partial<LeaderboardConfig> {
    return {};
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const found: Entry[] = [];
    for (const miner of model.miners) {
      const share = bestShare(hass, miner);
      if (share) found.push({ miner, share, ...targetOf(hass, model, miner) });
    }
    found.sort((a, b) => b.share - a.share);
    const shown = found.slice(0, this.config.limit ?? 10);
    const title = this.config.title ?? this.t("best_shares");
    const most = Math.max(1e12, ...shown.map(({ share, needed }) => Math.max(share, needed ?? 0)));
    const least = 1e3;
    const at = (value: number) => (100 * Math.max(0, Math.log10(value / least))) / Math.log10((most * 3) / least);
    const marks = [...new Map(shown.flatMap(({ needed, coin }) => (needed && coin ? [[coin, needed] as const] : [])))];
    const lines = [1e6, 1e9, 1e12, 1e15].filter((line) => line < most * 3);
    return html`<ha-card role="article" aria-label=${title || this.t("best_shares")}>
      ${title ? html`<div class="head tx"><h2 class="p e">${title}</h2><span class="q sec">${this.t("best_shares_help")}</span></div>` : nothing}
      ${shown.length ? nothing : html`<div class="empty line">${this.t("no_shares_yet")}</div>`}
      ${shown.length ? html`<div class="lb scale sec" aria-hidden="true"><span class="rank"></span><span class="head-name"></span><span class="track">${lines.map((line) => html`<span style="inset-inline-start:${at(line)}%"><bdi>${f.join(f.difficulty(hass, line))}</bdi></span>`)}</span></div>` : nothing}
      <ol>
        ${repeat(shown, ({ miner }) => miner.id, ({ miner, share, needed, coin }, index) => {
          const found = bestShareAt(hass, miner, share);
          const line = [coin ?? "", found ? f.day(hass, found) : ""].filter(Boolean).join(" · ");
          const isBlock = needed !== undefined && share >= needed;
          const note = isBlock ? this.t("block_found") : needed === undefined ? "" : share / needed < 1e-8 ? this.t("in_draw") : this.t("part_of_block", { part: f.part(hass, share / needed) });
          return html`<li><button class="lb" @click=${() => moreInfo(this, miner.entities["sensor.best_share"] ?? miner.entities["sensor.best_session_share"])}>
            <span class="rank sec">${f.number(hass, index + 1)}</span>
            <span class="tx"><span class="p e" title=${nameOf(miner)}><bdi>${nameOf(miner)}</bdi></span>${line ? html`<span class="q sec"><bdi>${line}</bdi></span>` : nothing}</span>
            <span class="track ${isBlock ? "ok" : "neu"}" aria-hidden="true">
              ${lines.map((line) => html`<b style="inset-inline-start:${at(line)}%"></b>`)}
              <i style="inline-size:${Math.max(1, at(share))}%"></i>
              ${needed ? html`<em style="inset-inline-start:${at(needed)}%"></em>` : nothing}
            </span>
            <span class="end"><strong class="num" title=${f.number(hass, share)}><bdi>${f.join(f.difficulty(hass, share))}</bdi></strong><span class="q sec"><bdi>${note}</bdi></span></span>
          </button></li>`;
        })}
      </ol>
      ${marks.length
        ? html`<div class="legend"><span class="mark"><i></i><span>${this.t("block_mark")}: <bdi>${marks.map(([coin, value]) => `${coin} ${f.join(f.difficulty(hass, value))}`).join(", ")}</bdi></span></span></div>`
        : nothing}
    </ha-card>`;
  }
}

/** The coin that a miner mines and its difficulty, as far as that is certain. */
function targetOf(hass: Hass, model: Model, miner: HmmDevice): Pick<Entry, "needed" | "coin"> {
  const candidates = model.poolsOf.get(miner.id) ?? model.pools;
  const coins = new Set(candidates.map((pool) => pool.device.model));
  const coin = coins.size === 1 ? (candidates[0]?.device.model ?? undefined) : undefined;
  const own = f.readDifficulty(stateOf(hass, miner, "sensor.network_difficulty"));
  if (own || coins.size !== 1) return { needed: own, coin };
  return { needed: candidates.map((pool) => f.readDifficulty(stateOf(hass, pool, "sensor.network_difficulty"))).find(Boolean), coin };
}
