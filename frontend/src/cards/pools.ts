// All pool accounts over a day, a week or a month, from Home Assistant's long-term statistics.

import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { HmmCard, Question } from "../card";
import * as f from "../format";
import { type CardConfig, type Hass, openDevice } from "../hass";
import { type HmmDevice, type Model, stateOf } from "../model";
import { icon, sumOf } from "../parts";
import { poolName } from "../status";
import { styles } from "../styles";

interface PoolsConfig extends CardConfig {
  title?: string;
  devices?: string[];
}

const PERIODS = { hours_24: 1, days_7: 7, days_30: 30 } as const;
type Period = keyof typeof PERIODS;
type Column = "name" | "hashrate" | "accepted" | "stale" | "response";
interface Statistics {
  mean?: number | null;
  change?: number | null;
}
interface Line {
  pool: HmmDevice;
  name: string;
  hashrate: number | undefined;
  accepted: number | undefined;
  stale: number | undefined;
  response: number | undefined;
}

export class HmmPoolsCard extends HmmCard<PoolsConfig> {
  static styles = [
    styles,
    css`
      .head { display: flex; align-items: center; gap: 8px 16px; padding: 10px; flex-wrap: wrap; }
      .head .tx { flex: 1 1 160px; }
      .head .seg { min-width: 220px; flex: 0 1 240px; min-height: 36px; } .head .seg button { min-height: 36px; }
      .scroll { overflow-x: auto; }
      table { width: 100%; border-collapse: collapse; }
      th { font-weight: 500; font-size: 12px; color: var(--hmm-text-2); padding: 0 8px; border-block: 1px solid var(--hmm-line); white-space: nowrap; text-align: end; }
      th:first-child, td:first-child { text-align: start; padding-inline-start: 14px; }
      th button { min-height: 40px; display: inline-flex; align-items: center; gap: 4px; }
      td { height: 48px; padding: 0 8px; border-bottom: 1px solid var(--hmm-line); white-space: nowrap; text-align: end; }
      tr:last-child td { border-bottom: 0; }
      td:last-child, th:last-child { padding-inline-end: 14px; }
      .to { max-width: 280px; display: block; min-height: 44px; }
      @container (max-width: 480px) { .wide { display: none; } }
    `,
  ];
  static properties = { ...HmmCard.properties, period: { state: true }, sorted: { state: true }, found: { state: true } };

  declare period: Period;
  declare sorted: Column;
  declare found: Record<string, Statistics[] | undefined> | undefined;
  private question = new Question();

  constructor() {
    super();
    this.period = "days_7";
    this.sorted = "accepted";
  }

  static getStubConfig(): Partial<PoolsConfig> {
    return {};
  }

  protected updated(_changed: PropertyValues): void {
    void this.load();
  }

  private pools(model: Model): HmmDevice[] {
    const wanted = this.config.devices ?? [];
    return model.pools.filter(({ id }) => !wanted.length || wanted.includes(id));
  }

  private ids: string[] = [];

  /** Ask for the statistics of the period; again each five minutes. */
  private async load(): Promise<void> {
    if (!this.hass || !this.ids.length || document.hidden) return;
    const key = `${this.ids.join()} ${this.period} ${Math.floor(Date.now() / 300_000)}`;
    const days = PERIODS[this.period];
    const ask = () =>
      this.hass.connection.sendMessagePromise<Record<string, Statistics[]>>({
        type: "recorder/statistics_during_period",
        start_time: new Date(Date.now() - days * 86_400_000).toISOString(),
        statistic_ids: this.ids,
        period: ({ 1: "5minute", 7: "hour", 30: "day" } as const)[days],
        types: ["mean", "change"],
        // Whatever unit the owner chose for the sensors
        units: { duration: "ms" },
      });
    await this.question.ask(key, ask, (found) => (this.found = found));
  }

  private known(id: string | undefined, type: keyof Statistics): number[] {
    return ((id && this.found?.[id]) || []).map((row) => row[type]).filter((value): value is number => typeof value === "number");
  }

  private mean(id: string | undefined): number | undefined {
    const known = this.known(id, "mean");
    return known.length ? sumOf(known)! / known.length : undefined;
  }

