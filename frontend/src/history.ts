// The history of the last 24 hours: one subscription that everything on a page shares.

import type { Connection } from "./hass";

export const HOURS = 24;

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

  constructor(private connection: Connection) {}

  of(entity: string): Point[] {
    return this.points.get(entity) ?? [];
  }

  follow(entity: string, listener: () => void): () => void {
    const listeners = this.listeners.get(entity) ?? new Set();
    listeners.add(listener);
    this.listeners.set(entity, listeners);
    this.renewSoon();
    return () => {
      listeners.delete(listener);
      if (!listeners.size) this.listeners.delete(entity);
      this.renewSoon();
    };
  }

  /** Cards come and go together: wait until it is known which are there. */
  private renewSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.renew(), 50);
  }

  private async renew(): Promise<void> {
    const entities = [...this.listeners.keys()].sort();
    if (entities.join() === this.subscribed) return;
    this.subscribed = entities.join();
    const before = this.unsubscribe;
    this.unsubscribe = undefined;
    void before?.then((stop) => stop?.().catch(() => undefined));
    this.points = new Map([...this.points].filter(([entity]) => this.listeners.has(entity)));
    if (!entities.length) return;
    const fresh = new Set(entities);
    this.unsubscribe = this.connection
      .subscribeMessage<{ states: Record<string, Row[]> }>((message) => this.take(message.states, fresh), {
        type: "history/stream",
        entity_ids: entities,
        start_time: new Date(Date.now() - HOURS * 3_600_000).toISOString(),
        minimal_response: true,
        no_attributes: true,
        significant_changes_only: false,
      })
      .catch(() => undefined);
  }

  private take(states: Record<string, Row[]>, fresh: Set<string>): void {
    const start = Date.now() - HOURS * 3_600_000;
    for (const [entity, rows] of Object.entries(states)) {
      const added = rows.map(({ s, lu, lc }): Point => {
        const value = s === "" ? NaN : Number(s);
        return [(lc ?? lu) * 1000, Number.isFinite(value) ? value : undefined];
      });
      const before = this.of(entity);
      // After a lost connection the whole backlog comes again
      const isBacklog = fresh.delete(entity) || (added[0]?.[0] ?? Infinity) < (before.at(-1)?.[0] ?? 0);
      const known = isBacklog ? [] : before;
      const all = [...known, ...added];
      // The last one before the window says what was at its start
      const first = Math.max(0, all.findIndex(([at]) => at >= start) - 1);
      this.points.set(entity, all.slice(first));
      for (const listener of this.listeners.get(entity) ?? []) listener();
    }
  }
}

const all = new WeakMap<Connection, Histories>();

/** What the recorder knows of the last 24 hours, for all who draw it on this page. */
export function historiesOf(connection: Connection): Histories {
  let found = all.get(connection);
  if (!found) all.set(connection, (found = new Histories(connection)));
  return found;
}
