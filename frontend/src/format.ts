// Numbers, amounts and times as people read them, in the user's locale.

import type { Hass, HassState, Locale } from "./hass";

const SPACE = "\u00a0";
const NUMBER_LOCALES: Record<string, string | undefined> = {
  comma_decimal: "en-US",
  decimal_comma: "de",
  space_comma: "fr",
  quote_decimal: "de-CH",
  system: undefined,
};

const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(locale: Locale, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const plain = locale.number_format === "none";
  const name = plain ? "en-US" : locale.number_format in NUMBER_LOCALES ? NUMBER_LOCALES[locale.number_format] : locale.language;
  const key = `${name} ${plain} ${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) {
    // No minus before what is shown as zero
    const wanted: Intl.NumberFormatOptions = { signDisplay: "negative", ...options, ...(plain ? { useGrouping: false } : {}) };
    try {
      format = new Intl.NumberFormat(name, wanted);
    } catch {
      format = new Intl.NumberFormat("en-US", wanted);
    }
    formats.set(key, format);
  }
  return format;
}

/** A number with words, which are those of the language whatever signs the user's numbers have. */
function worded({ locale }: Hass, value: number, options: Intl.NumberFormatOptions): string {
  const signs = new Map(numberFormat(locale, { minimumFractionDigits: 1 }).formatToParts(12_345.6).map((part) => [part.type, part.value]));
  return numberFormat({ ...locale, number_format: "language" }, options)
    .formatToParts(value)
    .map((part) => (part.type === "group" || part.type === "decimal" ? signs.get(part.type) ?? "" : part.value))
    .join("");
}

/** A number with so many decimals at most; `fixed` keeps zeros at the end. */
export function number(hass: Hass, value: number, decimals = 0, fixed = false): string {
  return numberFormat(hass.locale, {
    maximumFractionDigits: decimals,
    minimumFractionDigits: fixed ? decimals : 0,
  }).format(value);
}

/** A number with three significant digits at most. */
export function significant(hass: Hass, value: number, digits = 3): string {
  return numberFormat(hass.locale, { maximumSignificantDigits: digits }).format(value);
}

/** "2.1 million". */
export function compact(hass: Hass, value: number): string {
  return worded(hass, value, { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 2 });
}

function decimalsOf(value: number): number {
  return value >= 100 ? 0 : value >= 10 ? 1 : 2;
}

/** A value and its unit, apart so that a card can show the unit smaller. */
export type Quantity = readonly [value: string, unit: string];

export function join([value, unit]: Quantity): string {
  return unit ? value + SPACE + unit : value;
}

const STEPS: readonly (readonly [number, string])[] = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** H/s as TH/s, MH/s ...; 0 stays "0 TH/s". */
export function hashrate(hass: Hass, value: number): Quantity {
  if (value === 0) return ["0", "TH/s"];
  // Home miners are compared in TH/s, also those below one
  const [factor, prefix] = STEPS.find(([step, name]) => value >= step * (name === "T" ? 0.0995 : 1)) ?? [1, ""];
  const scaled = value / factor;
  return [number(hass, scaled, decimalsOf(scaled), true), `${prefix}H/s`];
}

/** A difficulty as 13.8 G. */
export function difficulty(hass: Hass, value: number): Quantity {
  const [factor, prefix] = STEPS.find(([step]) => value >= step) ?? [1, ""];
  return [significant(hass, value / factor), prefix];
}

export function power(hass: Hass, watts: number): Quantity {
  if (watts >= 1000) return [significant(hass, watts / 1000), "kW"];
  return [number(hass, watts, watts < 10 ? 1 : 0), "W"];
}

/** Days as "8 days" or "237 years", one unit. */
export function longTime(hass: Hass, days: number, over: (text: string) => string): string {
  const unit = days < 1 / 24 ? "minute" : days < 1 ? "hour" : days < 730 ? "day" : "year";
  const per = { minute: 1 / 1440, hour: 1 / 24, day: 1, year: 365.25 }[unit];
  const value = days / per;
  const text = (amount: number) =>
    worded(hass, amount, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: amount < 10 && unit !== "minute" ? 1 : 0 });
  return unit === "year" && value > 10_000 ? over(text(10_000)) : text(Math.max(value, unit === "minute" ? 1 : 0));
}

/** Seconds as "12 s", "34 min", "3 hr", "5 days". */
export function duration(hass: Hass, seconds: number): string {
  const [unit, per]: [string, number] =
    seconds < 60 ? ["second", 1] : seconds < 5400 ? ["minute", 60] : seconds < 129_600 ? ["hour", 3600] : ["day", 86_400];
  return worded(hass, Math.max(0, Math.floor(seconds / per)), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 });
}

/** "12 seconds ago", in the user's words. */
export function ago(hass: Hass, moment: Date, now = Date.now()): string {
  const seconds = Math.max(0, (now - moment.getTime()) / 1000);
  const [unit, per]: [Intl.RelativeTimeFormatUnit, number] =
    seconds < 60 ? ["second", 1] : seconds < 5400 ? ["minute", 60] : seconds < 129_600 ? ["hour", 3600] : ["day", 86_400];
  return new Intl.RelativeTimeFormat(hass.locale.language, { style: "short", numeric: "always" }).format(
    -Math.floor(seconds / per),
    unit,
  );
}

const timeFormats = new Map<string, Intl.DateTimeFormat>();

function timeFormat(hass: Hass, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const { language, time_format, time_zone } = hass.locale;
  const timeZone = time_zone === "server" ? hass.config.time_zone : undefined;
  const key = `${language} ${time_format} ${timeZone} ${JSON.stringify(options)}`;
  let format = timeFormats.get(key);
  if (!format) {
    // The words are the user's, whatever clock the system has
    const hour12 = time_format === "system" ? new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions().hour12 : { "12": true, "24": false }[time_format];
    format = new Intl.DateTimeFormat(language, {
      ...options,
      ...(options.hour && !options.hourCycle && hour12 !== undefined ? (hour12 ? { hour12 } : { hourCycle: "h23" }) : {}),
      ...(timeZone ? { timeZone } : {}),
    });
    timeFormats.set(key, format);
  }
  return format;
}

const CLOCK: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit" };

export function clock(hass: Hass, at: Date): string {
  return timeFormat(hass, CLOCK).format(at);
}

/** The clock today, the weekday within a week, else the date. */
export function moment(hass: Hass, at: Date, now = new Date()): string {
  const dayOf = timeFormat(hass, { year: "numeric", month: "numeric", day: "numeric" });
  if (dayOf.format(at) === dayOf.format(now)) return clock(hass, at);
  const apart = Math.abs(now.getTime() - at.getTime());
  if (apart < 6.5 * 86_400_000) return timeFormat(hass, { weekday: "long", ...CLOCK }).format(at);
  return day(hass, at, now);
}

/** Minutes since the last midnight on the user's clock. */
function minuteOf(hass: Hass, at: number | Date): number {
  const parts = timeFormat(hass, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(at);
  const [hours = 0, minutes = 0] = parts.flatMap(({ type, value }) => (type === "hour" || type === "minute" ? Number(value) : []));
  return hours * 60 + minutes;
}

/** The last midnight where the user's clock is. */
export function startOfDay(hass: Hass, now: number): number {
  const start = Math.floor(now / 60_000) - minuteOf(hass, now);
  // On a day on which the clock is changed that is off, by an hour mostly
  const off = minuteOf(hass, start * 60_000);
  return (start - (off > 720 ? off - 1440 : off)) * 60_000;
}

/** The hour under an axis, in the user's words, and as a number. */
export function hour(hass: Hass, at: Date): [words: string, hour: number] {
  const number = Math.floor(minuteOf(hass, at) / 60);
  const is12 = timeFormat(hass, { hour: "numeric" }).resolvedOptions().hour12;
  return [is12 ? timeFormat(hass, { hour: "numeric" }).format(at) : String(number).padStart(2, "0"), number];
}

/** "16 November", with the year if it is another one. */
export function day(hass: Hass, at: Date, now = new Date()): string {
  const year = timeFormat(hass, { year: "numeric" });
  return timeFormat(hass, { day: "numeric", month: "long", ...(year.format(at) === year.format(now) ? {} : { year: "numeric" }) }).format(at);
}

/** An amount with the decimals of its currency, or so many; one more below a tenth. */
export function money(hass: Hass, amount: number, currency = hass.config.currency, decimals?: number): string {
  const style = { style: "currency", currency } as const;
  try {
    const least = decimals ?? numberFormat(hass.locale, style).resolvedOptions().maximumFractionDigits ?? 2;
    const most = least + Number(Math.abs(amount) < 0.1 && amount !== 0);
    return numberFormat(hass.locale, { ...style, minimumFractionDigits: least, maximumFractionDigits: most }).format(amount);
  } catch {
    return join([number(hass, amount, 2, true), currency]);
  }
}

// What a hundredth of a currency is called where prices of electricity are given in it
const HUNDREDTHS: Record<string, string | undefined> = {
  EUR: "ct",
  GBP: "p",
  USD: "¢",
  CAD: "¢",
  AUD: "¢",
  NZD: "¢",
  SEK: "öre",
  NOK: "øre",
  DKK: "øre",
  CHF: "Rp.",
  PLN: "gr",
};

/** A price of electricity as people say it: "25.5 ct/kWh", "€1.20 /kWh". */
export function perKwh(hass: Hass, price: number, currency = hass.config.currency): Quantity {
  const hundredth = HUNDREDTHS[currency];
  if (!hundredth || Math.abs(price) >= 1) return [money(hass, price, currency, 2), "/kWh"];
  return [number(hass, price * 100, 1, true), `${hundredth}/kWh`];
}

/** The factor and the unit in which people give such prices of electricity: 100 and ct/kWh for EUR/kWh. */
export function hundredths(unit: string): [factor: number, unit: string] {
  const [currency = "", per] = unit.split("/");
  const hundredth = HUNDREDTHS[currency];
  return hundredth && per === "kWh" ? [100, `${hundredth}/kWh`] : [1, unit];
}

/** A price in any unit, as people say it: "28.4 ct/kWh", "0.284 €/kWh". */
export function price(hass: Hass, value: number, unit: string): string {
  const [factor, shown] = hundredths(unit);
  if (factor !== 1 && Math.abs(value) < 1) return join([number(hass, value * factor, 1, true), shown]);
  const size = Math.abs(value);
  return join([number(hass, value, size >= 10 ? 1 : size >= 0.5 ? 2 : 3, true), unit]);
}

/** A temperature in °C in the unit of Home Assistant. */
export function temperature(hass: Hass, celsius: number): [value: number, unit: string] {
  return hass.config.unit_system?.temperature === "°F" ? [celsius * 1.8 + 32, "°F"] : [celsius, "°C"];
}

export function degrees(hass: Hass, celsius: number, decimals = 0): string {
  const [value, unit] = temperature(hass, celsius);
  return join([number(hass, value, decimals, true), unit]);
}

/** Coins as sat below 0.01 BTC. */
export function coins(hass: Hass, amount: number, coin: string): Quantity {
  if (coin === "BTC" && Math.abs(amount) < 0.01) return [number(hass, Math.round(amount * 1e8)), "sat"];
  return [significant(hass, amount, amount >= 100 ? 5 : 3), coin];
}

/** "99.8"; 100 only if it is exact. */
export function percent(hass: Hass, value: number): string {
  const shown = value < 100 && value > 99.9 ? 99.9 : value;
  return join([number(hass, shown, 1), "%"]);
}

/** A share of something, two significant digits. */
export function part(hass: Hass, ratio: number): string {
  return join([significant(hass, ratio * 100, 2), "%"]);
}

// ---- reading states

const PREFIXES: Record<string, number> = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

/** The number of a state, undefined for what is unknown or unavailable. */
export function numeric(state: HassState | undefined): number | undefined {
  if (!state || state.state === "") return undefined;
  const value = Number(state.state);
  return Number.isFinite(value) ? value : undefined;
}

function unitOf(state: HassState): string {
  return String(state.attributes.unit_of_measurement ?? "");
}

/** How many H/s one of the unit of a state is. */
export function factorOf(state: HassState): number {
  return PREFIXES[unitOf(state).at(0) ?? ""] ?? 1;
}

/** H/s of a state in TH/s, MH/s ... */
export function readHashrate(state: HassState | undefined): number | undefined {
  const value = numeric(state);
  return value === undefined || !state ? undefined : value * factorOf(state);
}

/** The plain difficulty: the attribute is exact, the state is scaled. */
export function readDifficulty(state: HassState | undefined): number | undefined {
  const value = numeric(state);
  if (value === undefined || !state) return undefined;
  const exact = Number(state.attributes.difficulty ?? NaN);
  return Number.isFinite(exact) ? exact : value * (PREFIXES[unitOf(state)] ?? 1);
}

export function readPower(state: HassState | undefined): number | undefined {
  const value = numeric(state);
  if (value === undefined || !state) return undefined;
  return value * ({ kW: 1000, MW: 1e6 }[unitOf(state)] ?? 1);
}

export function readDays(state: HassState | undefined): number | undefined {
  const value = numeric(state);
  if (value === undefined || !state) return undefined;
  return value * ({ s: 1 / 86_400, min: 1 / 1440, h: 1 / 24, w: 7 }[unitOf(state)] ?? 1);
}

export function readTime(value: unknown): Date | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? undefined : at;
}
