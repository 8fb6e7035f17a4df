import { expect, test } from "vitest";
import { aheadOf } from "../src/ahead";
import type { Ahead, PlannedMiner } from "../src/ahead";
import { forecastOf, planOf, priceAt, untilOf } from "../src/cards/strategy";
import { profilesOf } from "../src/cards/tuning";
import { shortened, smooth, steps } from "../src/charts";
import { modelOf } from "../src/model";
import { bestShare, bestShareAt } from "../src/parts";
import { dashboard, view } from "../src/strategy";
import { FLEET, fakeHass, miner, type Fake } from "./hass";

const STRATEGY: Fake = {
  id: "bands",
  device: { entry_type: "service", via_device_id: "fleet" },
  entities: { "sensor.strategy_status": "steering", "switch.strategy": "on", "sensor.strategy_band": "Cheap" },
};

function state(attributes: Record<string, unknown>) {
  const hass = fakeHass([{ id: "s", entities: { "sensor.strategy_band": ["Cheap", attributes] } }]);
  return Object.values(hass.states)[0];
}

test("an axis has round steps and an end", () => {
  expect(steps(0, 38, 4)).toEqual([0, 10, 20, 30]);
  expect(steps(-3, 3, 4)).toEqual([-2, 0, 2]);
  expect(steps(5, 5, 4)).toEqual([5]);
  expect(steps(0, Infinity, 4)).toEqual([0]);
  expect(steps(0, 1e-9, 4).length).toBeLessThan(7);
});

test("a plan is drawn in order, in the tones of what its bands do", () => {
  const { slots, bands, unit, limits } = planOf(
    state({
      unit: "ct/kWh",
      limits: { Cheap: 20, Dear: "x" },
      rungs: { Cheap: "highest", Dear: "off" },
      plan: [
        ["2026-11-28T11:00:00Z", "2026-11-28T12:00:00Z", 40, "Dear"],
        ["2026-11-28T10:00:00Z", "2026-11-28T11:00:00Z", -2, "Cheap"],
      ],
    }),
  );
  expect(slots.map(({ price, tone }) => [price, tone])).toEqual([[-2, "ok"], [40, "hatched"]]);
  expect(bands).toEqual([["Cheap", "ok"], ["Dear", "hatched"]]);
  expect(unit).toBe("ct/kWh");
  expect(limits).toEqual({ Cheap: 20 });
});

test("bands that differ by model have the color of what most miners do in them", () => {
  const at = (hour: number) => `2026-11-28T${hour}:00:00Z`;
  const plan = [[at(10), at(11), 1, "Cheap"], [at(11), at(12), 2, "Fair"], [at(12), at(13), 3, "Cheap"]];
  const steps = (...levels: string[]) => levels.map((level, index) => ({ from: Date.parse(at(10 + index)), to: undefined, rung: level, level }));
  const lane = (count: number, ...levels: string[]) => ({ miners: Array.from({ length: count }, () => ({}) as PlannedMiner), steps: steps(...levels) });
  const ahead: Ahead = { kind: "price_bands", bands: [], past: undefined, lanes: [lane(1, "normal", "off"), lane(2, "highest", "lowest")] };
  const given = state({ rungs: { Cheap: "leave", Fair: "leave", Dear: "leave" }, plan });
  expect(planOf(given, ahead).bands).toEqual([["Cheap", "ok"], ["Fair", "warn"], ["Dear", "off"]]);
  expect(planOf(given).slots[0]?.tone).toBe("off");
});

test("the price of now is told in the digits of the user", () => {
  const plan = planOf(state({ unit: "EUR/kWh", plan: [["2026-11-28T10:00:00Z", "2026-11-28T11:00:00Z", 0.255, "Cheap"]] }));
  const [at, later] = [Date.parse("2026-11-28T10:30:00Z"), Date.parse("2026-11-28T11:00:00Z")];
  expect(priceAt(fakeHass([]), plan, at)).toMatch(/^25\.5\sct\/kWh$/u);
  expect(priceAt(fakeHass([], { language: "de" }), plan, at)).toMatch(/^25,5\sct\/kWh$/u);
  expect(priceAt(fakeHass([]), plan, later)).toBeUndefined();
});

test("a plan of nonsense is no plan, and one without end is cut", () => {
  for (const plan of [undefined, null, "x", {}, [null, 7, [], ["a", "b", "c"], ["2026-11-28T10:00:00Z", "2026-11-28T09:00:00Z", 1, "x"]]]) {
    expect(planOf(state({ plan })).slots).toEqual([]);
  }
  const endless = Array.from({ length: 5000 }, (_, hour) => [new Date(hour * 3.6e6).toISOString(), new Date((hour + 1) * 3.6e6).toISOString(), 1, "x"]);
  expect(planOf(state({ plan: endless })).slots).toHaveLength(400);
  expect(planOf(undefined).slots).toEqual([]);
});

