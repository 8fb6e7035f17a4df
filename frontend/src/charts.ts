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

export interface PlanData {
  slots: PlanSlot[];
  now: number;
  unit: string;
  label: string;
  nowLabel: string;
  number(value: number): string;
  hour(at: number): string;
  day(at: number): string;
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
const SVG = "http://www.w3.org/2000/svg";

type Attributes = Record<string, string | number>;

function node(name: string, attributes: Attributes, words?: string): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(typeof value === "number" ? Math.round(value * 10) / 10 : value));
  if (words !== undefined) made.textContent = words;
  return made;
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
    this.shadowRoot.replaceChildren(style, this.draw(this.given, this.width));
  }

  protected abstract draw(data: T, width: number): SVGElement;

  protected frame(width: number, height: number, label: string): SVGElement {
    const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
    const defs = node("defs", {});
    const pattern = node("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    pattern.append(node("path", { d: "M0 0V6", class: "hatch" }));
    defs.append(pattern);
    svg.append(defs);
    return svg;
  }
}

/** Prices as bars, in the tone of the band that they are in. */
export class HmmPlan extends Chart<PlanData> {
  protected draw(data: PlanData, width: number): SVGElement {
    const height = 176;
    const top = 22;
    const bottom = height - 20;
    const svg = this.frame(width, height, data.label);
    const { slots, now } = data;
    const start = slots[0]!.from;
    const end = slots.at(-1)!.to;
    const prices = slots.map(({ price }) => price);
    const least = Math.min(0, ...prices);
    const largest = Math.max(...prices, least + 1e-9);
    const x = (at: number) => LEFT + ((at - start) / (end - start)) * (width - LEFT - 8);
    const y = (price: number) => bottom - ((price - least) / (largest - least)) * (bottom - top);
    svg.append(node("text", { x: 0, y: 12 }, data.unit));
    for (const line of steps(least, largest, 4)) {
      svg.append(node("path", { d: `M${LEFT} ${y(line).toFixed(1)}H${width - 8}`, class: "grid" }));
      svg.append(node("text", { x: LEFT - 8, y: y(line) + 4, class: "end" }, data.number(line)));
    }
    for (const { from, to, price, tone } of slots) {
      const box = { x: x(from) + 0.5, width: Math.max(0.5, x(to) - x(from) - 1), y: Math.min(y(price), y(0)), height: Math.max(1, Math.abs(y(price) - y(0))) };
      svg.append(node("rect", { ...box, rx: box.width > 4 ? 2 : 0, class: `bar ${tone}${to <= now ? " past" : ""}` }));
    }
    const apart = (end - start) / HOUR > 30 ? (width < 480 ? 6 : 3) : width < 300 ? 6 : 3;
    let day = "";
    const from = new Date(start);
    from.setMinutes(0, 0, 0);
    for (let at = from.getTime(); at < end; at += HOUR) {
      if (at < start) continue;
      const name = data.day(at);
      if (name !== day) {
        // The last hours of a day leave no room for its name
        if (data.day(at + 4 * HOUR) === name) svg.append(node("text", { x: x(at) + 4, y: 12, class: "strong" }, name));
        if (day) svg.append(node("path", { d: `M${x(at).toFixed(1)} 4V${bottom}`, class: "day" }));
        day = name;
      }
      if (new Date(at).getHours() % apart === 0 && x(at) < width - 14) svg.append(node("text", { x: x(at), y: height - 5, class: "mid" }, data.hour(at)));
    }
    if (now > start && now < end) {
      svg.append(node("path", { d: `M${x(now).toFixed(1)} ${top - 6}V${bottom}`, class: "now" }));
      const isFree = x(now) - LEFT > 70;
      if (isFree) svg.append(node("text", { x: x(now), y: 12, class: "mid strong" }, data.nowLabel));
    }
    return svg;
  }
}

/** Hashrate (TH/s) against power (W), with lines of equal efficiency. */
export class HmmPoints extends Chart<PointsData> {
  protected draw(data: PointsData, width: number): SVGElement {
    const height = 240;
    const [top, bottom, right] = [16, height - 26, width - 40];
    const svg = this.frame(width, height, data.label);
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
    svg.append(node("text", { x: LEFT - 8, y: 11, class: "end" }, "TH/s"));
    for (const line of steps(h0, h1, 5)) {
      svg.append(node("path", { d: `M${LEFT} ${y(line).toFixed(1)}H${right}`, class: "grid" }));
      svg.append(node("text", { x: LEFT - 8, y: y(line) + 4, class: "end" }, data.number(line)));
    }
    for (const watts of steps(w0, w1, width < 420 ? 3 : 5)) svg.append(node("text", { x: x(watts), y: height - 8, class: "mid" }, `${data.number(watts)} W`));
    const ratios = points.map(({ power, hashrate }) => power / hashrate);
    for (const ratio of steps(Math.min(...ratios), Math.max(...ratios), 4)) {
      const to = Math.min(w1, h1 * ratio);
      const from = Math.max(w0, h0 * ratio);
      if (to <= from) continue;
      svg.append(node("path", { d: `M${x(from).toFixed(1)} ${y(from / ratio).toFixed(1)}L${x(to).toFixed(1)} ${y(to / ratio).toFixed(1)}`, class: "iso" }));
      svg.append(node("text", { x: x(to) + 4, y: Math.max(top + 4, y(to / ratio) + 4) }, `${data.number(ratio)} J/TH`));
    }
    for (const { hashrate, power, name, kind } of [...points].sort((a, b) => rank(a) - rank(b))) {
      svg.append(node("circle", { cx: x(power), cy: y(hashrate), r: kind === "measured" || kind === "refused" ? 4 : 6, class: kind }));
      if (name) svg.append(node("text", { x: x(power) - 9, y: y(hashrate) - 8, class: "end strong" }, name));
    }
    return svg;
  }
}

function rank({ kind }: TunedPoint): number {
  return { refused: 0, measured: 1, profile: 2, now: 3 }[kind];
}

const STYLE = `
  :host { display: block; direction: ltr; }
  svg { display: block; max-width: 100%; }
  text { font: 12px/16px inherit; font-size: 12px; fill: var(--hmm-text-2); }
  .end { text-anchor: end; } .mid { text-anchor: middle; }
  .strong { fill: var(--hmm-text); font-weight: 500; }
  path { fill: none; }
  .grid { stroke: var(--hmm-line); } .day { stroke: var(--hmm-text-2); }
  .now { stroke: var(--hmm-text); stroke-width: 2; }
  .iso { stroke: var(--hmm-text-2); stroke-dasharray: 2 3; }
  .hatch { stroke: var(--hmm-off); stroke-width: 3; }
  .ok { --c: var(--hmm-ok); } .info { --c: var(--hmm-info); } .warn { --c: var(--hmm-warn); } .neu { --c: var(--hmm-neu); } .off { --c: var(--hmm-off); }
  .bar { fill: var(--c); stroke: var(--c); }
  .bar.hatched { fill: url(#hatch); stroke: var(--hmm-off); }
  .past { fill-opacity: .35; }
  .measured { fill: color-mix(in srgb, var(--hmm-neu) 60%, var(--hmm-card)); }
  .refused { fill: none; stroke: var(--hmm-neu); }
  .profile { fill: var(--hmm-ok); }
  circle.now { fill: var(--hmm-card); stroke: var(--hmm-text); }
`;

for (const [name, element] of [["hmm-plan", HmmPlan], ["hmm-points", HmmPoints]] as const) {
  if (globalThis.customElements && !customElements.get(name)) customElements.define(name, element as unknown as CustomElementConstructor);
}
