// The line of the last 24 hours.

import type { Connection } from "./hass";
import { historiesOf, HOURS, type Point } from "./history";

const WIDTH = 300;
const HEIGHT = 52;
const MOST_POINTS = 150;

/** Lines in a box of 24 hours, broken where there was no reading; means of equal parts where there are many points. */
export function pathsOf(points: readonly Point[], now: number, top: number): string[] {
  const start = now - HOURS * 3_600_000;
  const x = (at: number) => ((Math.max(at, start) - start) / (now - start)) * WIDTH;
  const y = (value: number) => HEIGHT - 2 - (Math.max(0, value) / (top || 1)) * (HEIGHT - 6);
  const paths: string[] = [];
  let line: [number, number][] = [];
  const close = (at: number) => {
    const last = line.at(-1);
    if (last) {
      line.push([at, last[1]]);
      paths.push(reduce(line).map(([px, py], index) => `${index ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join(""));
    }
    line = [];
  };
  for (const [at, value] of points) {
    if (value === undefined) close(x(at));
    else line.push([x(at), y(value)]);
  }
  close(WIDTH);
  return paths;
}

function reduce(line: [number, number][]): [number, number][] {
  if (line.length <= MOST_POINTS) return line;
  const size = WIDTH / MOST_POINTS;
  const parts = new Map<number, [number, number, number]>();
  for (const [px, py] of line) {
    const key = Math.floor(px / size);
    const [count, sumX, sumY] = parts.get(key) ?? [0, 0, 0];
    parts.set(key, [count + 1, sumX + px, sumY + py]);
  }
  return [line[0]!, ...[...parts.values()].map(([count, sumX, sumY]): [number, number] => [sumX / count, sumY / count]), line.at(-1)!];
}

/** Plain, so that what it shares with the cards is nothing and both load in one request each. */
export class HmmSpark extends (globalThis.HTMLElement ?? Object) {
  connection: Connection | undefined;
  expected: number | undefined;
  private name = "";
  private stop: (() => void) | undefined;

  set entity(entity: string) {
    if (entity === this.name) return;
    this.name = entity;
    this.follow();
  }

  connectedCallback(): void {
    // Values that were set before this class was known
    for (const key of ["connection", "expected", "entity"] as const) {
      if (!Object.hasOwn(this, key)) continue;
      const value = this[key];
      delete (this as Record<string, unknown>)[key];
      (this as Record<string, unknown>)[key] = value;
    }
    if (!this.shadowRoot) this.attachShadow({ mode: "open" });
    this.follow();
  }

  disconnectedCallback(): void {
    this.stop?.();
    this.stop = undefined;
  }

  private follow(): void {
    this.disconnectedCallback();
    if (!this.isConnected || !this.connection || !this.name) return;
    let isFirst = true;
    const stop = historiesOf(this.connection).follow(this.name, () => {
      if (isFirst) this.draw();
      isFirst = false;
    });
    // A reading each 30 s moves nothing that can be seen, but time goes on without one
    const clock = setInterval(() => document.hidden || this.draw(), 60_000);
    this.stop = () => {
      stop();
      clearInterval(clock);
    };
    this.draw();
  }

  private draw(): void {
    if (!this.shadowRoot || !this.connection) return;
    const points = historiesOf(this.connection).of(this.name);
    const top = 1.06 * Math.max(this.expected ?? 0, ...points.map(([, value]) => value ?? 0));
    const due = HEIGHT - 2 - ((this.expected ?? 0) / (top || 1)) * (HEIGHT - 6);
    const lines = pathsOf(points, Date.now(), top).map((d) => {
      const from = d.slice(1, d.indexOf(" "));
      const to = d.slice(d.lastIndexOf("L") + 1).split(" ")[0];
      return `<path class="area" d="${d}L${to} ${HEIGHT}L${from} ${HEIGHT}Z"/><path d="${d}"/>`;
    });
    // Numbers alone, nothing that anyone named
    this.shadowRoot.innerHTML = `<style>${STYLE}</style><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">${
      this.expected ? `<path class="due" d="M0 ${due.toFixed(1)}H${WIDTH}"/>` : ""
    }${lines.join("")}</svg>`;
  }
}

const STYLE = `
  svg { display: block; width: 100%; height: 100%; direction: ltr; }
  path { fill: none; stroke: var(--hmm-neu); stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
  .area { stroke: none; fill: color-mix(in srgb, var(--hmm-neu) 14%, transparent); }
  .due { stroke: var(--hmm-text-2); stroke-width: 1; stroke-dasharray: 3 3; }
`;

if (globalThis.customElements && !customElements.get("hmm-spark")) {
  customElements.define("hmm-spark", HmmSpark as unknown as CustomElementConstructor);
}