test("what is ahead is read from the response of the action, whatever it holds", () => {
  const miners = [{ name: "Axe", entry_id: "e", by: "manual", reason: "Set by hand.", key: "manual", values: { rung: "Eco" }, until: "2026-11-28T16:00:00Z" }];
  const steps = [
    { start: "2026-11-28T00:00:00Z", end: "2026-11-28T06:00:00Z", rung: "mode:turbo", level: "highest" },
    { start: "2026-11-28T06:00:00Z", end: null, rung: null, level: "leave" },
    { start: "2026-11-28T06:00:00Z", end: "2026-11-28T05:00:00Z" },
    { start: "x" },
    7,
  ];
  const past = { days: 7, cost: 4.12, always_on: 6.9, hashrate_share: 0.91, currency: "EUR" };
  const plan = [{ start: "2026-11-28T16:00:00Z", band: "Normal", price: 0.27 }, { start: "2026-11-28T18:00:00Z", band: null }, { band: "x" }, 7];
  const ahead = aheadOf({ strategies: [{ kind: "price_bands", plan, lanes: [{ miners, steps }, { miners: [], steps }, null], past }] })!;
  expect(ahead.kind).toBe("price_bands");
  expect(ahead.bands).toEqual([{ from: Date.UTC(2026, 10, 28, 16), band: "Normal", price: 0.27 }]);
  expect(ahead.lanes).toHaveLength(1);
  expect(ahead.lanes[0]!.miners).toEqual([{ name: "Axe", entryId: "e", by: "manual", reason: { key: "manual", values: { rung: "Eco" }, explanation: "Set by hand." }, until: Date.UTC(2026, 10, 28, 16) }]);
  expect(ahead.lanes[0]!.steps.map(({ rung, to }) => [rung, to])).toEqual([["mode:turbo", Date.UTC(2026, 10, 28, 6)], ["leave", undefined]]);
  expect(ahead.past).toEqual({ days: 7, cost: 4.12, always: 6.9, share: 0.91, currency: "EUR" });
  for (const bad of [undefined, {}, { strategies: [] }, { strategies: "x" }]) expect(aheadOf(bad)).toBeUndefined();
  expect(aheadOf({ strategies: [{ lanes: "x", past: { cost: 1 } }] })).toEqual({ kind: "", bands: [], lanes: [], past: undefined });
});

test("profiles are read from the response of the action, whatever it holds", () => {
  const response = { miners: [{ profiles: [{ name: "quiet", measured: { hashrate: 0.92, power: 12.1, temperature: 55 } }, { name: "mine" }] }] };
  expect(profilesOf(response)).toEqual([
    { name: "quiet", hashrate: 0.92, power: 12.1, temperature: 55 },
    { name: "mine", hashrate: undefined, power: undefined, temperature: undefined },
  ]);
  for (const bad of [undefined, {}, { miners: [] }, { miners: [{ profiles: "x" }] }]) expect(profilesOf(bad)).toEqual([]);
});

test("a tile has room for the whole name of what it shows", () => {
  const fleet = { ...FLEET, entities: { ...FLEET.entities, "sensor.cost_today": "1", "sensor.revenue_month": "1", "sensor.power": "1" } };
  const updates: Fake = { id: "driver", entities: { "update.driver": "on", "sensor.miners_online": "1" } };
  const hass = fakeHass([fleet, miner("m", { "sensor.best_session_share": "1", "sensor.energy": "1" }), updates]);
  const tiles = (["fleet", "energy", "health"] as const).map((name) => view(hass, { view: name })).concat(view(hass, { view: "miner", device_id: "m" })).map((shown) =>
    (shown as { sections: { cards: { type: string; grid_options?: object }[] }[] }).sections.flatMap(({ cards }) => cards).filter(({ type }) => type === "tile"),
  );
  expect(tiles.map(({ length }) => length)).toEqual([2, 3, 1, 2]);
  for (const { grid_options } of tiles.flat()) expect(grid_options).toEqual({ columns: "full" });
});

test("a strategy has a view of its own and a short card on the first one", () => {
  const hass = fakeHass([FLEET, miner("m"), STRATEGY]);
  expect(modelOf(hass).strategies.map(({ id }) => id)).toEqual(["bands"]);
  const { views } = dashboard(hass, {}) as { views: { path: string }[] };
  expect(views.map(({ path }) => path)).toContain("strategy");
  expect(JSON.stringify(view(hass, { view: "fleet" }))).toContain('"short":true');
  expect(JSON.stringify(view(hass, { view: "strategy" }))).toContain("hmm-strategy-card");
  // The plan of a calendar says less than that of prices
  const calendar: Fake = { ...STRATEGY, id: "a calendar", entities: { "sensor.strategy_status": "steering" } };
  expect(JSON.stringify(view(fakeHass([FLEET, miner("m"), calendar, STRATEGY]), { view: "fleet" }))).not.toContain("calendar\"");
  expect(JSON.stringify(view(fakeHass([FLEET, miner("m"), calendar]), { view: "fleet" }))).toContain("a calendar");
  // Unless it only tries what it would do
  const trying: Fake = { ...STRATEGY, entities: { ...STRATEGY.entities, "sensor.strategy_status": "dry_run" } };
  expect(JSON.stringify(view(fakeHass([FLEET, miner("m"), trying, calendar]), { view: "fleet" }))).toContain("a calendar");
  const without = fakeHass([FLEET, miner("m")]);
  expect(JSON.stringify([dashboard(without, {}), view(without, { view: "fleet" })])).not.toContain("strategy-card");
});

