// The charts of the strategy and tuning cards: plain elements that are only loaded with the first of them.
// What they show stands in words beside them as well, so that they are one picture for a screen reader.

/** A slot of the plan: from, until (ms), price, and the tone of its band ("hatch" where miners are off). */
export interface PlanSlot {
  from: number;
  to: number;
  price: number;
  tone: string;
  band: string;
}

/** What a miner, or several alike, do from one time to another. */
export interface Stretch {
  from: number;
  to: number;
  word: string;
  tone: string;
  isByHand?: boolean;
}

export interface Lane {
  name: string;
  label: string;
  stretches: Stretch[];
}

interface Timed {
  from: number;
  to: number;
  now: number;
  unit: string;
  label: string;
  nowLabel: string;
  number(value: number): string;
  /** The words under the axis, and the hour of the day. */
  hour(at: number): [words: string, hour: number];
  day(at: number): string;
}

export interface PlanData extends Timed {
  /** None where the plan knows no prices. */
  slots: PlanSlot[];
  lanes: Lane[];
}

/** When (ms), and how many watts; undefined where that is not known. */
export type Watts = readonly [at: number, watts: number | undefined];

export interface SunData extends Timed {
  surplus: readonly Watts[];
  used: readonly Watts[];
  /** What the sun is expected to give: none where nobody forecasts it. */
  forecast: readonly Watts[];
}

/** A point that autotune measured, or a profile. */
export interface TunedPoint {
  hashrate: number;
  power: number;
  name?: string;
  kind: "measured" | "refused" | "profile" | "now";
}

export interface PointsData {
  points: TunedPoint[];
  label: string;
  number(value: number): string;
}

const HOUR = 3_600_000;
const LEFT = 58;
const NARROW = 480;
/** Where all of today and tomorrow has no room: the hours behind and ahead. */
const BEHIND = 8 * HOUR;
const SHOWN = 24 * HOUR;
/** The height of a chart, and the room for words above and below it. */
const [HIGH, TOP, BOTTOM] = [176, 22, 20];
/** What moves less than this (ms) cannot be seen in a day. */
const FINE = 300_000;
const SVG = "http://www.w3.org/2000/svg";

type Attributes = Record<string, string | number>;

function node(name: string, attributes: Attributes): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(typeof value === "number" ? Math.round(value * 10) / 10 : value));
  return made;
}

/** A drawing with words on it. They are no part of the drawing: on a ground of their own their contrast is certain. */
class Drawing {
  readonly element = document.createElement("div");
  private svg: SVGElement;