  private change(id: string | undefined): number | undefined {
    return sumOf(this.known(id, "change"));
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const pools = this.pools(model);
    const title = this.config.title ?? this.t("pools_compared");
    if (!pools.length) return this.message(this.t("no_pools"));
    const keys = ["hashrate", "shares_valid", "shares_invalid", "shares_stale", "reject_rate", "latency", "stratum_latency"];
    this.ids = pools.flatMap((pool) => keys.map((key) => pool.entities[`sensor.${key}`]).filter((id): id is string => id !== undefined));
    const lines = pools.map((pool): Line => this.lineOf(hass, model, pool));
    const { sorted } = this;
    lines.sort((a, b) => {
      if (sorted === "name") return a.name.localeCompare(b.name, hass.locale.language);
      const [x, y] = [a[sorted], b[sorted]];
      // What is not known stands last, whatever is better
      return x === undefined || y === undefined ? Number(x === undefined) - Number(y === undefined) : better(sorted) * (y - x);
    });
    const columns = (["name", "hashrate", "accepted", "stale", "response"] as const).filter(
      (column) => column === "name" || lines.some((line) => line[column] !== undefined),
    );
    return html`<ha-card role="article" aria-label=${title}>
      <div class="head">
        <div class="tx"><h2 class="p">${title}</h2><span class="q sec">${this.t("averages", { period: this.t(this.period) })}</span></div>
        <div class="seg" role="group" aria-label=${this.t("period")}>
          ${(Object.keys(PERIODS) as Period[]).map(
            (period) => html`<button aria-pressed=${period === this.period ? "true" : "false"} @click=${() => (this.period = period)}><bdi>${this.t(period)}</bdi></button>`,
          )}
        </div>
      </div>
      ${this.found && columns.length === 1 ? html`<div class="empty line">${this.t("no_statistics")}</div>` : nothing}
      <div class="scroll" ?hidden=${columns.length === 1}>
        <table>
          <thead><tr>${columns.map((column) => this.header(column))}</tr></thead>
          <tbody>
            ${repeat(
              lines,
              ({ pool }) => pool.id,
              (line) => html`<tr>
                ${columns.map((column) =>
                  column === "name"
                    ? html`<td><button class="to e" title=${line.name} @click=${() => openDevice(hass, this, line.pool)}><bdi>${line.name}</bdi></button></td>`
                    : html`<td class=${isWide(column) ? "wide" : ""} title=${line[column] === undefined ? this.t("not_reported") : ""}><bdi>${cell(hass, line, column)}</bdi></td>`,
                )}
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </ha-card>`;
  }

  private header(column: Column): TemplateResult {
    const label = this.t(({ name: "pool", hashrate: "hashrate", accepted: "accepted_column", stale: "stale", response: "response_column" } as const)[column]);
    const isSorted = this.sorted === column;
    return html`<th scope="col" class=${isWide(column) ? "wide" : ""} aria-sort=${isSorted ? (better(column) > 0 && column !== "name" ? "descending" : "ascending") : "none"}>
      <button aria-label=${this.t("sort_by", { column: label })} @click=${() => (this.sorted = column)}>${label}${isSorted ? icon("mdi:arrow-down", "small") : nothing}</button>
    </th>`;
  }

  private lineOf(hass: Hass, model: Model, pool: HmmDevice): Line {
    const id = (key: string) => pool.entities[`sensor.${key}`];
    const hashrate = this.mean(id("hashrate"));
    const unit = stateOf(hass, pool, "sensor.hashrate");
    const [valid, invalid, stale] = [this.change(id("shares_valid")), this.change(id("shares_invalid")), this.change(id("shares_stale"))];
    const total = (valid ?? 0) + (invalid ?? 0) + (stale ?? 0);
    const rejects = this.mean(id("reject_rate"));
    return {
      pool,
      name: poolName(hass, model.pools, pool),
      hashrate: hashrate === undefined || !unit ? undefined : hashrate * f.factorOf(unit),
      accepted: valid !== undefined && total > 0 ? (100 * valid) / total : rejects === undefined ? undefined : 100 - rejects,
      stale: stale !== undefined && total > 0 ? (100 * stale) / total : undefined,
      response: this.mean(id("stratum_latency")) ?? this.mean(id("latency")),
    };
  }
}

/** 1 where more is better, -1 where less is. */
function better(column: Column): number {
  return column === "stale" || column === "response" ? -1 : 1;
}

function isWide(column: Column): boolean {
  return column === "stale" || column === "response";
}

function cell(hass: Hass, line: Line, column: Exclude<Column, "name">): string {
  const value = line[column];
  if (value === undefined) return "–";
  if (column === "hashrate") return f.join(f.hashrate(hass, value));
  return column === "response" ? f.join([f.number(hass, value), "ms"]) : f.percent(hass, value);
}
