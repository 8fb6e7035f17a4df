import { expect, test, vi } from "vitest";
import german from "../../custom_components/hmm/translations/de.json";
import { remedy } from "../src/actions";
import { modelOf, type HmmDevice } from "../src/model";
import { costOf } from "../src/parts";
import { oddsOf } from "../src/odds";
import { explain } from "../src/reasons";
import { needsAttention, poolStatus, statusOf } from "../src/status";
import { loadTexts } from "../src/texts";
import { FLEET, fakeHass, type Fake, miner, pool } from "./hass";

await loadTexts("de");
const SINCE = new Date().toISOString();

function read(entities: Fake["entities"], language = "en") {
  const hass = fakeHass([miner("m", entities)], { language });
  const [found] = modelOf(hass).miners;
  return { hass, found: found as HmmDevice, status: statusOf(hass, found as HmmDevice) };
}

test("a miner that mines says its figures, not a state", () => {
  const { status } = read({});
  expect(status).toMatchObject({ group: "mining", tone: "ok", form: "tint", line: "" });
});

test("what could not be set up says why, once the fleet knows", () => {
  const row = (device_id: string) => ({ device_id, problems: ["driver_missing"], sentence: "There is no driver Axe. Add it again." });
  const silent = [miner("m", { "sensor.status": "unavailable", "sensor.hashrate": "unavailable" }), pool("p", { "binary_sensor.health": "unavailable", "sensor.pool_status": "unavailable" })];
  const waits = "Waiting for the first reading";
  for (const [problems, group, line, poolLine] of [
    [undefined, "unknown", waits, waits],
    [[row("other")], "unknown", waits, waits],
    [[row("m"), row("p")], "offline", "Offline: driver missing", "There is no driver Axe"],
  ] as const) {
    const hass = fakeHass([{ ...FLEET, entities: { ...FLEET.entities, "sensor.problems": ["2", { problems }] } }, ...silent]);
    const model = modelOf(hass);
    const [one, other] = [model.miners[0] as HmmDevice, model.pools[0] as HmmDevice];
    const status = statusOf(hass, one);
    expect(status).toMatchObject({ group, line });
    expect(poolStatus(hass, model, other)).toMatchObject({ bad: group === "offline", line: poolLine });
    expect(remedy(hass, one, status)?.icon).toBe(group === "offline" ? "mdi:wrench" : undefined);
  }
});

test("why a strategy decides is said by the user's clock, in the user's language", () => {
  const find = (key: string) => key.split(".").slice(2).reduce((texts: unknown, name) => (texts as Record<string, unknown> | undefined)?.[name], german as unknown);
  const localize = (key: string, values: Record<string, string> = {}) =>
    String(find(key) ?? "").replace(/\{(\w+)\}/gu, (_, name: string) => values[name] ?? "");
  // Another day may have begun in Berlin already, where it is summer for half of the year
  vi.setSystemTime("2026-11-28T12:00:00Z");
  const at = new Date("2026-11-28T06:12:00Z");
  const explanation = "Set to Expensive by hand until 07:12, then automatic.";
  const say = (key: string | null, values: Record<string, unknown>, more = { localize }) =>
    explain(fakeHass([], { time_format: "12", language: "de" }, more as object), { key, values, explanation });
  const manual = { rung: "band:Expensive", until: at.toISOString(), ends: "time" };
  expect(say("manual", manual)).toBe("Bis 7:12 AM von Hand auf Expensive gestellt, dann wieder automatisch.");
  expect(say("manual", { ...manual, until: null, ends: "next_change" })).toContain("mit der nächsten Änderung");
  expect(say("manual", { ...manual, until: null, ends: "released" })).toContain("bis du");
  const plain = (key: string, values: Record<string, unknown>, more?: object) => say(key, values, { localize, ...more }).replace(/\u00a0/gu, " ");
  expect(plain("band_unknown_next", { price: 0.2, unit: "EUR/kWh", band: "Cheap", what: "mode:night" })).toBe("20,0 ct/kWh liegt in „Cheap“: Nacht. Spätere Preise sind nicht bekannt.");
  expect(plain("champion_rests", { limit: 28.44, unit: "ct/kWh" })).toContain("28,4 ct/kWh");
  expect(plain("solar_wait", { surplus: 1234, miner: "Axe", watts: 17 })).toBe("1.234 W Überschuss; Axe braucht 17 W mit der Reserve.");
  expect(plain("heat", { room: 20.5, target: 21, what: "lowest" })).toBe("20,5 °C von 21,0 °C: Niedrigste.");
  expect(plain("heat_too_hot", { room: 28 }, { config: { unit_system: { temperature: "°F" } } })).toContain("82,4 °F");
  expect(plain("champion_replaced", { miner: "Axe", old: "Nerd", reason: "too_hot" })).toBe("Axe ersetzt Nerd: er ist zu heiß.");
  expect(plain("not_obeying", { miner: "Axe", rung: "leave", n: 2, reason: "no_response" })).toContain("Versuch 2 von 3): Keine Antwort");
  expect(plain("champion_open", { miner: "Axe", efficiency: 15.25, count: 4 })).toContain("15,3 J/TH");
  // A sentence without another form, of a newer version, and one whose value is missing
  expect(say("price_missing", { time: null, until: at.toISOString() })).toContain("–");
  for (const [key, values] of [["new", manual], ["manual", { until: null }], [null, {}]] as const) expect(say(key, values, { localize: () => "" } as never)).toBe(explanation);
  vi.useRealTimers();
});