test("the surplus is drawn as means of five minutes, held where nothing changed, with its gaps", () => {
  const minute = 60_000;
  expect(smooth([[0, 100], [minute, 300], [10 * minute, 0], [10 * minute + 1, undefined], [20 * minute, undefined], [30 * minute, 50]])).toEqual([
    [0, 200],
    [10 * minute - 1, 200],
    [10 * minute, 0],
    [20 * minute - 1, 0],
    [20 * minute, undefined],
    [30 * minute, 50],
  ]);
  expect(smooth([])).toEqual([]);
});

test("forecasts of the sun are added up by the hour, whatever else they hold", () => {
  const at = Date.UTC(2026, 10, 28, 12);
  const response = { a: { wh_hours: { "2026-11-28T12:00:00+00:00": 400, "2026-11-28T11:00:00+00:00": 300, x: 1, "2026-11-28T13:00:00+00:00": "5" } }, b: { wh_hours: { "2026-11-28T12:00:00Z": 60, "2026-11-28T12:30:00Z": 40 } }, c: null, d: {} };
  expect(forecastOf(response)).toEqual([[at - 1_800_000, 300], [at + 1_800_000, 500]]);
  for (const nothing of [undefined, null, {}, { a: 7 }]) expect(forecastOf(nothing)).toEqual([]);
});

test("until a time is the next time that the user's clock shows it", () => {
  const now = new Date(2026, 10, 28, 14, 36);
  const browser = fakeHass([], { time_zone: "local" });
  expect(new Date(untilOf(browser, "16:30", now))).toEqual(new Date(2026, 10, 28, 16, 30));
  expect(new Date(untilOf(browser, "06:00", now))).toEqual(new Date(2026, 10, 29, 6, 0));
  // Home Assistant reads a bare time by its own clock
  expect(untilOf(fakeHass([], { time_zone: "server" }), "06:00", now)).toBe("06:00");
});

test("the best share of a miner that is off is the one that HMM keeps, with its date", () => {
  const at = "2026-11-26T10:00:00+00:00";
  const shares = [{ entry_id: "other", difficulty: 9e9 }, { entry_id: "entry", difficulty: 2e9, found: at }, null];
  const fleet: Fake = { ...FLEET, entities: { ...FLEET.entities, "sensor.best_share": ["9", { shares }] } };
  const of = (entities: Fake["entities"], kept = fleet) => {
    const hass = fakeHass([kept, miner("m", entities, { config_entries: ["entry"] })]);
    const [found] = modelOf(hass).miners;
    const share = bestShare(hass, found!);
    return [share, share && bestShareAt(hass, found!, share)];
  };
  const off = { "sensor.best_share": "unavailable" };
  expect(of(off)).toEqual([2e9, new Date(at)]);
  expect(of({ "sensor.best_share": ["2", { difficulty: 2e9 }] })).toEqual([2e9, new Date(at)]);
  // What the miner reports now counts, if it keeps its records itself, and has no date of another one
  expect(of({ "sensor.best_share": ["1", { difficulty: 1e9 }] })[0]).toBe(1e9);
  expect(of({ "sensor.best_share": ["3", { difficulty: 3e9 }] })).toEqual([3e9, undefined]);
  expect(of({ "sensor.best_session_share": ["1", { difficulty: 1e9 }] })).toEqual([2e9, new Date(at)]);
  expect(of({ "sensor.best_session_share": ["1", { difficulty: 1e9 }] }, FLEET)).toEqual([1e9, undefined]);
  expect(of(off, FLEET)).toEqual([undefined, undefined]);
});

test("where there is little room, lanes go without their maker, but not without a name", () => {
  const of = (...names: string[]) => shortened(names.map((name) => ({ name, label: name, stretches: [] }))).map(({ name }) => name);
  expect(of("Bitaxe Gamma", "Avalon Nano 3 +1", "NMLotto")).toEqual(["Gamma", "Nano 3 +1", "NMLotto"]);
  expect(of("Bitaxe Gamma +17", "NerdQAxe++ +8")).toEqual(["Gamma +17", "NerdQAxe++ +8"]);
  // Two that would be the same keep it
  expect(of("Bitaxe 1", "Avalon 1")).toEqual(["Bitaxe 1", "Avalon 1"]);
});
