import { expect, test } from "vitest";
import { aheadOf } from "../src/ahead";
import { planOf } from "../src/cards/strategy";
import { profilesOf } from "../src/cards/tuning";
import { steps } from "../src/charts";
import { modelOf } from "../src/model";
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

test("a plan of nonsense is no plan, and one without end is cut", () => {
  for (const plan of [undefined, null, "x", {}, [null, 7, [], ["a", "b", "c"], ["2026-11-28T10:00:00Z", "2026-11-28T09:00:00Z", 1, "x"]]]) {
    expect(planOf(state({ plan })).slots).toEqual([]);
  }
  const endless = Array.from({ length: 5000 }, (_, hour) => [new Date(hour * 3.6e6).toISOString(), new Date((hour + 1) * 3.6e6).toISOString(), 1, "x"]);
  expect(planOf(state({ plan: endless })).slots).toHaveLength(400);
  expect(planOf(undefined).slots).toEqual([]);
});

test("what is ahead is read from the response of the action, whatever it holds", () => {
  const miners = [{ name: "Axe", entry_id: "e", by: "manual", reason: "Set by hand.", until: "2026-11-28T16:00:00Z" }];
  const steps = [
    { start: "2026-11-28T00:00:00Z", end: "2026-11-28T06:00:00Z", name: "Turbo", level: "highest" },
    { start: "2026-11-28T06:00:00Z", end: null, name: "Eco", level: "lowest" },
    { start: "2026-11-28T06:00:00Z", end: "2026-11-28T05:00:00Z" },
    { start: "x" },
    7,
  ];
  const past = { days: 7, cost: 4.12, always_on: 6.9, hashrate_share: 0.91, currency: "EUR" };
  const ahead = aheadOf({ strategies: [{ kind: "price_bands", lanes: [{ miners, steps }, { miners: [], steps }, null], past }] })!;
  expect(ahead.kind).toBe("price_bands");
  expect(ahead.lanes).toHaveLength(1);
  expect(ahead.lanes[0]!.miners).toEqual([{ name: "Axe", entryId: "e", by: "manual", reason: "Set by hand.", until: Date.UTC(2026, 10, 28, 16) }]);
  expect(ahead.lanes[0]!.steps.map(({ name, to }) => [name, to])).toEqual([["Turbo", Date.UTC(2026, 10, 28, 6)], ["Eco", undefined]]);
  expect(ahead.past).toEqual({ days: 7, cost: 4.12, always: 6.9, share: 0.91, currency: "EUR" });
  for (const bad of [undefined, {}, { strategies: [] }, { strategies: "x" }]) expect(aheadOf(bad)).toBeUndefined();
  expect(aheadOf({ strategies: [{ lanes: "x", past: { cost: 1 } }] })).toEqual({ kind: "", lanes: [], past: undefined });
});

test("profiles are read from the response of the action, whatever it holds", () => {
  const response = { miners: [{ profiles: [{ name: "quiet", measured: { hashrate: 0.92, power: 12.1, temperature: 55 } }, { name: "mine" }] }] };
  expect(profilesOf(response)).toEqual([
    { name: "quiet", hashrate: 0.92, power: 12.1, temperature: 55 },
    { name: "mine", hashrate: undefined, power: undefined, temperature: undefined },
  ]);
  for (const bad of [undefined, {}, { miners: [] }, { miners: [{ profiles: "x" }] }]) expect(profilesOf(bad)).toEqual([]);
});

test("a strategy has a view of its own and a short card on the first one", () => {
  const hass = fakeHass([FLEET, miner("m"), STRATEGY]);
  expect(modelOf(hass).strategies.map(({ id }) => id)).toEqual(["bands"]);
  const { views } = dashboard(hass, {}) as { views: { path: string }[] };
  expect(views.map(({ path }) => path)).toContain("strategy");
  expect(JSON.stringify(view(hass, { view: "fleet" }))).toContain('"short":true');
  expect(JSON.stringify(view(hass, { view: "strategy" }))).toContain("hmm-strategy-card");
  const without = fakeHass([FLEET, miner("m")]);
  expect(JSON.stringify([dashboard(without, {}), view(without, { view: "fleet" })])).not.toContain("strategy-card");
});
