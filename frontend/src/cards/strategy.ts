// What a strategy does, until when and why: prices in the colors of their bands, each miner, and setting it by hand.

import { css, html, nothing, type TemplateResult } from "lit";
import { HmmCard } from "../card";
import type { PlanData, PlanSlot } from "../charts";
import * as f from "../format";
import { type CardConfig, type Hass, type HassState, moreInfo } from "../hass";
import { type HmmDevice, isKnown, type Model, modelOf, nameOf, stateOf } from "../model";
import { circle } from "../parts";
import type { Tone } from "../status";
import { styles } from "../styles";

interface StrategyConfig extends CardConfig {
  device_id?: string;
  /** Without the chart and the miners. */
  short?: boolean;
}

/** What a miner of the strategy is told, in the words of the integration. */
interface Line {
  name: string;
  rung: string;
}

const MOST_LINES = 12;
const DAY = 86_400_000;
const TONES: Record<string, Tone | "hatched"> = { off: "hatched", lowest: "warn", normal: "neu", highest: "ok", leave: "off" };
const LOOKS: Record<string, [Tone, string]> = {
  steering: ["info", "mdi:leaf"],
  holding: ["info", "mdi:timer-sand"],
  overridden: ["neu", "mdi:hand-back-right"],
  dry_run: ["neu", "mdi:eye-outline"],
  suspended: ["off", "mdi:pause-circle-outline"],
  waiting: ["warn", "mdi:database-clock-outline"],
  fallback: ["warn", "mdi:lifebuoy"],
  off: ["off", "mdi:power"],
};

export class HmmStrategyCard extends HmmCard<StrategyConfig> {
  static styles = [
    styles,
    css`
      .say { padding: 0 14px 10px; margin: 0; }
      hmm-plan { display: block; min-height: 176px; margin: 0 8px; }
      .legend { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 4px 14px 10px; font-size: 12px; }
      .legend span { display: inline-flex; align-items: center; gap: 6px; }
      .legend i { width: 12px; height: 12px; border-radius: 3px; background: var(--c); }
      .legend .hatched i { background: repeating-linear-gradient(45deg, var(--hmm-off) 0 2px, transparent 2px 5px); box-shadow: inset 0 0 0 1px var(--hmm-off); }
      ul { margin: 0; padding: 6px 14px; list-style: none; }
      li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 12px; padding: 4px 0; }
      .foot { padding: 8px 10px 10px; }
      .foot label { display: flex; align-items: center; gap: 12px; padding-inline-start: 4px; }
    `,
  ];

  static getStubConfig(hass: Hass): Partial<StrategyConfig> {
    return { device_id: modelOf(hass).strategies[0]?.id ?? "" };
  }

  getGridOptions(): object {
    return { columns: 12, min_columns: 6 };
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const strategy = this.config.device_id ? this.device(model) : model.strategies[0];
    if (!strategy) return this.message(this.t(this.config.device_id ? "gone" : "no_strategy"));
    this.isTicking = true;
    const status = stateOf(hass, strategy, "sensor.strategy_status");
    const [tone, icon] = LOOKS[status?.state ?? ""] ?? LOOKS.waiting!;
    const explanation = String(status?.attributes.explanation ?? "");
    const title = this.verdict(hass, strategy) || (isKnown(status) ? hass.formatEntityState(status) : "");
    const name = nameOf(strategy);
    return html`<ha-card role="article" aria-label=${name}>
      <button class="tile big" @click=${() => moreInfo(this, strategy.entities["sensor.strategy_status"])}>
        ${circle(tone, status?.state === "off" ? "ring" : "tint", icon)}
        <span class="tx"><span class="p clamp" role="heading" aria-level="2"><bdi>${name}</bdi>${title ? html`: ${title}` : nothing}</span>
          <span class="q clamp"><bdi>${explanation}</bdi></span></span>
      </button>
      ${this.config.short ? nothing : [this.chart(hass, strategy, status), this.miners(status)]}
      ${this.control(hass, strategy)}
    </ha-card>`;
  }

  /** "Normal until 16:00, then Cheap". */
  private verdict(hass: Hass, strategy: HmmDevice): string {
    const band = stateOf(hass, strategy, "sensor.strategy_band");
    if (!isKnown(band)) return "";
    const next = stateOf(hass, strategy, "sensor.strategy_next_band");
    const at = f.readTime(stateOf(hass, strategy, "sensor.strategy_next_change")?.state);
    if (!at) return band.state;
    const values = { band: band.state, time: f.moment(hass, at) };
    return isKnown(next) ? this.t("band_until_then", { ...values, next: next.state }) : this.t("band_until", values);
  }

