// One pool account: the four tiles of HMM-Local, or one tile.

import { css, html, nothing, type TemplateResult } from "lit";
import { HmmCard } from "../card";
import * as f from "../format";
import { type CardConfig, type Hass, openDevice } from "../hass";
import { type HmmDevice, isKnown, type Model, modelOf, stateOf } from "../model";
import { oddsOf } from "../odds";
import { circle, icon } from "../parts";
import { type PoolStatus, poolName, poolStatus } from "../status";
import { styles } from "../styles";
import { plural } from "../texts";

interface PoolConfig extends CardConfig {
  device_id?: string;
  layout?: "figures" | "compact";
}

interface Tile {
  icon: string;
  label: string;
  value: string;
  note?: string;
  lines: (string | undefined)[];
}

export class HmmPoolCard extends HmmCard<PoolConfig> {
  static styles = [
    styles,
    css`
      ha-card.compact { min-height: 56px; display: flex; }
      .compact .tile { min-height: 0; flex: 1; }
      .four { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1px; background: var(--hmm-line); border-top: 1px solid var(--hmm-line); margin: 0; }
      .four > div { background: var(--hmm-card); padding: 10px 12px 12px; min-width: 0; }
      .four dt { display: flex; gap: 6px; align-items: center; font-size: 12px; line-height: 18px; color: var(--hmm-text-2); }
      .four dd { margin: 0; }
      .four .v { font-size: 18px; line-height: 26px; font-weight: 500; }
      .four .v small { font-size: 12px; font-weight: 400; }
      .four .q { font-size: 12px; line-height: 17px; color: var(--hmm-text-2); overflow-wrap: anywhere; }
      @container (max-width: 620px) { .four { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
      @container (max-width: 259px) { .four { grid-template-columns: 1fr; } }
    `,
  ];

  static getStubConfig(hass: Hass): Partial<PoolConfig> {
    return { device_id: modelOf(hass).pools[0]?.id ?? "", layout: "figures" };
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const pool = this.device(model, "pool");
    if (!pool) return this.without(model, "pick_pool");
    this.ticks = this.config.layout === "compact" ? 60 : 15;
    const status = poolStatus(hass, model, pool);
    const name = poolName(hass, model.pools, pool);
    const isSolo = isSoloPool(pool);
    if (this.config.layout === "compact") return this.tile(hass, pool, name, status, isSolo);
    const share = f.readTime(stateOf(hass, pool, "sensor.last_share")?.state);
    const line = [
      this.t(isSolo ? "solo" : "pooled"),
      status.line || this.t("all_well"),
      share ? this.t("last_share", { ago: f.ago(hass, share) }) : "",
    ].filter(Boolean);
    return html`<ha-card role="article" aria-label=${name}>
      <button class="tile big" @click=${() => openDevice(hass, this, pool)}>
        ${circle(status.tone, status.form, status.icon)}
        <span class="tx"><span class="p e" role="heading" aria-level="2" title=${name}><bdi>${name}</bdi></span><span class="q clamp"><bdi>${line.join(" · ")}</bdi></span></span>
        ${icon("mdi:chevron-right", "flip")}
      </button>
      <dl class="four">
        ${[this.health(hass, pool, status), isSolo ? this.odds(hass, pool) : this.ownPart(hass, pool), this.shares(hass, pool), isSolo ? this.blocks(hass, pool) : this.earnings(hass, pool)].map(
          (tile) => html`<div>
            <dt>${icon(tile.icon, "small")}<span class="e">${tile.label}</span></dt>
            <dd class="v e" title=${tile.value}><bdi>${tile.value}</bdi>${tile.note ? html` <small>${tile.note}</small>` : nothing}</dd>
            ${tile.lines.map((words) => (words ? html`<dd class="q"><bdi>${words}</bdi></dd>` : nothing))}
          </div>`,
        )}
      </dl>
    </ha-card>`;
  }

