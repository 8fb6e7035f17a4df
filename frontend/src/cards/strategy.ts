// What a strategy does, until when and why: prices in the colors of their bands, what each miner does today and
// tomorrow, and setting it by hand.

import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Lane, PlanData, PlanSlot, Stretch, SunData, Watts } from "../charts";
import { Question } from "../card";
import { HistoryCard } from "../followed";
import * as f from "../format";
import { type CardConfig, type Hass, type HassState, moreInfo } from "../hass";
import { type HmmDevice, isKnown, listOf, type Model, modelOf, nameOf, stateOf } from "../model";
import { circle } from "../parts";
import { explain, rungName } from "../reasons";
import { needsAttention, statusOf, type Tone } from "../status";
import { styles } from "../styles";
import { plural } from "../texts";
import { type Ahead, aheadOf, type PlannedMiner } from "../ahead";

interface StrategyConfig extends CardConfig {
  device_id?: string;
  /** Without the sentences. */
  short?: boolean;
}

const MOST_LANES = 12;
const MOST_NAMES = 4;
const MOST_NEXT = 4;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SURPLUS = "sensor.strategy_surplus";
const DAYS = 7;
const UNKNOWN: Ahead = { kind: "", bands: [], lanes: [], past: undefined };
/** Why a miner is not yet where its strategy wants it. */
const WAITING = ["hold_miner", "not_obeying"];
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

export class HmmStrategyCard extends HistoryCard<StrategyConfig> {
  static styles = [
    styles,
    css`
      hmm-plan, hmm-sun { display: block; margin: 0 8px; }
      hmm-sun { min-height: 176px; }
      .legend { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 4px 14px 10px; font-size: 12px; }
      .legend span { display: inline-flex; align-items: center; gap: 6px; }
      .legend i { width: 12px; height: 12px; border-radius: 3px; background: var(--c); }
      .legend .hatched i { background: repeating-linear-gradient(45deg, var(--hmm-off) 0 2px, transparent 2px 5px); box-shadow: inset 0 0 0 1px var(--hmm-off); }
      .legend .hand i { background: none; border: 1.5px dashed var(--hmm-neu); }
      .rows { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 6px 12px; padding: 10px 14px; margin: 0; }
      .rows dt { color: var(--hmm-text-2); }
      .rows dd { margin: 0; overflow-wrap: anywhere; }
      .rows strong { font-weight: 500; }
      .legend .surplus i, .legend .forecast i { height: 0; border-radius: 0; border-top: 2px solid var(--hmm-warn); background: none; }
      .legend .forecast i { border-top-style: dashed; }
      .legend .used i { --c: var(--hmm-info); }
      .foot { padding: 8px 10px 10px; display: flex; flex-wrap: wrap; gap: 8px; }
      .foot > .seg, .foot > .modes { flex: 1 1 300px; width: auto; }
      .foot > p { flex-basis: 100%; }
      .holds { display: flex; gap: 8px; flex: 0 1 auto; }
      .holds select { width: auto; min-width: 0; font-weight: 500; }
      .holds input { font: inherit; color: inherit; border: 0; border-radius: 12px; background: var(--hmm-fill); padding: 0 12px; height: 42px; }
    `,
  ];

  static properties = { ...HistoryCard.properties, ahead: { state: true }, forecast: { state: true }, hold: { state: true } };

  declare ahead: Ahead | undefined;
  /** What the sun is expected to give today, of those whom the energy dashboard asks. */
  declare forecast: Watts[] | undefined;
  /** For how long what is chosen by hand holds. */
  declare hold: string;
  // A strategy sets its miners a few at a time
  private question = new Question(5000, () => this.requestUpdate());
  private sunQuestion = new Question();

  constructor() {
    super();
    this.hold = "next";
  }

  static getStubConfig(hass: Hass): Partial<StrategyConfig> {
    return { device_id: modelOf(hass).strategies[0]?.id ?? "" };
  }

  protected updated(changed: PropertyValues): void {
    super.updated(changed);
    void this.load();
    void this.loadForecast();
  }

  private strategy(model: Model): HmmDevice | undefined {
    return this.config.device_id ? this.device(model, "strategy") : model.strategies[0];
  }