  constructor(private width: number, height: number, label: string) {
    this.element.className = "chart";
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", label);
    this.svg = node("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    const defs = node("defs", {});
    const pattern = node("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    pattern.append(node("path", { d: "M0 0V6", class: "hatch" }));
    defs.append(pattern);
    this.svg.append(defs);
    this.element.append(this.svg);
  }

  draw(name: string, attributes: Attributes): void {
    this.svg.append(node(name, attributes));
  }

  /** Words on a base line; "end" where they end, "mid" where their middle is, else where they begin. */
  write(x: number, y: number, words: string, classes = ""): void {
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = words;
    span.style.top = `${y - 12}px`;
    if (classes.includes("end")) span.style.right = `${this.width - x}px`;
    else span.style.left = `${x}px`;
    this.element.append(span);
  }
}

/** Round steps for an axis: at most `most` lines between the two ends. */
export function steps(least: number, largest: number, most: number): number[] {
  const span = largest - least;
  if (!(span > 0) || !Number.isFinite(span)) return [least];
  const raw = span / most;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * ([1, 2, 5, 10].find((factor) => factor * size >= raw) ?? 10);
  const found: number[] = [];
  for (let value = Math.ceil(least / step) * step; value <= largest + step / 1e6; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return found;
}

abstract class Chart<T> extends (globalThis.HTMLElement ?? Object) {
  private given: T | undefined;
  private observer: ResizeObserver | undefined;
  private width = 0;

  set data(data: T) {
    this.given = data;
    this.redraw();
  }

  connectedCallback(): void {
    // A value that was set before this class was known
    if (Object.hasOwn(this, "data")) {
      const { data } = this as unknown as { data: T };
      delete (this as { data?: T }).data;
      this.given = data;
    }
    if (!this.shadowRoot) this.attachShadow({ mode: "open" });
    this.observer = new ResizeObserver(([entry]) => {
      const width = Math.round(entry?.contentRect.width ?? 0);
      if (width && width !== this.width) {
        this.width = width;
        this.redraw();
      }
    });
    this.observer.observe(this);
  }

  disconnectedCallback(): void {
    this.observer?.disconnect();
  }

  private redraw(): void {
    if (!this.shadowRoot || !this.given || !this.width) return;
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.shadowRoot.replaceChildren(style, ...this.draw(this.given, this.width));
  }

  protected abstract draw(data: T, width: number): Element[];
}

/** Along the hours of a day or two. */
abstract class Timeline<T extends Timed> extends Chart<T> {
  /** The lines of the axis with their values; returns where a value is. */
  protected scale(on: Drawing, { unit, number }: Timed, width: number, left: number, values: number[]): (value: number) => number {
    const least = Math.min(0, ...values);
    const largest = Math.max(...values, least + 1e-9);
    const y = (value: number) => HIGH - BOTTOM - ((value - least) / (largest - least)) * (HIGH - BOTTOM - TOP);
    on.write(left - 8, 12, unit, "end");
    for (const line of steps(least, largest, 5)) {
      on.draw("path", { d: `M${left} ${y(line).toFixed(1)}H${width - 8}`, class: "grid" });
      on.write(left - 8, y(line) + 4, number(line), "end");
    }
    return y;
  }

  /** The hours below, the days above, and the line of now. */
  protected times(on: Drawing, data: Timed, width: number, left: number, height: number, x: (at: number) => number): void {
    const { from, to, now } = data;
    const bottom = height - BOTTOM;
    const room = ((width - left) / ((to - from) / HOUR)) * 3;
    const apart = room > 34 ? 3 : room > 17 ? 6 : 12;
    const names = [left];
    let day = "";
    for (let at = from; at < to; at += HOUR) {
      const name = data.day(at);
      const [words, hour] = data.hour(at);
      if (name !== day) {
        // The last hours of a day leave no room for its name
        if (data.day(at + 4 * HOUR) === name && x(at) < width - 60) {
          names.push(x(at));
          on.write(x(at) + 4, 12, name, "strong");
        }
        if (day) on.draw("path", { d: `M${x(at).toFixed(1)} 4V${bottom}`, class: "day" });
        day = name;
      }
      if (hour % apart === 0 && x(at) < width - 14) on.write(x(at), height - 3, words, "mid");
    }
    if (now > from && now < to) {
      on.draw("path", { d: `M${x(now).toFixed(1)} ${TOP - 6}V${bottom}`, class: "now" });
      // Left of its line where the name of a day follows; where one stands there, the line is enough
      const isBefore = names.some((name) => name > x(now) && name - x(now) < 24);
      if (names.every((name) => name > x(now) || x(now) - name > 70)) on.write(x(now) - (isBefore ? 4 : 0), 12, data.nowLabel, isBefore ? "end strong" : "mid strong");
    }
  }
}

/** Prices as bars, in the tone of the band that they are in; below it what each miner does. */
export class HmmPlan extends Timeline<PlanData> {
  protected draw(data: PlanData, width: number): Element[] {
    const isNarrow = width < NARROW;
    const behind = Math.min(data.now - BEHIND, data.to - SHOWN) - data.from;
    const from = isNarrow ? data.from + Math.max(0, Math.floor(behind / HOUR)) * HOUR : data.from;
    const to = isNarrow ? Math.min(data.to, from + SHOWN) : data.to;
    const left = data.lanes.length ? (isNarrow ? 84 : 112) : LEFT;
    const x = (at: number) => left + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (width - left - 8);
    return [this.prices(data, width, left, from, to, x), ...(data.lanes.length ? [this.lanes({ ...data, lanes: isNarrow ? shortened(data.lanes) : data.lanes }, from, to, x)] : [])];
  }

  private prices(data: PlanData, width: number, left: number, from: number, to: number, x: (at: number) => number): Element {
    const slots = data.slots.filter((slot) => slot.to > from && slot.from < to);
    const height = slots.length ? HIGH : 42;
    const on = new Drawing(width, height, data.label);
    const { now } = data;
    if (slots.length) {
      const y = this.scale(on, data, width, left, slots.map(({ price }) => price));
      for (const { from: start, to: end, price, tone } of slots) {
        const box = { x: x(start) + 0.5, width: Math.max(0.5, x(end) - x(start) - 1), y: Math.min(y(price), y(0)), height: Math.max(1, Math.abs(y(price) - y(0))) };
        on.draw("rect", { ...box, rx: box.width > 4 ? 2 : 0, class: `bar ${tone}${end <= now ? " past" : ""}` });
      }
    }
    this.times(on, { ...data, from, to }, width, left, height, x);
    return on.element;
  }

  private lanes({ lanes, now }: PlanData, from: number, to: number, x: (at: number) => number): Element {
    const box = document.createElement("div");
    for (const { name, label, stretches } of lanes) {
      const lane = document.createElement("div");
      lane.className = "lane";
      lane.setAttribute("role", "img");
      lane.setAttribute("aria-label", label);
      const title = document.createElement("bdi");
      title.style.width = `${x(from) - 12}px`;
      title.title = title.textContent = name;
      lane.append(title);
      for (const { from: start, to: end, word, tone, isByHand } of stretches) {
        if (end <= from || start >= to) continue;
        const part = document.createElement("span");
        part.className = `${tone}${start <= now && now < end ? " current" : ""}${isByHand ? " hand" : ""}`;
        part.style.left = `${x(start)}px`;
        part.style.width = `${Math.max(1, x(end) - x(start) - 1)}px`;
        part.title = word;
        // What has no room moves to a second line, which is not seen
        part.append(document.createElement("i"), " ", Object.assign(document.createElement("b"), { textContent: word }));
        lane.append(part);
      }
      box.append(lane);
    }
    return box;
  }
}

/** The surplus of the sun today, and what miners take of it. */
export class HmmSun extends Timeline<SunData> {
  protected draw(data: SunData, width: number): Element[] {
    const { from, to, now, surplus, used, forecast } = data;
    const x = (at: number) => LEFT + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (width - LEFT - 8);
    const on = new Drawing(width, HIGH, data.label);
    const y = this.scale(on, data, width, LEFT, [100, ...[...surplus, ...used, ...forecast].map(([, watts]) => watts ?? 0)]);
    const zero = y(0).toFixed(1);
    for (const part of unbroken(used, now)) {
      const steps = part.map(([at, watts], index) => `${index ? `H${x(at).toFixed(1)}V` : `M${x(at).toFixed(1)} ${zero}V`}${y(watts).toFixed(1)}`).join("");
      on.draw("path", { d: `${steps}V${zero}Z`, class: "used" });
    }
    const line = (points: readonly Watts[], until: number, name: string) => {
      for (const part of unbroken(points, until)) {
        on.draw("path", { d: part.map(([at, watts], index) => `${index ? "L" : "M"}${x(at).toFixed(1)} ${y(watts).toFixed(1)}`).join(""), class: name });
      }
    };
    line(forecast, to, "forecast");
    line(smooth(surplus), now, "surplus");
    this.times(on, data, width, LEFT, HIGH, x);
    return [on.element];
  }
}

/** The parts of a line without a gap, each held up to the next or the end. */
function unbroken(points: readonly Watts[], end: number): [number, number][][] {
  const parts: [number, number][][] = [];
  let part: [number, number][] = [];
  for (const [at, watts] of points) {
    const last = part.at(-1);
    if (watts !== undefined) part.push([at, watts]);
    else if (last) {
      parts.push([...part, [at, last[1]]]);
      part = [];
    }
  }
  const last = part.at(-1);
  if (last) parts.push(last[0] < end ? [...part, [end, last[1]]] : part);
  return parts;
}

/** Means of five minutes each: a cloud is seen, noise is not. */
export function smooth(points: readonly Watts[]): Watts[] {
  const parts = new Map<number, [sum: number, count: number] | undefined>();
  for (const [at, watts] of points) {
    const key = Math.floor(at / FINE) * FINE;
    const before = parts.get(key);
    if (watts !== undefined) parts.set(key, [(before?.[0] ?? 0) + watts, (before?.[1] ?? 0) + 1]);
    else if (!before) parts.set(key, undefined);
  }
  const found: Watts[] = [];
  for (const [at, mean] of parts) {
    const last = found.at(-1);
    // A state that was not written again has not changed
    if (last?.[1] !== undefined && at - last[0] > FINE) found.push([at - 1, last[1]]);
    found.push([at, mean && mean[0] / mean[1]]);
  }
  return found;
}

/** Without their first word, mostly the maker's, where that leaves them apart. */
export function shortened(lanes: Lane[]): Lane[] {
  const short = lanes.map(({ name }) => name.replace(/^\S+\s+(?=[^+\s])/u, ""));
  return new Set(short).size === new Set(lanes.map(({ name }) => name)).size ? lanes.map((lane, index) => ({ ...lane, name: short[index]! })) : lanes;
}

/** Hashrate (TH/s) against power (W), with lines of equal efficiency. */
export class HmmPoints extends Chart<PointsData> {
  protected draw(data: PointsData, width: number): Element[] {
    const height = 240;
    const [top, bottom, right] = [16, height - 26, width - 40];
    const on = new Drawing(width, height, data.label);
    const { points } = data;
    const around = (values: number[]): [number, number] => {
      const [least, largest] = [Math.min(...values), Math.max(...values)];
      const room = (largest - least || largest || 1) * 0.12;
      return [Math.max(0, least - room), largest + room];
    };
    const [w0, w1] = around(points.map(({ power }) => power));
    const [h0, h1] = around(points.map(({ hashrate }) => hashrate));
    const x = (power: number) => LEFT + ((power - w0) / (w1 - w0)) * (right - LEFT);
    const y = (hashrate: number) => bottom - ((hashrate - h0) / (h1 - h0)) * (bottom - top);
    on.write(LEFT - 8, 11, "TH/s", "end");
    for (const line of steps(h0, h1, 5)) {
      on.draw("path", { d: `M${LEFT} ${y(line).toFixed(1)}H${right}`, class: "grid" });
      on.write(LEFT - 8, y(line) + 4, data.number(line), "end");
    }
    for (const watts of steps(w0, w1, width < 420 ? 3 : 5)) on.write(x(watts), height - 8, `${data.number(watts)} W`, "mid");
    const ratios = points.map(({ power, hashrate }) => power / hashrate);
    for (const ratio of steps(Math.min(...ratios), Math.max(...ratios), 4)) {
      const to = Math.min(w1, h1 * ratio);
      const from = Math.max(w0, h0 * ratio);
      if (to <= from) continue;
      on.draw("path", { d: `M${x(from).toFixed(1)} ${y(from / ratio).toFixed(1)}L${x(to).toFixed(1)} ${y(to / ratio).toFixed(1)}`, class: "iso" });
      on.write(x(to) + 4, Math.max(top + 4, y(to / ratio) + 4), `${data.number(ratio)} J/TH`);
    }
    for (const { hashrate, power, name, kind } of [...points].sort((a, b) => rank(a) - rank(b))) {
      on.draw("circle", { cx: x(power), cy: y(hashrate), r: kind === "measured" || kind === "refused" ? 4 : 6, class: kind });
      if (name) on.write(x(power) - 9, y(hashrate) - 8, name, "end strong");
    }
    return [on.element];
  }
}

function rank({ kind }: TunedPoint): number {
  return { refused: 0, measured: 1, profile: 2, now: 3 }[kind];
}

const STYLE = `
  :host { display: block; direction: ltr; }
  svg { display: block; max-width: 100%; }
  .chart { position: relative; font-size: 12px; line-height: 16px; color: var(--hmm-text-2); }
  .chart span { position: absolute; white-space: nowrap; background: var(--hmm-card); border-radius: 3px; padding: 0 2px; margin: 0 -2px; }
  .chart .mid { transform: translateX(-50%); margin: 0; }
  .chart .strong { color: var(--hmm-text); font-weight: 500; }
  path { fill: none; }
  .grid { stroke: var(--hmm-line); } .day { stroke: var(--hmm-text-2); }
  .now { stroke: var(--hmm-text); stroke-width: 2; }
  .iso { stroke: var(--hmm-text-2); stroke-dasharray: 2 3; }
  .hatch { stroke: var(--hmm-off); stroke-width: 3; }
  .ok { --c: var(--hmm-ok); } .info { --c: var(--hmm-info); } .warn { --c: var(--hmm-warn); } .neu { --c: var(--hmm-neu); } .off { --c: var(--hmm-off); }
  .bar { fill: var(--c); stroke: var(--c); }
  .bar.hatched { fill: url(#hatch); stroke: var(--hmm-off); }
  .past { fill-opacity: .35; }
  .used { fill: color-mix(in srgb, var(--hmm-info) 30%, var(--hmm-card)); stroke: var(--hmm-info); }
  .surplus, .forecast { stroke: var(--hmm-warn); stroke-width: 2; stroke-linejoin: round; }
  .forecast { stroke-dasharray: 4 3; }
  .lane { position: relative; height: 20px; margin: 4px 0; font-size: 12px; line-height: 18px; color: var(--hmm-text); }
  .lane bdi { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 20px; padding-inline-start: 6px; box-sizing: border-box; }
  .lane span {
    position: absolute; inset-block: 0; box-sizing: border-box; overflow: hidden; text-align: center; border: 1px solid var(--c); border-radius: 5px;
    background: color-mix(in srgb, var(--c) 18%, var(--hmm-card));
  }
  .lane .current { background: color-mix(in srgb, var(--c) 38%, var(--hmm-card)); border-width: 2px; line-height: 16px; }
  .lane .leave { border-style: dotted; background: none; --c: var(--hmm-off); }
  .lane .hand { border-style: dashed; border-width: 2px; line-height: 16px; }
  .lane .hatched { --c: var(--hmm-off); background: repeating-linear-gradient(-45deg, var(--hmm-off) 0 1.5px, transparent 1.5px 5px); }
  .lane i { display: inline-block; width: 1px; height: 1px; }
  .lane b { display: inline-block; white-space: nowrap; font-weight: 500; padding: 0 4px; }
  .lane .hatched b { background: var(--hmm-card); border-radius: 3px; line-height: 14px; }
  .measured { fill: color-mix(in srgb, var(--hmm-neu) 60%, var(--hmm-card)); }
  .refused { fill: none; stroke: var(--hmm-neu); }
  .profile { fill: var(--hmm-ok); }
  circle.now { fill: var(--hmm-card); stroke: var(--hmm-text); }
`;

for (const [name, element] of [["hmm-plan", HmmPlan], ["hmm-sun", HmmSun], ["hmm-points", HmmPoints]] as const) {
  if (globalThis.customElements && !customElements.get(name)) customElements.define(name, element as unknown as CustomElementConstructor);
}