  private tile(hass: Hass, pool: HmmDevice, name: string, status: PoolStatus, isSolo: boolean): TemplateResult {
    const line = status.line || (isSolo ? [this.oddsText(hass, pool), this.timeText(hass, pool)] : [this.earned(hass, pool)]).filter(Boolean).join(" · ")
      || this.t("all_well");
    return html`<ha-card class="compact">
      <button class="tile" title="${name}: ${line}" @click=${() => openDevice(hass, this, pool)}>
        ${circle(status.tone, status.form, status.icon)}
        <span class="tx"><span class="p e"><bdi>${name}</bdi></span><span class="q e"><bdi>${line}</bdi></span></span>
      </button>
    </ha-card>`;
  }

  private health(hass: Hass, pool: HmmDevice, status: PoolStatus): Tile {
    const stratum = stateOf(hass, pool, "binary_sensor.stratum");
    const health = stateOf(hass, pool, "binary_sensor.health");
    const latency = stateOf(hass, pool, "sensor.stratum_latency") ?? stateOf(hass, pool, "sensor.latency");
    return {
      icon: "mdi:heart-pulse",
      label: this.t("health"),
      value: isKnown(latency) ? hass.formatEntityState(latency) : status.isConnected || status.bad ? this.t(status.tone === "err" ? "down" : status.bad ? "partly" : "good") : "–",
      lines: [
        this.t(stratum?.state === "on" ? "mining_connected" : stratum?.state === "off" ? "mining_down" : "mining_unknown"),
        health && !isKnown(health) ? undefined : this.t(health?.state === "off" ? "statistics_down" : "statistics_ok"),
      ],
    };
  }

  private timeText(hass: Hass, pool: HmmDevice): string {
    const days = f.readDays(stateOf(hass, pool, "sensor.time_to_block"));
    return days === undefined ? "" : `≈\u00a0${f.longTime(hass, days, (time) => this.t("over", { time }))}`;
  }

  private oddsText(hass: Hass, pool: HmmDevice): string {
    const days = f.readDays(stateOf(hass, pool, "sensor.time_to_block"));
    return days ? oddsOf(hass, days) : "";
  }

  private odds(hass: Hass, pool: HmmDevice): Tile {
    const difficulty = f.readDifficulty(stateOf(hass, pool, "sensor.network_difficulty"));
    return {
      icon: "mdi:dice-multiple",
      label: this.t("time_to_block"),
      value: this.timeText(hass, pool) || "–",
      lines: [
        [this.timeText(hass, pool) && this.t("on_average"), this.oddsText(hass, pool)].filter(Boolean).join(" · "),
        difficulty === undefined ? undefined : this.t("network_difficulty", { value: f.join(f.difficulty(hass, difficulty)) }),
      ],
    };
  }

  private ownPart(hass: Hass, pool: HmmDevice): Tile {
    const hashrate = f.readHashrate(stateOf(hass, pool, "sensor.hashrate"));
    const share = f.numeric(stateOf(hass, pool, "sensor.network_share"));
    const workers = f.numeric(stateOf(hass, pool, "sensor.workers"));
    return {
      icon: "mdi:chart-donut",
      label: this.t("your_part"),
      value: hashrate === undefined ? "–" : f.join(f.hashrate(hass, hashrate)),
      lines: [
        workers === undefined ? undefined : plural(hass, "workers", workers),
        !share
          ? undefined
          : share < 0.001
            ? this.t("one_part", { count: f.compact(hass, 100 / share) })
            : this.t("network_share", { share: f.part(hass, share / 100) }),
      ],
    };
  }