  /** Ask what is ahead; again when the strategy or who decides for a miner is another, and with each day. */
  private async load(): Promise<void> {
    const strategy = this.hass && this.config ? this.strategy(modelOf(this.hass)) : undefined;
    // While it is removed or reloaded it has no status, and Home Assistant would log that it does not exist
    if (!strategy || !isKnown(stateOf(this.hass, strategy, "sensor.strategy_status")) || document.hidden) return;
    const said = (device: HmmDevice, name: string) => {
      const state = stateOf(this.hass, device, name);
      return [state?.state, state?.attributes.key, state?.attributes.until, state?.attributes.plan];
    };
    const names = ["sensor.strategy_status", "sensor.strategy_band", "sensor.strategy_next_change", "select.strategy_override"];
    const known = [...names.map((name) => said(strategy, name)), ...modelOf(this.hass).miners.map((miner) => said(miner, "sensor.controlled_by"))];
    const key = JSON.stringify([strategy.id, new Date().toDateString(), known]);
    const ask = () => this.hass.callService("hmm", "preview_strategy", { days: this.config.short ? 0 : DAYS }, { device_id: strategy.id }, false, true);
    await this.question.ask(key, ask, (answer) => (this.ahead = answer ? aheadOf((answer as { response?: unknown }).response) : UNKNOWN));
  }

  /** Ask for the forecast of the sun; again each hour. */
  private async loadForecast(): Promise<void> {
    const strategy = this.hass && this.config ? this.strategy(modelOf(this.hass)) : undefined;
    if (!strategy || !(SURPLUS in strategy.entities) || document.hidden || !this.hass.config.components.includes("energy")) return;
    const ask = () => this.hass.connection.sendMessagePromise<object>({ type: "energy/solar_forecast" });
    await this.sunQuestion.ask(String(Math.floor(Date.now() / HOUR)), ask, (answer) => (this.forecast = answer && forecastOf(answer)));
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const strategy = this.strategy(model);
    if (!strategy) return this.without(model, this.config.device_id ? "pick_strategy" : "no_strategy");
    const status = stateOf(hass, strategy, "sensor.strategy_status");
    // Watched, so that what is ahead is asked for again
    for (const miner of model.miners) stateOf(hass, miner, "sensor.controlled_by");
    const [tone, icon] = LOOKS[status?.state ?? ""] ?? LOOKS.waiting!;
    const title = this.verdict(hass, strategy) || (isKnown(status) ? hass.formatEntityState(status) : "");
    const name = nameOf(strategy);
    const plan = planOf(stateOf(hass, strategy, "sensor.strategy_band") ?? status, this.ahead);
    const explanation = this.reason(hass, strategy, status, plan);
    return html`<ha-card role="article" aria-label=${name}>
      <button class="tile big" @click=${() => moreInfo(this, strategy.entities["sensor.strategy_status"])}>
        ${circle(tone, status?.state === "off" ? "ring" : "tint", icon)}
        <span class="tx"><span class="p clamp" role="heading" aria-level="2"><bdi>${name}</bdi>${title ? html`: <bdi>${title}</bdi>` : nothing}</span>
          <span class="q clamp"><bdi>${explanation}</bdi></span></span>
      </button>
      ${SURPLUS in strategy.entities ? this.sun(hass, strategy) : nothing}
      ${this.chart(hass, model, plan)} ${this.config.short ? nothing : this.rows(hass, model, strategy, plan)} ${this.control(hass, strategy)}
    </ha-card>`;
  }

