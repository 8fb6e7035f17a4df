// Pieces that several cards draw.

import { html, nothing, type TemplateResult } from "lit";
import type { Action } from "./actions";
import * as f from "./format";
import type { Hass } from "./hass";
import { type HmmDevice, isKnown, type Model, modelOf, nameOf, stateOf } from "./model";
import { type Form, isPrivate, poolName, type Status, type Tone } from "./status";
import { text } from "./texts";

export function circle(tone: Tone, form: Form, icon: string): TemplateResult {
  return html`<span class="ic ${form} ${tone}"><ha-icon .icon=${icon} aria-hidden="true"></ha-icon></span>`;
}

export function icon(name: string, classes = ""): TemplateResult {
  return html`<ha-icon class=${classes} .icon=${name} aria-hidden="true"></ha-icon>`;
}

/** What a miner's readings are now. */
export interface Readings {
  readonly hashrate: number | undefined;
  readonly expected: number | undefined;
  readonly power: number | undefined;
  readonly isEstimate: boolean;
  readonly temperature: number | undefined;
  readonly temperatureText: string;
  readonly efficiency: number | undefined;
  readonly bestShare: number | undefined;
}

/** Read when they are asked for: a card is drawn again for what it shows alone. */
export function readingsOf(hass: Hass, miner: HmmDevice): Readings {
  const of = (key: string) => stateOf(hass, miner, `sensor.${key}`);
  return {
    get hashrate() { return f.readHashrate(of("hashrate")); },
    get expected() { return f.readHashrate(of("hashrate_expected")); },
    get power() { return f.readPower(of("power")); },
    isEstimate: "number.power_draw" in miner.entities,
    get temperature() { return f.numeric(of("temperature")); },
    get temperatureText() { return degrees(hass, of("temperature")); },
    get efficiency() { return f.numeric(of("efficiency")); },
    get bestShare() { return bestShare(hass, miner); },
  };
}

/** What HMM keeps of the best share of a miner, also of one that is off. */
function bestKept(hass: Hass, { device }: HmmDevice): { difficulty?: unknown; found?: unknown } {
  const shares: unknown = stateOf(hass, modelOf(hass).fleet, "sensor.best_share")?.attributes.shares;
  return (Array.isArray(shares) && shares.find((one) => device.config_entries?.includes(one?.entry_id))) || {};
}

/** The best share ever; of a miner that forgets it at a restart, the best that HMM has seen. */
export function bestShare(hass: Hass, miner: HmmDevice): number | undefined {
  const ever = f.readDifficulty(stateOf(hass, miner, "sensor.best_share"));
  const { difficulty } = bestKept(hass, miner);
  if (ever !== undefined || typeof difficulty !== "number") return ever ?? f.readDifficulty(stateOf(hass, miner, "sensor.best_session_share"));
  return difficulty;
}

/** When the best share was found, if HMM saw it. */
export function bestShareAt(hass: Hass, miner: HmmDevice, share: number): Date | undefined {
  const { difficulty, found } = bestKept(hass, miner);
  return typeof difficulty === "number" && difficulty >= share * 0.999 ? f.readTime(found) : undefined;
}

/** The pool that a miner works for: the account in HMM that it names, else its address. */
export function poolOf(hass: Hass, model: Model, miner: HmmDevice): { name: string; account?: HmmDevice } | undefined {
  const active = stateOf(hass, miner, "sensor.active_pool");
  const chosen = stateOf(hass, miner, "select.pool");
  const account =
    model.pools.find((pool) => [active?.state, chosen?.state].includes(nameOf(pool))) ?? (model.poolsOf.get(miner.id)?.length === 1 ? model.poolsOf.get(miner.id)?.[0] : undefined);
  if (account) return { name: poolName(hass, model.pools, account), account };
  if (!isKnown(active)) return undefined;
  return { name: isPrivate() ? text(hass, "pool") : active.state };
}

export function degrees(hass: Hass, state: ReturnType<typeof stateOf>): string {
  const value = f.numeric(state);
  return value === undefined ? "" : f.join([f.number(hass, value), String(state?.attributes.unit_of_measurement ?? "°C")]);
}

export function powerText(hass: Hass, readings: Readings): string {
  if (readings.power === undefined) return "";
  const words = f.join(f.power(hass, readings.power));
  return readings.isEstimate ? `≈\u00a0${words}` : words;
}