test("only what needs a person is filled", () => {
  for (const state of ["overheated", "fault", "offline", "no_pool", "no_shares", "not_mining", "slow"]) {
    const { status } = read({ "sensor.status": [state, { since: SINCE }] });
    expect(status.form, state).toBe("solid");
    expect(needsAttention(status)).toBe(true);
    expect(status.line).not.toBe("");
  }
  for (const state of ["off", "paused", "starting", "updating", "tuning", "mining", "unknown", "unavailable", "something new"]) {
    const { status } = read({ "sensor.status": [state, { since: SINCE }] });
    expect(status.form, state).not.toBe("solid");
    expect(needsAttention(status)).toBe(false);
  }
});

test("the reason stands in the line", () => {
  const line = (state: string, attributes: object, language = "en") =>
    read({ "sensor.status": [state, { since: SINCE, ...attributes }] }, language).status.line.replace(/\u00a0/gu, " ");
  expect(line("overheated", { value: 76, limit: 75, unit: "°C" })).toBe("Too hot: 76 of 75 °C");
  expect(line("overheated", { value: 76, limit: 75, unit: "°C" }, "de")).toBe("Zu heiß: 76 von 75 °C");
  expect(line("overheated", {})).toBe("Too hot");
  expect(line("offline", { reason: "no_response" })).toMatch(/^Offline since \d\d:\d\d: does not respond$/u);
  expect(line("no_shares", { reason: "share_overdue", minutes: 47, expected: "9 min" })).toBe("No shares for 47 min (usual: 9 min)");
  expect(line("no_shares", { reason: "share_overdue" })).not.toContain("{");
  expect(line("paused", { reason: "paused_by_user" })).toContain("Paused by hand since");
  expect(line("fault", { reason: "power_fault" })).toBe("Fault: chips have no power");
});

test("heat is told in the user's unit", () => {
  const find = (key: string) => (key.endsWith("sentence.options.overheat") ? "Too hot: {value} °C. Clean it." : "");
  const localize = (key: string, values: Record<string, string> = {}) => find(key).replace(/\{(\w+)\}/gu, (_, name: string) => values[name] ?? "");
  const told = (temperature: string, entities: Fake["entities"]) => {
    const hass = fakeHass([miner("m", entities)], {}, { config: { unit_system: { temperature } }, localize } as never);
    const { line, advice } = statusOf(hass, modelOf(hass).miners[0] as HmmDevice);
    return [line.replace(/\u00a0/gu, " "), advice];
  };
  const overheated = { "sensor.status": ["overheated", { reason: "overheat", value: 76, limit: 75, unit: "°C" }] } as Fake["entities"];
  expect(told("°C", overheated)).toEqual(["Too hot: 76 of 75 °C", "Too hot: 76 °C. Clean it."]);
  expect(told("°F", overheated)).toEqual(["Too hot: 169 of 167 °F", "Too hot: 169 °F. Clean it."]);
  const alone = { "sensor.status": ["overheated", { value: 80, unit: "°C" }] } as Fake["entities"];
  expect(told("°F", alone)[0]).toContain("176 °F");
});

test("a plug that is off is the reason, and the button", () => {
  const { hass, found, status } = read({ "sensor.status": ["offline", { reason: "no_response" }], "switch.mining": "off" });
  expect(status.line).toContain("its plug is off");
  expect(remedy(hass, found, status)?.label).toBe("Turn plug on");
});

test("a button that cannot help does not exist", () => {
  const hot = (entities: Fake["entities"]) => {
    const { hass, found, status } = read({ "sensor.status": "overheated", "button.restart": "unknown", ...entities });
    return remedy(hass, found, status);
  };
  const modes: Fake["entities"] = { "select.mode": ["standard", { options: ["eco", "standard"] }] };
  expect(hot(modes)?.label).toBe("Restart in eco");
  // Restarting it as it was would overheat it again
  expect(hot({})).toBeUndefined();
  // Only of one that still mines it interrupts something
  expect(hot(modes)?.confirm).toBeUndefined();
  expect(hot({ ...modes, "sensor.status": "mining", "binary_sensor.problem": ["on", { problems: ["overheat"] }] })?.confirm).toContain("stops mining");
});

test("a miner with a warning still mines", () => {
  const { status } = read({ "binary_sensor.problem": ["on", { problems: ["weak_signal"] }] });
  expect(status).toMatchObject({ group: "warning", tone: "warn", line: "Weak WiFi signal" });
});