  private chart(hass: Hass, strategy: HmmDevice, status: HassState | undefined): TemplateResult | typeof nothing {
    const { slots, bands, unit } = planOf(stateOf(hass, strategy, "sensor.strategy_band") ?? status);
    if (slots.length < 2) return nothing;
    void import("../charts");
    const now = Date.now();
    const today = f.day(hass, new Date(now));
    const data: PlanData = {
      slots,
      now,
      unit,
      nowLabel: this.t("now"),
      label: this.t("plan_label", { least: f.number(hass, Math.min(...slots.map(({ price }) => price)), 1), largest: f.number(hass, Math.max(...slots.map(({ price }) => price)), 1), unit }),
      number: (value) => f.number(hass, value, 2),
      hour: (at) => String(new Date(at).getHours()).padStart(2, "0"),
      day: (at) => (f.day(hass, new Date(at)) === today ? this.t("today") : f.day(hass, new Date(at))),
    };
    return html`<hmm-plan .data=${data}></hmm-plan>
      <div class="legend">${bands.map(([band, tone]) => html`<span class=${tone}><i aria-hidden="true"></i><bdi>${band}</bdi></span>`)}</div>`;
  }

  private miners(status: HassState | undefined): TemplateResult | typeof nothing {
    const all = linesOf(status);
    if (!all.length) return nothing;
    return html`<ul class="line">
      ${all.slice(0, MOST_LINES).map(
        ({ name, rung }) => html`<li><bdi class="e" title=${name}>${name}</bdi><strong>${rung}</strong></li>`,
      )}
      ${all.length > MOST_LINES ? html`<li class="sec">${this.t("more_miners", { count: all.length - MOST_LINES })}</li>` : nothing}
    </ul>`;
  }

  private control(hass: Hass, strategy: HmmDevice): TemplateResult | typeof nothing {
    const override = stateOf(hass, strategy, "select.strategy_override");
    const options = Array.isArray(override?.attributes.options) ? override.attributes.options.map(String) : [];
    if (!override || !isKnown(override) || options.length < 2) return nothing;
    const now = this.busy("override") ?? override.state;
    const word = (option: string) => hass.localize(`component.hmm.entity.select.strategy_override.state.${option}`) || option;
    return html`<div class="foot line"><label><span>${this.t("override")}</span><select
        class="modes"
        @change=${(event: Event) => {
          const option = (event.target as HTMLSelectElement).value;
          void this.perform("override", option, override.entity_id, () => hass.callService("select", "select_option", { option }, { entity_id: override.entity_id }));
        }}
      >${options.map((option) => html`<option value=${option} ?selected=${option === now}>${word(option)}</option>`)}</select></label>
      ${this.failure("override") ? html`<p class="sec" role="alert">${this.failure("override")}</p>` : nothing}</div>`;
  }
}

/** What is known of the prices of today and tomorrow, and of the bands they are in. */
export function planOf(state: HassState | undefined): { slots: PlanSlot[]; bands: [string, Tone | "hatched"][]; unit: string } {
  const given = state?.attributes.plan;
  const rungs = (state?.attributes.rungs ?? {}) as Record<string, unknown>;
  const toneOf = (band: string): Tone | "hatched" => TONES[String(rungs[band])] ?? "info";
  const slots: PlanSlot[] = [];
  for (const slot of Array.isArray(given) ? given.slice(0, 400) : []) {
    if (!Array.isArray(slot)) continue;
    const [from, to, price, band] = [f.readTime(slot[0])?.getTime(), f.readTime(slot[1])?.getTime(), Number(slot[2]), String(slot[3] ?? "")];
    if (from === undefined || to === undefined || to <= from || to - from > DAY || !Number.isFinite(price)) continue;
    slots.push({ from, to, price, band, tone: toneOf(band) });
  }
  slots.sort((a, b) => a.from - b.from);
  const bands = [...new Set([...Object.keys(rungs), ...slots.map(({ band }) => band)])].filter(Boolean).slice(0, 24);
  return { slots, bands: bands.map((band) => [band, toneOf(band)]), unit: String(state?.attributes.unit ?? "") };
}

function linesOf(state: HassState | undefined): Line[] {
  const given = state?.attributes.miners;
  return (Array.isArray(given) ? given : []).map((line: Record<string, unknown>) => ({
    name: String(line?.name ?? ""),
    rung: String(line?.rung ?? ""),
  }));
}