  /** Why. Of bands the title and the rows say already what comes next and when. */
  private reason(hass: Hass, strategy: HmmDevice, status: HassState | undefined, plan: Plan): string {
    const { key, values } = (status?.attributes ?? {}) as Record<string, unknown>;
    const { price, unit } = (values ?? {}) as Record<string, unknown>;
    const isPlain = (key === "band" || key === "band_unknown_next") && typeof price === "number" && isKnown(stateOf(hass, strategy, "sensor.strategy_band"));
    const words = isPlain ? this.t("price_now", { price: priceAt(hass, plan, Date.now()) ?? f.price(hass, price, String(unit ?? "")) }) : explain(hass, status?.attributes ?? {});
    // The text of Home Assistant begins with it already
    return status?.state === "dry_run" && words !== status.attributes.explanation ? `${hass.formatEntityState(status)} · ${words}` : words;
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

  private chart(hass: Hass, model: Model, { slots: all, bands, unit, limits }: Plan): TemplateResult | typeof nothing {
    const now = Date.now();
    const midnight = f.startOfDay(hass, now);
    // The day of Home Assistant may begin on the user's yesterday
    const slots = all.filter(({ to }) => to > midnight);
    const [from, to] = [slots[0]?.from ?? midnight, slots.at(-1)?.to ?? midnight + 2 * DAY];
    const lanes = this.lanes(hass, model, now, to);
    // Room for the lanes that are still asked for
    const room = (slots.length ? 176 : 42) + 24 * (this.ahead ? lanes.length : Math.min(MOST_LANES, model.miners.length));
    if (slots.length < 2 && !lanes.some(({ stretches }) => stretches.length > 1)) return nothing;
    void import("../charts");
    const prices = slots.map(({ price }) => price);
    const [factor, shownUnit] = f.hundredths(unit);
    const price = (value: number) => f.number(hass, value * factor, 1);
    const data: PlanData = {
      slots: slots.map((slot) => ({ ...slot, price: slot.price * factor })),
      lanes,
      from,
      to,
      now,
      unit: shownUnit,
      nowLabel: this.t("now"),
      label: slots.length
        ? this.t("plan_label", { least: price(Math.min(...prices)), largest: price(Math.max(...prices)), unit: shownUnit })
        : lanes.map(({ label }) => label).join(", "),
      number: (value) => f.number(hass, value, 2),
      hour: (at) => f.hour(hass, new Date(at)),
      day: (at) => this.dayName(hass, at, now),
    };
    const isByHand = lanes.some(({ stretches }) => stretches.some((stretch) => stretch.isByHand));
    const said = (band: string, index: number) => {
      const before = limits[bands[index - 1]?.[0] ?? ""];
      const amount = (value: number) => f.join([price(value), shownUnit]);
      const upto = limits[band];
      return upto !== undefined ? this.t("band_under", { band, price: amount(upto) }) : before !== undefined ? this.t("band_from", { band, price: amount(before) }) : band;
    };
    return html`<hmm-plan style="min-height:${room}px" .data=${data}></hmm-plan>
      <div class="legend">
        ${bands.map(([band, tone], index) => html`<span class=${tone}><i aria-hidden="true"></i><bdi>${said(band, index)}</bdi></span>`)}
        ${isByHand ? html`<span class="hand"><i aria-hidden="true"></i>${this.t("row_by_hand")}</span>` : nothing}
      </div>`;
  }

  /** The surplus of today, what miners take of it, and what the sun is expected to give. */
  private sun(hass: Hass, strategy: HmmDevice): TemplateResult | typeof nothing {
    const now = Date.now();
    const midnight = f.startOfDay(hass, now);
    const of = (key: string) => since(this.pointsOf(strategy.entities[key]), midnight);
    const [surplus, used] = [of(SURPLUS), of("sensor.strategy_allotted")];
    if (surplus.length < 2) return nothing;
    void import("../charts");
    const forecast = (this.forecast ?? []).filter(([at]) => at > now - HOUR && at < midnight + DAY);
    const seen = [...surplus, ...forecast].filter(([, watts]) => (watts ?? 0) > 0).map(([at]) => at);
    const watts = (points: readonly Watts[]) => f.join(f.power(hass, points.at(-1)?.[1] ?? 0));
    const data: SunData = {
      surplus,
      used,
      forecast,
      // The night is not drawn
      from: midnight + Math.min(6, Math.floor(Math.max(0, Math.min(...seen) - midnight) / HOUR)) * HOUR,
      to: midnight + Math.max(20, Math.min(24, Math.ceil((Math.max(now, ...seen) - midnight) / HOUR))) * HOUR,
      now,
      unit: "W",
      nowLabel: this.t("now"),
      label: this.t("sun_label", { surplus: watts(surplus), used: watts(used) }),
      number: (value) => f.number(hass, value),
      hour: (at) => f.hour(hass, new Date(at)),
      day: () => this.t("today"),
    };
    const key = (name: string, words: string) => html`<span class=${name}><i aria-hidden="true"></i>${words}</span>`;
    return html`<hmm-sun .data=${data}></hmm-sun>
      <div class="legend">
        ${key("surplus", this.t("surplus"))} ${key("used", this.t("for_miners"))} ${forecast.length ? key("forecast", this.t("sun_forecast")) : nothing}
      </div>`;
  }

  private dayName(hass: Hass, at: number, now: number): string {
    const day = (moment: number) => f.day(hass, new Date(moment));
    return day(at) === day(now) ? this.t("today") : day(at) === day(now + DAY) ? this.t("tomorrow") : day(at);
  }

  /** One for each miner; where there are too many, one for those that do the same. */
  private lanes(hass: Hass, model: Model, now: number, end: number): Lane[] {
    const all = this.ahead?.lanes ?? [];
    const count = all.reduce((sum, { miners }) => sum + miners.length, 0);
    const known = all.flatMap(({ miners, steps }) => (count > MOST_LANES ? [{ miners, steps }] : miners.map((miner) => ({ miners: [miner], steps }))));
    return known.slice(0, MOST_LANES).map(({ miners, steps }): Lane => {
      const name = titleOf(model, miners[0]!) + (miners.length > 1 ? ` +${f.number(hass, miners.length - 1)}` : "");
      const stretches = steps.map(({ from, to = end, rung, level }): Stretch => ({ from, to, word: rungName(hass, rung), tone: level === "leave" ? "leave" : (TONES[level] ?? "info") }));
      const [{ by, until } = { by: "", until: undefined }] = miners;
      const isByHand = miners.length === 1 && by === "manual";
      const shown = isByHand ? byHand(stretches, model, hass, miners[0]!, now, until ?? end, this.t("row_by_hand")) : stretches;
      const current = shown.find(({ from, to }) => from <= now && now < to);
      return { name, label: current ? this.t("lane_label", { name, rung: current.word }) : name, stretches: shown };
    });
  }

  private rows(hass: Hass, model: Model, strategy: HmmDevice, { unit }: Plan): TemplateResult | typeof nothing {
    const { ahead } = this;
    if (!ahead) return nothing;
    const now = Date.now();
    const miners = ahead.lanes.flatMap((lane) => lane.miners);
    const isAway = (miner: PlannedMiner) => {
      const device = deviceOf(model, miner);
      return miner.by === "safety" || (device !== undefined && needsAttention(statusOf(hass, device)));
    };
    const away = miners.filter(isAway);
    const waits = ({ by, reason }: PlannedMiner) => by === ahead.kind && WAITING.includes(String(reason.key));
    const rows: [string, TemplateResult | string][] = [];
    const current = new Map<string, string[]>();
    for (const { miners: some, steps } of ahead.lanes) {
      const step = steps.find(({ from, to }) => from <= now && now < (to ?? Infinity));
      const names = some.filter((miner) => !isAway(miner) && miner.by !== "manual" && !waits(miner)).map((miner) => titleOf(model, miner));
      const word = step && rungName(hass, step.rung);
      if (word && names.length) current.set(word, [...(current.get(word) ?? []), ...names]);
    }
    if (current.size) {
      rows.push([
        this.t("row_now"),
        html`${[...current].map(([rung, names], index) => html`${index ? " · " : nothing}<bdi><strong>${rung}</strong> ${this.some(names)}</bdi>`)}`,
      ]);
    }
    // They are not yet what the strategy wants of them; each sentence has the name in it
    const waiting = miners.filter((miner) => !isAway(miner) && waits(miner)).slice(0, MOST_NAMES);
    if (waiting.length) rows.push([this.t("row_waiting"), html`${waiting.map((miner, index) => html`${index ? html`<br />` : nothing}<bdi>${explain(hass, miner.reason)}</bdi>`)}`]);
    // What the planner expects, not the bare bands of the prices: it waits where a change would not last
    const next = ahead.bands.length ? ahead.bands.map(({ from, band: name, price }) => ({ from, name, price })) : (ahead.lanes[0]?.steps ?? []).map(({ from, rung }) => ({ from, name: rungName(hass, rung), price: undefined }));
    const [factor, shownUnit] = f.hundredths(unit);
    const coming = next.filter(({ from }) => from > now).slice(0, MOST_NEXT);
    if (coming.length && ahead.lanes.length) {
      rows.push([
        this.t("row_next"),
        html`${coming.map(
          ({ from, name, price }, index) =>
            html`${index ? " · " : nothing}<bdi>${this.next(hass, from, coming[index - 1]?.from ?? now)} <strong>${name}</strong>${price === undefined ? nothing : html` <span class="sec num">${f.join([f.number(hass, price * factor, 1), shownUnit])}</span>`}</bdi>`,
        )}`,
      ]);
    }
    const manual = miners.filter((miner) => miner.by === "manual");
    if (manual.length) rows.push([this.t("row_by_hand"), this.reasons(hass, model, manual)]);
    if (away.length) {
      const words = away.map((miner) => {
        const device = deviceOf(model, miner);
        return `${titleOf(model, miner)} (${device ? statusOf(hass, device).word : explain(hass, miner.reason)})`;
      });
      rows.push([this.t("row_left_out"), html`<bdi>${this.some(words)}.</bdi> ${plural(hass, "left_out_help", away.length)}`]);
    }
    const others = miners.filter((miner) => !isAway(miner) && !["manual", "nothing", ahead.kind].includes(miner.by));
    if (others.length) rows.push([this.t("row_elsewhere"), this.reasons(hass, model, others)]);
    const energy = since(this.pointsOf(strategy.entities["sensor.strategy_solar_energy"]), f.startOfDay(hass, now)).flatMap(([, value]) => value ?? []);
    if (energy.length) rows.push([this.t("today"), this.t("sun_today", { energy: f.join([f.significant(hass, Math.max(0, energy.at(-1)! - energy[0]!)), "kWh"]) })]);
    if (ahead.past) {
      const { cost, always, share, days, currency } = ahead.past;
      const values = { cost: f.money(hass, cost, currency), always: f.money(hass, always, currency), share: f.join([f.number(hass, share * 100), "%"]) };
      rows.push([this.t("row_days", { count: f.number(hass, days) }), this.t("saved", values)]);
    }
    if (!rows.length) return nothing;
    return html`<dl class="rows line">${rows.map(([label, words]) => html`<dt>${label}</dt><dd>${words}</dd>`)}</dl>`;
  }

  /** When, with its day only if that is another one than before. */
  private next(hass: Hass, at: number, before: number): string {
    return f.startOfDay(hass, at) === f.startOfDay(hass, before) ? f.clock(hass, new Date(at)) : f.moment(hass, new Date(at));
  }

  private some(names: string[]): string {
    const more = names.length - MOST_NAMES;
    return [...names.slice(0, MOST_NAMES), ...(more > 0 ? [this.t("more_miners", { count: more })] : [])].join(", ");
  }

  /** Who, and why: those with the same reason together. */
  private reasons(hass: Hass, model: Model, miners: PlannedMiner[]): TemplateResult {
    const groups = new Map<string, string[]>();
    for (const miner of miners) {
      const reason = explain(hass, miner.reason);
      groups.set(reason, [...(groups.get(reason) ?? []), titleOf(model, miner)]);
    }
    const shown = [...groups].slice(0, MOST_NAMES);
    // A sentence about one miner has its name in it
    const named = ([reason, [name, ...others]]: [string, string[]]) => others.length === 0 && reason.startsWith(name ?? "");
    const left = miners.length - shown.reduce((sum, [, names]) => sum + names.length, 0);
    return html`${shown.map((group, index) => {
      const [reason, names] = group;
      return html`${index ? html`<br />` : nothing}${named(group) ? reason : html`<bdi>${this.some(names)}</bdi>${reason ? `: ${reason}` : nothing}`}`;
    })}${left ? html`<br />${this.t("more_miners", { count: left })}` : nothing}`;
  }

  private control(hass: Hass, strategy: HmmDevice): TemplateResult | typeof nothing {
    const override = stateOf(hass, strategy, "select.strategy_override");
    const options = listOf(override, "options");
    if (!override || override.state === "unavailable" || options.length < 2) return nothing;
    const word = (option: string) => hass.localize(`component.hmm.entity.select.strategy_override.state.${option}`) || option;
    const [automatic] = options;
    const choose = (option: string, hold = this.hold) => {
      this.hold = "next";
      void this.perform("override", option, override.entity_id, () =>
        option === automatic
          ? hass.callService("select", "select_option", { option }, { entity_id: override.entity_id })
          : hass.callService("hmm", "override_strategy", { to: option, ...this.held(hass, strategy, hold) }, { device_id: strategy.id }),
      );
    };
    const isByHand = override.state !== automatic;
    return html`<div class="foot line">
      ${this.choice(this.t("override"), options, override.state, this.busy("override"), word, choose, 5)}
      ${!isByHand && this.config.short ? nothing : this.holds(hass, strategy, isByHand ? override : undefined, choose)}
      ${this.failure("override") ? html`<p class="sec" role="alert">${this.failure("override")}</p>` : nothing}
    </div>`;
  }

  /** How long what is chosen by hand holds: before it is chosen, and while it holds. */
  private holds(hass: Hass, strategy: HmmDevice, override: HassState | undefined, choose: (option: string, hold: string) => void): TemplateResult {
    const next = f.readTime(stateOf(hass, strategy, "sensor.strategy_next_change")?.state);
    const until = f.readTime(override?.attributes.until);
    const shown: [string, string][] = [
      ...(override ? [["", until ? this.t("by_hand_until", { time: f.moment(hass, until) }) : this.t(override.attributes.ends === "released" ? "by_hand_released" : "by_hand_next")] as [string, string]] : []),
      ...(override ? [] : [["next", next ? this.t("by_hand_until", { time: f.moment(hass, next) }) : this.t("by_hand_next")] as [string, string]]),
      // What an action wants may be no option: it cannot be chosen again
      ...(isKnown(override) || !override ? ([["1", this.t("by_hand_1")], ["4", this.t("by_hand_4")], ["at", this.t("by_hand_at")]] as [string, string][]) : []),
    ];
    const hold = override && this.hold !== "at" ? "" : this.hold.replace(/^at.+/u, "at");
    const pick = (value: string) => {
      this.hold = value;
      if (override && value && value !== "at") choose(override.state, value);
    };
    return html`<div class="holds">
      <select class="modes" aria-label=${this.t("by_hand_how_long")} @change=${({ target }: Event) => {
        const select = target as HTMLSelectElement;
        pick(select.value);
        // What it has become comes back with the state
        if (override && select.value !== "at") select.value = "";
      }}>
        ${shown.map(([value, words]) => html`<option value=${value} .selected=${value === hold}>${words}</option>`)}
      </select>
      ${this.hold.startsWith("at")
        ? html`<input type="time" aria-label=${this.t("by_hand_at")} .value=${this.hold.slice(3)} @change=${(event: Event) => {
            const { value } = event.target as HTMLInputElement;
            if (value) pick(`at ${value}`);
          }} />`
        : nothing}
    </div>`;
  }

  /** What the action needs to know of how long it holds. */
  private held(hass: Hass, strategy: HmmDevice, hold: string): Record<string, unknown> {
    const next = stateOf(hass, strategy, "sensor.strategy_next_change");
    if (hold === "1" || hold === "4") return { for: { hours: Number(hold) } };
    if (hold.startsWith("at ")) return { until: untilOf(hass, hold.slice(3)) };
    return f.readTime(next?.state) ? { until: next!.state } : {};
  }
}

/** The next time that the user's clock shows this; Home Assistant reads times by its own. */
export function untilOf(hass: Hass, time: string, now = new Date()): string {
  if (hass.locale.time_zone === "server") return time;
  const at = new Date(now);
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  at.setHours(hours, minutes, 0, 0);
  if (at <= now) at.setDate(at.getDate() + 1);
  return at.toISOString();
}

/** Points since a time, with the one before it at that time. */
function since(points: readonly Watts[], start: number): Watts[] {
  const first = points.findLastIndex(([at]) => at <= start);
  return points.slice(Math.max(0, first)).map(([at, value]): Watts => [Math.max(at, start), value]);
}

/** What all forecasts of the energy dashboard say together, in watts at the middle of their hours. */
export function forecastOf(response: unknown): Watts[] {
  const hours = new Map<number, number>();
  for (const one of Object.values((response ?? {}) as Record<string, { wh_hours?: unknown } | null>).slice(0, 20)) {
    for (const [start, energy] of Object.entries((one?.wh_hours ?? {}) as Record<string, unknown>).slice(0, 400)) {
      // Some sources have finer steps
      const at = f.readTime(start)?.setMinutes(0, 0, 0);
      if (at !== undefined && typeof energy === "number" && Number.isFinite(energy)) hours.set(at, (hours.get(at) ?? 0) + energy);
    }
  }
  return [...hours].sort(([a], [b]) => a - b).map(([at, energy]): Watts => [at + HOUR / 2, energy]);
}

function deviceOf(model: Model, { entryId }: PlannedMiner): HmmDevice | undefined {
  return model.miners.find(({ device }) => device.config_entries?.includes(entryId));
}

function titleOf(model: Model, miner: PlannedMiner): string {
  const device = deviceOf(model, miner);
  return device ? nameOf(device) : miner.name;
}

/** What was set by hand lies over what was planned. */
function byHand(stretches: Stretch[], model: Model, hass: Hass, miner: PlannedMiner, now: number, end: number, word: string): Stretch[] {
  const device = deviceOf(model, miner);
  const since = f.readTime(stateOf(hass, device!, "sensor.controlled_by")?.last_changed)?.getTime() ?? now;
  const from = Math.min(since, now);
  const rest = stretches.flatMap((stretch) => [
    ...(stretch.from < from ? [{ ...stretch, to: Math.min(stretch.to, from) }] : []),
    ...(stretch.to > end ? [{ ...stretch, from: Math.max(stretch.from, end) }] : []),
  ]);
  return [...rest, { from, to: end, word, tone: "neu", isByHand: true }];
}

interface Plan {
  slots: PlanSlot[];
  bands: [string, Tone | "hatched"][];
  unit: string;
  limits: Record<string, number>;
}

/** What is known of the prices of today and tomorrow, and of the bands they are in. */
export function planOf(state: HassState | undefined, ahead?: Ahead): Plan {
  const given = state?.attributes.plan;
  const rungs = (state?.attributes.rungs ?? {}) as Record<string, unknown>;
  const own: Record<string, string> = {};
  const toneOf = (band: string): Tone | "hatched" => TONES[own[band] ?? String(rungs[band])] ?? "info";
  const slots: PlanSlot[] = [];
  for (const slot of Array.isArray(given) ? given.slice(0, 400) : []) {
    if (!Array.isArray(slot)) continue;
    const [from, to, price, band] = [f.readTime(slot[0])?.getTime(), f.readTime(slot[1])?.getTime(), Number(slot[2]), String(slot[3] ?? "")];
    if (from === undefined || to === undefined || to <= from || to - from > DAY || !Number.isFinite(price)) continue;
    // A band that says something else to each model has the color of what most miners do then
    if (rungs[band] === "leave") own[band] ??= usualLevel(ahead, from) ?? "leave";
    slots.push({ from, to, price, band, tone: toneOf(band) });
  }
  slots.sort((a, b) => a.from - b.from);
  const bands = [...new Set([...Object.keys(rungs), ...slots.map(({ band }) => band)])].filter(Boolean).slice(0, 24);
  const limits = Object.entries((state?.attributes.limits ?? {}) as Record<string, unknown>).filter((limit): limit is [string, number] => typeof limit[1] === "number");
  return { slots, bands: bands.map((band) => [band, toneOf(band)]), unit: String(state?.attributes.unit ?? ""), limits: Object.fromEntries(limits) };
}

function usualLevel(ahead: Ahead | undefined, at: number): string | undefined {
  const counts = new Map<string, number>();
  for (const { miners, steps } of ahead?.lanes ?? []) {
    const level = steps.findLast(({ from }) => from <= at)?.level;
    if (level) counts.set(level, (counts.get(level) ?? 0) + miners.length);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** The price of a time in the user's digits, if the plan has it. */
export function priceAt(hass: Hass, { slots, unit }: Plan, at: number): string | undefined {
  const slot = slots.find(({ from, to }) => from <= at && at < to);
  const [factor, shownUnit] = f.hundredths(unit);
  return slot && f.join([f.number(hass, slot.price * factor, 1), shownUnit]);
}