  private shares(hass: Hass, pool: HmmDevice): Tile {
    const read = (key: string) => f.numeric(stateOf(hass, pool, `sensor.${key}`));
    const [valid, invalid, stale, rejects] = [read("shares_valid"), read("shares_invalid"), read("shares_stale"), read("reject_rate")];
    // By the counts below it: the rate of a pool or of its driver may leave out what came too late
    const all = (valid ?? 0) + (invalid ?? 0) + (stale ?? 0);
    const part = valid !== undefined && invalid !== undefined && all > 0 ? (100 * valid) / all : rejects !== undefined ? 100 - rejects : undefined;
    return {
      icon: "mdi:share-variant",
      label: this.t("shares"),
      value: part === undefined ? (valid === undefined ? this.t("not_reported") : f.number(hass, valid)) : f.percent(hass, part),
      lines: [
        [valid === undefined ? "" : this.t("accepted_count", { count: f.number(hass, valid) }), stale === undefined ? "" : this.t("stale_count", { count: f.number(hass, stale) })]
          .filter(Boolean)
          .join(" · "),
        invalid === undefined ? undefined : this.t("rejected_count", { count: f.number(hass, invalid) }),
      ],
    };
  }

  private blocks(hass: Hass, pool: HmmDevice): Tile {
    const today = f.numeric(stateOf(hass, pool, "sensor.blocks_24h"));
    const total = f.numeric(stateOf(hass, pool, "sensor.blocks_found"));
    const last = f.readTime(stateOf(hass, pool, "sensor.last_block")?.state);
    const share = f.readDifficulty(stateOf(hass, pool, "sensor.best_share"));
    const difficulty = f.readDifficulty(stateOf(hass, pool, "sensor.network_difficulty"));
    return {
      icon: "mdi:cube-outline",
      label: this.t("blocks"),
      value: today || total ? f.number(hass, today || total!) : last ? f.ago(hass, last) : this.t("none_yet"),
      ...(today ? { note: this.t("blocks_24h") } : total ? { note: this.t("blocks_total") } : {}),
      lines: [
        (today || total) && last ? this.t("last_block_ago", { ago: f.ago(hass, last) }) : undefined,
        share && difficulty && share < difficulty ? this.t("best_share_part", { part: f.part(hass, share / difficulty) }) : undefined,
        this.balance(hass, pool),
      ],
    };
  }

  private coins(hass: Hass, pool: HmmDevice, key: string): string {
    const state = stateOf(hass, pool, `sensor.${key}`);
    const amount = f.numeric(state);
    return amount === undefined ? "" : f.join(f.coins(hass, amount, String(state?.attributes.unit_of_measurement ?? "")));
  }

  private earned(hass: Hass, pool: HmmDevice): string {
    const earned = this.coins(hass, pool, "earnings_24h");
    return [earned ? `${earned} ${this.t("in_24h")}` : "", this.balance(hass, pool) ?? ""].filter(Boolean).join(" · ");
  }

  private balance(hass: Hass, pool: HmmDevice): string | undefined {
    const pending = this.coins(hass, pool, "pending_balance");
    const confirmed = this.coins(hass, pool, "confirmed_balance");
    return pending ? this.t("balance", { amount: pending }) : confirmed ? this.t("confirmed", { amount: confirmed }) : undefined;
  }

  private earnings(hass: Hass, pool: HmmDevice): Tile {
    const pending = this.coins(hass, pool, "pending_balance");
    const confirmed = this.coins(hass, pool, "confirmed_balance");
    const earned = this.coins(hass, pool, "earnings_24h");
    return {
      icon: "mdi:cash",
      label: this.t("earnings"),
      value: earned || this.t("not_reported"),
      ...(earned ? { note: this.t("in_24h") } : {}),
      lines: [
        pending ? this.t("balance", { amount: pending }) : undefined,
        confirmed ? this.t("confirmed", { amount: confirmed }) : undefined,
      ],
    };
  }
}

/** A pool that estimates earnings shares its blocks; one that does not leaves the block to its finder. */
export function isSoloPool(pool: HmmDevice): boolean {
  return !("sensor.earnings_24h" in pool.entities) || "sensor.time_to_block" in pool.entities;
}