/** The line of figures of a miner: "1.07 TH/s · 17 W · 60 °C". */
export function figures(hass: Hass, miner: HmmDevice, readings: Readings): string {
  const found = [
    readings.hashrate === undefined ? "" : f.join(f.hashrate(hass, readings.hashrate)),
    readings.power === undefined
      ? readings.hashrate !== undefined && !("sensor.power" in miner.entities) ? text(hass, "power_not_reported") : ""
      : powerText(hass, readings),
    readings.temperatureText,
  ].filter(Boolean);
  return found.join(" · ");
}

/** What a tile says below the name. */
export function tileLine(hass: Hass, miner: HmmDevice, status: Status): string {
  if (!status.line) return figures(hass, miner, readingsOf(hass, miner)) || status.word;
  return status.line;
}

export function quantity([value, unit]: f.Quantity): TemplateResult {
  return html`<span class="num">${value}${unit ? html`&nbsp;<small>${unit}</small>` : nothing}</span>`;
}

export function big([value, unit]: f.Quantity): TemplateResult {
  return html`<bdi>${value}&nbsp;<small>${unit}</small></bdi>`;
}

export interface Stat {
  label: string;
  value: TemplateResult | string;
  title?: string | undefined;
  isWord?: boolean;
}

export function stats(all: (Stat | undefined | false)[]): TemplateResult {
  const found = all.filter((stat): stat is Stat => Boolean(stat));
  if (!found.length) return html``;
  return html`<dl class="stats" style="--n:${found.length};--narrow:${found.length === 4 ? 2 : Math.min(3, found.length)}">
    ${found.map(
      ({ label, value, title, isWord }) =>
        html`<div title=${title ?? ""}><dt>${label}</dt><dd class=${isWord ? "word" : ""}><bdi>${value}</bdi></dd></div>`,
    )}
  </dl>`;
}

/** An amount a day of a rate per hour or day, with its currency. */
export function perDay(hass: Hass, state: ReturnType<typeof stateOf>): { text: string; amount: number } | undefined {
  const amount = f.numeric(state);
  if (amount === undefined || !state) return undefined;
  const [currency, per] = String(state.attributes.unit_of_measurement ?? "").split("/");
  const day = per === "h" ? amount * 24 : amount;
  return { text: f.money(hass, day, currency || undefined), amount: day };
}

/** A sum of what is known, undefined if nothing is. */
export function sumOf(numbers: (number | undefined)[]): number | undefined {
  const known = numbers.filter((value): value is number => value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : undefined;
}

/** What a miner costs a day: its own sensor, else its power at the price of now. */
export function costOf(hass: Hass, model: Model, miner: HmmDevice, watts: number | undefined): string | undefined {
  const own = perDay(hass, stateOf(hass, miner, "sensor.cost_rate"));
  if (own) return own.text;
  const price = stateOf(hass, model.fleet, "sensor.price");
  const amount = f.numeric(price);
  if (amount === undefined || watts === undefined) return undefined;
  const [currency] = String(price?.attributes.unit_of_measurement ?? "").split("/");
  return f.money(hass, (watts / 1000) * amount * 24, currency || undefined);
}

/** A button for an action of a card that can be busy, ask and fail. */
export interface Host {
  busy(key: string): string | undefined;
  ask(key: string): void;
  start(key: string, action: Action): void;
}

export function actionButton(host: Host, key: string, action: Action | undefined, classes: string): TemplateResult | typeof nothing {
  const busy = host.busy(key);
  if (!action && !busy) return nothing;
  return html`<button
    class="btn ${classes}"
    data-key=${key}
    aria-disabled=${busy === undefined ? nothing : "true"}
    @click=${() => action && busy === undefined && (action.confirm ? host.ask(key) : host.start(key, action))}
  >${icon(busy ? "mdi:timer-sand" : action?.icon ?? "", "small")}<span class="e">${busy ?? action?.label}</span></button>`;
}

/** The question before an action; the focus is on Cancel. */
export function question(hass: Hass, words: string, action: Action, cancel: () => void, start: () => void): TemplateResult {
  return html`<div
    class="ask warn"
    role="alertdialog"
    aria-label=${words}
    @keydown=${(event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        cancel();
      }
    }}
  >
    <div class="reason warn">${icon(action.icon)}<p>${words}</p></div>
    <div class="btns">
      <button class="btn cancel" @click=${cancel}>${text(hass, "cancel")}</button>
      <button class="btn tone" @click=${start}>${icon(action.icon, "small")}${action.label}</button>
    </div>
  </div>`;
}