test("without its status entity a miner is read from what it shows", () => {
  const states = { "sensor.hashrate": "unavailable", "sensor.temperature": "unavailable", "binary_sensor.running": "unavailable" };
  const hass = fakeHass([{ id: "m", entities: states }]);
  const [found] = modelOf(hass).miners;
  expect(statusOf(hass, found as HmmDevice).group).toBe("offline");
});

test.each([
  ["ok", "ok", false, true], ["down", "err", true, false], ["stratum_down", "err", true, false], ["statistics_down", "warn", true, true],
  ["no_data", "off", false, true], ["key_refused", "warn", true, true],
])("a pool that is %s has the tone %s", (state, tone, bad, isConnected) => {
  const hass = fakeHass([pool("p", { "sensor.pool_status": state })]);
  const [found] = modelOf(hass).pools;
  expect(poolStatus(hass, modelOf(hass), found as HmmDevice)).toMatchObject({ tone, bad, isConnected });
});

test("a pool that refuses shares is connected all the same", () => {
  const hass = fakeHass([pool("p", { "binary_sensor.pool_problem": ["on", { problems: ["high_rejects"] }] })]);
  const [found] = modelOf(hass).pools;
  expect(poolStatus(hass, modelOf(hass), found as HmmDevice)).toMatchObject({ tone: "warn", bad: true, isConnected: true });
});

test("a pool whose miner is stopped is idle, not broken", () => {
  const hass = fakeHass([pool("p", { "sensor.workers": "0" })]);
  const [found] = modelOf(hass).pools;
  expect(poolStatus(hass, modelOf(hass), found as HmmDevice)).toMatchObject({ bad: false, icon: "mdi:pause", tone: "off" });
});

test("what a strategy decided has the look of a decision, and says until when", () => {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const by = { "sensor.controlled_by": ["price_bands", { strategy: "Bands", until }] } as Fake["entities"];
  const mode = (name: string) => ({ "select.mode": [name, { options: ["eco", "standard"] }] }) as Fake["entities"];
  const eco = read({ ...by, ...mode("eco") }).status;
  expect(eco).toMatchObject({ group: "mining", tone: "info", icon: "mdi:leaf" });
  expect(eco.line).toMatch(/^Eco by Bands until /u);
  expect(read({ ...by, ...mode("standard") }).status).toMatchObject({ tone: "ok", line: "" });
  expect(read(mode("eco")).status).toMatchObject({ tone: "ok", line: "" });
  const open = { "sensor.controlled_by": ["solar", { strategy: "Sun", until: null }] } as Fake["entities"];
  expect(read({ ...open, ...mode("eco") }).status.line).toBe("Eco by Sun");
  const paused = (reason: string) => ({ "sensor.status": ["paused", { reason, since: SINCE }] }) as Fake["entities"];
  expect(read({ ...by, ...paused("paused_by_strategy") }).status).toMatchObject({ tone: "info", icon: "mdi:cash-clock", form: "tint" });
  const full = { "sensor.status": ["paused", { reason: "paused_by_circuit", circuit: "Garage", limit: 2000, unit: "W", since: SINCE }] } as Fake["entities"];
  expect(read({ ...by, ...full }).status).toMatchObject({ tone: "info", icon: "mdi:fuse", line: "No room on circuit Garage" });
  expect(read({ ...by, ...paused("paused_by_user") }).status).toMatchObject({ tone: "off", icon: "mdi:pause" });
});

test("a plug that is off explains why its miner is offline", () => {
  const { status } = read({ "sensor.status": ["offline", { reason: "no_response", since: SINCE }], "switch.mining": "off" });
  expect(status.advice).toBe(`${status.line}.`);
  expect(status.advice).toMatch(/its plug is off\.$/u);
});

test("a miner costs what its sensor says, else its power at the price of now", () => {
  const price = ["0.25", { unit_of_measurement: "EUR/kWh" }] as [string, Record<string, unknown>];
  const cost = (fleet: Fake["entities"], own: Fake["entities"] = {}) => {
    const hass = fakeHass([{ ...FLEET, entities: { ...FLEET.entities, ...fleet } }, miner("m", own)]);
    const model = modelOf(hass);
    return costOf(hass, model, model.miners[0]!, 100);
  };
  expect(cost({ "sensor.price": price })).toBe("€0.60");
  expect(cost({ "sensor.price": price }, { "sensor.cost_rate": ["0.05", { unit_of_measurement: "EUR/h" }] })).toBe("€1.20");
  expect(cost({ "sensor.price": "unknown" })).toBeUndefined();
  expect(cost({})).toBeUndefined();
});

test("the odds of a day are a chance where a block is rare, and a mean where there are several", () => {
  const odds = (days: number, language = "en") => oddsOf(fakeHass([], { language }), days).replace(/\u00a0/gu, " ");
  expect(odds(87_000)).toBe("1 in 87,000 per day");
  expect(odds(20)).toBe("1 in 21 per day");
  // Not "1 in 8", and not "1 in 1"
  expect(odds(8)).toBe("12 % chance per day");
  expect(odds(1)).toBe("63 % chance per day");
  expect(odds(0.25)).toBe("4 blocks per day");
  expect(odds(8, "de")).toBe("12 % Chance pro Tag");
});
