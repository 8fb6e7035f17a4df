// What the action hmm.preview_strategy says of a strategy, as far as it can be drawn.

import * as f from "./format";

export interface PlannedMiner {
  name: string;
  entryId: string;
  /** Who decides for it now: "manual", "safety", a kind of strategy, "nothing". */
  by: string;
  /** Its key and values, and the whole of it in Home Assistant's language. */
  reason: Record<string, unknown>;
  until: number | undefined;
}

export interface PlannedStep {
  from: number;
  /** Undefined until something changes. */
  to: number | undefined;
  /** What the miners are set to then. */
  rung: string;
  /** "off", "lowest", "normal", "highest" or "leave". */
  level: string;
}

/** A band that begins, as the planner expects it. */
export interface PlannedBand {
  from: number;
  band: string;
  price: number | undefined;
}

export interface Ahead {
  kind: string;
  bands: PlannedBand[];
  lanes: { miners: PlannedMiner[]; steps: PlannedStep[] }[];
  past: { days: number; cost: number; always: number; share: number; currency: string } | undefined;
}

const MOST_MINERS = 500;
const MOST_STEPS = 400;

type Given = Record<string, unknown>;

function list(given: unknown): Given[] {
  return Array.isArray(given) ? given.filter((one): one is Given => typeof one === "object" && one !== null) : [];
}

export function aheadOf(response: unknown): Ahead | undefined {
  const [strategy] = list((response as Given | undefined)?.strategies);
  if (!strategy) return undefined;
  const lanes = list(strategy.lanes).slice(0, MOST_MINERS).map(({ miners, steps }) => ({
    miners: list(miners).slice(0, MOST_MINERS).map((miner): PlannedMiner => ({
      name: String(miner.name ?? ""),
      entryId: String(miner.entry_id ?? ""),
      by: String(miner.by ?? ""),
      reason: { key: miner.key, values: miner.values, explanation: miner.reason },
      until: f.readTime(miner.until)?.getTime(),
    })),
    steps: list(steps).slice(0, MOST_STEPS).flatMap((step): PlannedStep[] => {
      const from = f.readTime(step.start)?.getTime();
      const to = f.readTime(step.end)?.getTime();
      if (from === undefined || (to !== undefined && to <= from)) return [];
      return [{ from, to, rung: String(step.rung ?? "leave"), level: String(step.level ?? "") }];
    }),
  }));
  const { days, cost, always_on: always, hashrate_share: share, currency } = (strategy.past ?? {}) as Given;
  const isPast = [days, cost, always, share].every((value) => typeof value === "number");
  const bands = list(strategy.plan).slice(0, MOST_STEPS).flatMap(({ start, band, price }): PlannedBand[] => {
    const from = f.readTime(start)?.getTime();
    return from === undefined || typeof band !== "string" ? [] : [{ from, band, price: typeof price === "number" ? price : undefined }];
  });
  return {
    kind: String(strategy.kind ?? ""),
    bands,
    lanes: lanes.filter(({ miners }) => miners.length > 0),
    past: isPast ? { days: Number(days), cost: Number(cost), always: Number(always), share: Number(share), currency: String(currency ?? "") } : undefined,
  };
}
