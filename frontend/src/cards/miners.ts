// All miners as tiles: what stock tiles look like, with the reason in their second line.

import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { HmmCard } from "../card";
import * as f from "../format";
import { type CardConfig, type Hass, moreInfo, navigate, openMinerPage } from "../hass";
import { type HmmDevice, type Model, nameOf, stateOf } from "../model";
import { circle, figures, readingsOf, tileLine } from "../parts";
import { type Status, statusOf } from "../status";
import { styles } from "../styles";
import { text } from "../texts";

/** The 56 px tile: what a stock tile looks like, with the reason in its second line. */
export function minerTile(hass: Hass, from: EventTarget, miner: HmmDevice, status: Status, hasPage = false): TemplateResult {
  const name = nameOf(miner);
  const line = tileLine(hass, miner, status);
  const readings = readingsOf(hass, miner);
  // A decision leaves room for the hashrate, what it is doing for all figures
  const numbers = !status.line
    ? ""
    : status.group === "starting"
      ? figures(hass, miner, readings)
      : status.group === "mining" && readings.hashrate !== undefined
        ? f.join(f.hashrate(hass, readings.hashrate))
        : "";
  const shown = numbers ? `${line} · ${numbers}` : line;
  const open = () =>
    hasPage ? openMinerPage(miner.id) : moreInfo(from, miner.entities["sensor.status"] ?? miner.entities["switch.mining"] ?? miner.entities["sensor.hashrate"]);
  return html`<ha-card class="compact">
    <button class="tile" title="${name}: ${shown}" aria-label="${name}, ${status.word}, ${shown}" @click=${open}>
      ${circle(status.tone, status.form, status.icon)}
      <span class="tx"><span class="p e"><bdi>${name}</bdi></span><span class="q e"><bdi>${shown}</bdi></span></span>
    </button>
  </ha-card>`;
}

interface MinersConfig extends CardConfig {
  limit?: number;
  devices?: string[];
  more?: string;
  /** Whether it is on the dashboard of HMM, where each miner has a page. */
  pages?: boolean;
}

/** All miners as tiles, those with problems first, then the fastest. */
export class HmmMinersCard extends HmmCard<MinersConfig> {
  static styles = [
    styles,
    css`
      .list { display: grid; gap: 8px; }
      .list ha-card { min-height: 56px; height: 56px; display: flex; }
      .list .tile { min-height: 0; }
      .more { justify-content: flex-start; }
    `,
  ];

  static getStubConfig(): Partial<MinersConfig> {
    return {};
  }

  getCardSize(): number {
    return 6;
  }

  getGridOptions(): object {
    return { columns: 12, min_columns: 6 };
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const wanted = this.config.devices ?? [];
    const all = model.miners.filter(({ id }) => !wanted.length || wanted.includes(id)).map((miner) => ({
      miner,
      status: statusOf(hass, miner),
      hashrate: f.readHashrate(stateOf(hass, miner, "sensor.hashrate")) ?? -1,
    }));
    if (!all.length) return this.message(this.t("no_miners"));
    all.sort((a, b) => a.status.rank - b.status.rank || b.hashrate - a.hashrate);
    const shown = all.slice(0, this.config.limit ?? 12);
    const { more } = this.config;
    return html`<div class="list" role="list">
      ${repeat(shown, ({ miner }) => miner.id, ({ miner, status }) => html`<div role="listitem">${minerTile(hass, this, miner, status, this.config.pages)}</div>`)}
      ${all.length > shown.length && more
        ? html`<button class="btn more" @click=${() => navigate(more)}>${text(hass, "show_count", { count: all.length })}</button>`
        : nothing}
    </div>`;
  }
}
