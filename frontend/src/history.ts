// The history of the last 24 hours: one subscription that everything on a page shares.

import type { Connection } from "./hass";

export const HOURS = 24;
/** Cards come and go together: wait until it is known which are there. */
const SOON = 50;
const AGAIN = 10_000;

/** When, in ms, and what; undefined where there was no reading. */
export type Point = readonly [at: number, value: number | undefined];
interface Row {
  s: string;
  lu: number;
  lc?: number;
}

class Histories {
  private points = new Map<string, Point[]>();
  private listeners = new Map<string, Set<() => void>>();
  private unsubscribe: Promise<(() => Promise<void>) | undefined> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private subscribed = "";

  constructor(private connection: Connection) {
    // What was subscribed to is gone, and would begin again a day before the page was opened
    connection.addEventListener("ready", () => this.begin());
  }

  of(entity: string): Point[] {
    return recent(this.points.get(entity) ?? []);
  }

  follow(entity: string, listener: () => void): () => void {
    const listeners = this.listeners.get(entity) ?? new Set();
    listeners.add(listener);
    this.listeners.set(entity, listeners);
    this.renewIn(SOON);
    return () => {
      listeners.delete(listener);
      if (!listeners.size) this.listeners.delete(entity);
      this.renewIn(SOON);
    };
  }

  private begin(delay = SOON): void {
    this.unsubscribe = undefined;
    this.subscribed = "";
    this.renewIn(delay);
  }

  private renewIn(delay: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.renew(), delay);
  }

  private renew(): void {
    const entities = [...this.listeners.keys()].sort();
    if (entities.join() === this.subscribed) return;
    this.subscribed = entities.join();
    const before = this.unsubscribe;
    this.unsubscribe = undefined;
    void before?.then((stop) => stop?.()).catch(() => undefined);
    this.points = new Map([...this.points].filter(([entity]) => this.listeners.has(entity)));
    if (!entities.length) return;
    let isBacklog = true;
    const take = ({ states }: { states: Record<string, Row[]> }) => {
      if (isBacklog) this.points.clear();
      isBacklog = false;
      this.take(states);
    };
    const subscribing = this.connection
      .subscribeMessage(
        take,
        {
          type: "history/stream",
          entity_ids: entities,
          start_time: new Date(Date.now() - HOURS * 3_600_000).toISOString(),
          minimal_response: true,
          no_attributes: true,
          significant_changes_only: false,
        },
        { resubscribe: false },
      )
      .catch(() => {
        // Home Assistant may be back before its recorder is
        if (this.unsubscribe === subscribing) this.begin(AGAIN);
        return undefined;
      });
    this.unsubscribe = subscribing;
  }

  private take(states: Record<string, Row[]>): void {
    for (const [entity, rows] of Object.entries(states)) {
      const added = rows.map(({ s, lu, lc }): Point => {
        const value = s === "" ? NaN : Number(s);
        return [(lc ?? lu) * 1000, Number.isFinite(value) ? value : undefined];
      });
      this.points.set(entity, [...this.of(entity), ...added]);
      for (const listener of this.listeners.get(entity) ?? []) listener();
    }
  }
}

/** Those of the last hours; the last one before says what was at their start. */
function recent(points: Point[]): Point[] {
  const start = Date.now() - HOURS * 3_600_000;
  return points.slice(Math.max(0, points.findLastIndex(([at]) => at <= start)));
}

const all = new WeakMap<Connection, Histories>();

/** What the recorder knows of the last 24 hours, for all who draw it on this page. */
export function historiesOf(connection: Connection): Histories {
  let found = all.get(connection);
  if (!found) all.set(connection, (found = new Histories(connection)));
  return found;
}
