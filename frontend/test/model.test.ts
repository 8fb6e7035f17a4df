import { expect, test } from "vitest";
import { modelOf } from "../src/model";
import { pathsOf } from "../src/spark";
import { dashboard, view } from "../src/strategy";
import { suggest } from "../src/suggest";
import { fakeHass, FLEET, miner, pool } from "./hass";

const home = () =>
  fakeHass([
    FLEET,
    miner("b", { "sensor.energy": "3" }),
    miner("a"),
    pool("p", { "sensor.last_block": "unknown" }),
    { id: "w", device: { via_device_id: "a", config_entries: ["entry"] }, entities: { "binary_sensor.online": "on", "sensor.hashrate": "1" } },
  ]);

test("devices are found by the registry, whatever their entities are called", () => {
  const model = modelOf(home());
  expect(model.fleet?.id).toBe("fleet");
  expect(model.miners.map(({ id }) => id)).toEqual(["a", "b"]);
  expect(model.pools.map(({ id }) => id)).toEqual(["p"]);
  expect(model.byId.get("w")?.kind).toBe("worker");
});

test("the model is made again only if a registry changed", () => {
  const hass = home();
  expect(modelOf({ ...hass, states: {} })).toBe(modelOf(hass));
  expect(modelOf({ ...hass, entities: { ...hass.entities } })).not.toBe(modelOf(hass));
});

test("the pools of a miner are those that list a worker of it", () => {
  const hass = home();
  hass.devices.p = { ...hass.devices.p!, config_entries: ["entry"] };
  expect(modelOf({ ...hass }).poolsOf.get("a")?.map(({ id }) => id)).toEqual(["p"]);
});

test("the dashboard has a view for what there is, and a page for each miner", () => {
  const paths = (hass: ReturnType<typeof home>) => (dashboard(hass, {}) as { views: { path: string }[] }).views.map(({ path }) => path);
  expect(paths(home())).toEqual(["fleet", "miners", "pools", "energy", "health", "miner-a", "miner-b"]);
  expect(paths(fakeHass([]))).toEqual(["fleet"]);
});

test("each miner leads to its page from every view that lists miners", () => {
  const hass = home();
  const cards = ["fleet", "miners", "health"].flatMap((name) =>
    (view(hass, { view: name } as Parameters<typeof view>[1]) as { sections: { cards: { type: string; pages?: boolean }[] }[] }).sections.flatMap(({ cards: all }) => all),
  );
  const listing = cards.filter(({ type }) => /^custom:hmm-(?:fleet|miners|miners-table)-card$/u.test(type));
  expect(listing).toHaveLength(4);
  expect(listing.every(({ pages }) => pages)).toBe(true);
});

test("every view can be made of anything", () => {
  for (const hass of [home(), fakeHass([]), fakeHass([pool("p")])]) {
    for (const name of ["fleet", "miners", "miner", "pools", "energy", "health"] as const) {
      const made = view(hass, { view: name, device_id: "a" }) as { sections: { cards: unknown[] }[] };
      expect(made.sections.every(({ cards }) => cards.length > 0)).toBe(true);
    }
  }
});

test("cards are suggested for entities of HMM alone", () => {
  const hass = home();
  const id = Object.values(hass.entities).find(({ device_id }) => device_id === "a")!.entity_id;
  hass.entities["sensor.other"] = { entity_id: "sensor.other", platform: "mqtt", device_id: "a" };
  expect(suggest(hass, id, "hmm-miner-card")).toMatchObject({ config: { device_id: "a" } });
  expect(suggest(hass, id, "hmm-pool-card")).toBeNull();
  expect(suggest(hass, "sensor.other", "hmm-miner-card")).toBeNull();
  expect(suggest(hass, "sensor.none", "hmm-miner-card")).toBeNull();
});

test("the line of a day is broken where there was no reading", () => {
  const now = 1e12;
  const hour = 3_600_000;
  const points = [[now - 30 * hour, 1], [now - 12 * hour, undefined], [now - 6 * hour, 2], [now - 1 * hour, 1]] as const;
  const paths = pathsOf(points, now, 2);
  expect(paths).toHaveLength(2);
  expect(paths[0]).toMatch(/^M0\.0 .*L150\.0 /u);
  expect(paths[1]).toMatch(/L300\.0 /u);
  expect(pathsOf([], now, 1)).toEqual([]);
});
