import { afterEach, expect, test, vi } from "vitest";
import { inBulk, wordsOf as errorWords } from "../src/actions";
import { type HmmCard, Question } from "../src/card";
import { HmmFleetCard } from "../src/cards/fleet";
import { HmmMinerCard } from "../src/cards/miner";
import { HmmPoolCard } from "../src/cards/pool";
import { HmmPoolsCard } from "../src/cards/pools";
import { HmmStrategyCard } from "../src/cards/strategy";
import { HmmMinersTableCard } from "../src/cards/table";
import { HmmTuningCard } from "../src/cards/tuning";
import { formOf } from "../src/editors";
import { type Hass, openDevice } from "../src/hass";
import { modelOf } from "../src/model";
import { veiled } from "../src/status";
import { type Fake, FLEET, fakeHass, miner, pool } from "./hass";

vi.stubGlobal("document", { hidden: false });
afterEach(() => void vi.useRealTimers());

/** What a template says: its words, without what only a browser does. */
function wordsOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(wordsOf).join("");
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (!value || typeof value !== "object") return "";
  if ("_$litDirective$" in value) {
    const [items, , draw] = (value as unknown as { values: [unknown[], unknown, (item: unknown) => unknown] }).values;
    return items.map((item) => wordsOf(draw(item))).join("");
  }
  const { strings = [], values = [] } = value as { strings?: string[]; values?: unknown[] };
  return strings.map((part, index) => part + wordsOf(values[index])).join("");
}

function drawn(card: HmmCard, hass: Hass, config: object = {}): string {
  card.hass = hass;
  card.setConfig({ type: "custom:x", ...config });
  return wordsOf((card as unknown as { render(): unknown }).render()).replace(/[\u00a0\s]+/gu, " ");
}

test("an answer that comes late is not shown for the period that was chosen since", async () => {
  const answers: ((found: object) => void)[] = [];
  const connection = { sendMessagePromise: () => new Promise((resolve) => answers.push(resolve)) };
  const hass = fakeHass([pool("p", { "sensor.latency": "20" })], {}, { connection } as never);
  const [id] = Object.keys(hass.states).filter((one) => hass.states[one]?.state === "20");
  const card = new HmmPoolsCard();
  const load = () => (card as unknown as { load(): Promise<void> }).load();
  drawn(card, hass);
  const first = load();
  card.period = "hours_24";
  const second = load();
  answers[1]!({ [id!]: [{ mean: 24 }] });
  await second;
  answers[0]!({ [id!]: [{ mean: 700 }] });
  await first;
  expect(drawn(card, hass)).toContain("24 ms");
});

test("shares that come too late are missing in the part that counts, whatever the pool's own rate is", () => {
  const shares = { "sensor.shares_valid": "5200", "sensor.shares_invalid": "20", "sensor.shares_stale": "4780" };
  const hass = fakeHass([pool("p", { ...shares, "sensor.reject_rate": "0.4" }), pool("q", { "sensor.reject_rate": "0.4" })]);
  expect(drawn(new HmmPoolCard(), hass, { device_id: "p" })).toContain("52 %");
  expect(drawn(new HmmPoolCard(), hass, { device_id: "q" })).toContain("99.6 %");
});

test.each(["unavailable", "unknown"])("a pool of which all is %s is not said to be well", (state) => {
  const entities = Object.fromEntries(["sensor.pool_status", "binary_sensor.health", "binary_sensor.stratum", "binary_sensor.pool_problem", "sensor.latency", "sensor.workers"].map((key) => [key, state]));
  const hass = fakeHass([FLEET, miner("m"), pool("p", entities), pool("q")]);
  for (const layout of ["figures", "compact"]) {
    const words = drawn(new HmmPoolCard(), hass, { device_id: "p", layout });
    expect(words).toContain("Waiting for the first reading");
    expect(words).not.toMatch(/all well|Good|up to date/u);
  }
  expect(drawn(new HmmFleetCard(), hass)).toContain("1 of 2 pools connected");
  // One whose entities were disabled is told by those that are left
  expect(drawn(new HmmPoolCard(), fakeHass([{ ...pool("p"), entities: { "sensor.pool_status": "ok", "binary_sensor.stratum": "on" } }]), { device_id: "p" })).toContain("all well");
});

test("a fleet is not said to be well before each of its miners has been read", () => {
  const waiting = miner("c", { "sensor.status": ["unknown", { reason: "not_polled_yet" }], "sensor.hashrate": "unknown" });
  const words = drawn(new HmmFleetCard(), fakeHass([FLEET, miner("a"), miner("b"), waiting]));
  expect(words).toContain("2 of 3 miners are well");
  expect(words).toContain("2 are mining, 1 not read yet");
  expect(words).toMatch(/<dd class=><bdi><span class="num">2 <small>of 3/u);
  expect(drawn(new HmmFleetCard(), fakeHass([FLEET, miner("a"), waiting]))).toContain("1 of 2 miners is well");
  expect(drawn(new HmmFleetCard(), fakeHass([FLEET, waiting]))).toContain("Waiting for the first readings");
  // One that never says whether it mines has been read
  const silent = miner("d", { "sensor.status": "unknown" });
  expect(drawn(new HmmFleetCard(), fakeHass([FLEET, miner("a"), silent]))).toMatch(/Both miners are well.*1 is mining, 1 is well/u);
});

test("revenue that lacks some miners says so where it stands beside the cost of all", () => {
  const shown = (not_counted: number, state = "1.2", names = ["Loft", "Desk"]) => {
    const revenue: [string, object] = [state, { unit_of_measurement: "EUR/d", not_counted, not_counted_miners: names.slice(0, not_counted) }];
    return drawn(new HmmFleetCard(), fakeHass([{ ...FLEET, entities: { ...FLEET.entities, "sensor.revenue_rate": revenue as [string, Record<string, unknown>] } }, miner("m")]));
  };
  expect(shown(2)).toContain("Revenue without 2 miners: HMM has no account at their pools");
  expect(shown(1)).toContain("Revenue without Loft: HMM has no account at its pool");
  for (const words of [shown(0), shown(2, "unknown")]) expect(words).not.toContain("Revenue without");
});

test("a pool whose value is not known stands last, however the pools are sorted", () => {
  const hass = fakeHass(["a", "b", "c"].map((id) => pool(id, { "sensor.latency": "1" })));
  const [slow, fast] = ["a", "c"].map((id) => modelOf(hass).byId.get(id)!.entities["sensor.latency"]!);
  const card = new HmmPoolsCard();
  card.found = { [slow!]: [{ mean: 90 }], [fast!]: [{ mean: 20 }] };
  card.sorted = "response";
  const order = [...drawn(card, hass).matchAll(/title=(\w) /gu)].map(([, id]) => id);
  expect(order).toEqual(["c", "a", "b"]);
});

test("what is expected is drawn in the unit of the line", () => {
  const hass = fakeHass([miner("m", { "sensor.hashrate": ["1070", { unit_of_measurement: "GH/s" }], "sensor.hashrate_expected": ["1.2", { unit_of_measurement: "TH/s" }] })]);
  expect(drawn(new HmmMinerCard(), { ...hass, connection: { addEventListener: () => undefined, subscribeMessage: async () => undefined } as never }, { device_id: "m", layout: "detailed" })).toContain(".expected=1200");
});

test("a group of miners without a reading has no sum, and no zero", () => {
  const silent = { "sensor.status": "offline", "sensor.hashrate": "unavailable", "sensor.power": "unavailable" };
  const hass = fakeHass([miner("a", silent), miner("b", { "sensor.power": "unknown" })]);
  const words = drawn(new HmmMinersTableCard(), hass);
  expect(words).not.toContain("0 TH/s");
  expect(words).not.toContain("0 W");
  expect(words).toContain("1.07 TH/s");
});

test("a miner that waits for its minimum time is not said to be where its strategy wants it", () => {
  const strategy = { id: "s", device: { entry_type: "service", via_device_id: "fleet" }, entities: { "sensor.strategy_status": "steering" } };
  const hass = fakeHass([FLEET, strategy]);
  const planned = (name: string, key: string) => ({ name, entryId: name, by: "price_bands", reason: { key, explanation: `${name} waits for Standard: 3 min ago.` }, until: undefined });
  const steps = [{ from: 0, to: undefined, rung: "normal", level: "normal" }];
  const card = new HmmStrategyCard();
  card.ahead = { kind: "price_bands", bands: [], past: undefined, lanes: [{ miners: [planned("Axe", "band"), planned("Ultra", "hold_miner")], steps }] };
  const words = drawn(card, hass, { device_id: "s" });
  expect(words).toContain("Ultra waits for Standard");
  expect(words).not.toContain("Axe waits");
  expect(words).toMatch(/<\/strong> Axe<\/bdi>/u);
  // Nor is it named twice where another strategy tells of it
  card.ahead.kind = "calendar";
  expect(drawn(card, hass, { device_id: "s" })).not.toContain("Ultra</bdi>: Ultra");
});

test("only administrators are led to pages of the settings", () => {
  const went: string[] = [];
  vi.stubGlobal("history", { pushState: (_: null, __: string, path: string) => went.push(path) });
  vi.stubGlobal("window", new EventTarget());
  const asked: string[] = [];
  const from = new EventTarget();
  from.addEventListener("hass-more-info", (event) => asked.push((event as CustomEvent<{ entityId: string }>).detail.entityId));
  const hass = fakeHass([miner("m")]);
  const [found] = modelOf(hass).miners;
  openDevice(hass, from, found!);
  openDevice({ ...hass, user: { is_admin: false } }, from, found!);
  expect(went).toEqual(["/config/devices/device/m"]);
  expect(asked).toEqual([found!.entities["sensor.status"]]);
  const card = new HmmFleetCard();
  card.hass = { ...hass, user: { is_admin: false } };
  card.setConfig({ type: "custom:hmm-fleet-card" });
  (card as unknown as { showAll(): void }).showAll();
  expect(went).toHaveLength(1);
});

test("what failed is forgotten once its entity has changed", async () => {
  const hass = fakeHass([FLEET, miner("m", { "select.mode": ["eco", {}] })]);
  const card = new HmmFleetCard() as unknown as HmmCard & {
    perform(key: string, label: string, entity: string, action: () => Promise<unknown>): Promise<void>;
    failure(key: string): string | undefined;
  };
  drawn(card, hass);
  const mode = modelOf(hass).miners[0]!.entities["select.mode"]!;
  await card.perform("mode", "x", mode, () => Promise.reject(new Error("no")));
  expect(card.failure("mode")).toContain("no");
  card.hass = { ...hass, states: { ...hass.states, [mode]: { ...hass.states[mode]!, state: "turbo" } } };
  expect(card.failure("mode")).toBeUndefined();
});

type Doing = HmmCard & {
  perform(key: string, label: string, entity: string | undefined, action: () => Promise<unknown>): Promise<void>;
  failure(key: string): string | undefined;
};

test("what failed is told in the user's language, and never as an object", async () => {
  const said = (key: string, values?: Record<string, unknown>) => (key.endsWith("connection_lost") ? "Verbindung getrennt" : key === "component.hmm.exceptions.no_pause.message" ? `${values?.host} kann nicht pausieren` : "");
  const hass = fakeHass([FLEET, miner("m")], {}, { localize: said, loadBackendTranslation: async () => said });
  const card = new HmmFleetCard() as unknown as Doing;
  drawn(card, hass);
  const told = async (error: unknown) => {
    await card.perform("pause", "x", undefined, () => Promise.reject(error));
    return card.failure("pause");
  };
  const refusal = { code: "service_validation_error", message: "Axe cannot pause", translation_domain: "hmm", translation_key: "no_pause", translation_placeholders: { host: "Axe" } };
  expect(await told(refusal)).toBe("That did not work: Axe kann nicht pausieren");
  expect(await told({ ...refusal, translation_key: "other" })).toBe("That did not work: Axe cannot pause");
  // As the connection rejects what was on its way when it was lost, and what is sent while it is
  for (const lost of [{ type: "result", success: false, error: { code: 3, message: "Connection lost" } }, 3]) {
    expect(await told(lost)).toBe("That did not work: Verbindung getrennt");
  }
});

test("a profile that could not be applied says so", async () => {
  const hass = fakeHass([miner("m", { "select.mode": ["eco", { options: ["eco", "Night"] }], "sensor.autotune": "idle" })]);
  const card = new HmmTuningCard();
  card.profiles = [{ name: "Night", hashrate: 1, power: 15, temperature: 55 }];
  drawn(card, hass, { device_id: "m" });
  await (card as unknown as Doing).perform("Night", "x", undefined, () => Promise.reject(new Error("too hot")));
  expect(drawn(card, hass, { device_id: "m" })).toContain("That did not work: too hot");
});

test.each([
  ["statistics", () => new HmmPoolsCard(), { sendMessagePromise: true }],
  ["plan", () => new HmmStrategyCard(), { callService: true }],
  ["profiles", () => new HmmTuningCard(), { callService: true }],
])("%s that Home Assistant could not give yet are asked for again, and are not said to be none", async (_, make, { sendMessagePromise }: { sendMessagePromise?: boolean; callService?: boolean }) => {
  vi.useFakeTimers();
  let asked = 0;
  const ask = async () => {
    if (!asked++) throw { code: "unknown_command", message: "Unknown command." };
    return { response: { strategies: [{ kind: "price_bands" }], miners: [{ profiles: [{ name: "Night" }] }] } };
  };
  const hass = fakeHass([pool("p", { "sensor.latency": "20" }), miner("m", { "sensor.autotune": "idle", "select.mode": "eco" }),
    { id: "s", device: { entry_type: "service" }, entities: { "sensor.strategy_status": "steering" } }], {},
    sendMessagePromise ? ({ connection: { sendMessagePromise: ask } } as never) : { callService: ask });
  const card = make();
  const config = { device_id: card instanceof HmmStrategyCard ? "s" : "m" };
  const { load } = card as unknown as { load(): Promise<void> };
  drawn(card, hass, config);
  await load.call(card);
  expect(drawn(card, hass, config)).not.toMatch(/No statistics|No profile/u);
  await load.call(card);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(31_000);
  await load.call(card);
  expect(asked).toBe(2);
  await load.call(card);
  expect(asked).toBe(2);
});

test.each(["unauthorized", "home_assistant_error", "service_validation_error"])("who was refused with %s is not asked for again: Home Assistant logs each", async (code) => {
  vi.useFakeTimers();
  const question = new Question();
  let asked = 0;
  for (let minute = 0; minute < 5; minute++) {
    await question.ask("plan", () => Promise.reject({ code: ++asked && code }), () => undefined);
    await vi.advanceTimersByTimeAsync(60_000);
  }
  expect(asked).toBe(1);
});

test("a plan is not worked out again for each of many miners that a strategy sets", async () => {
  vi.useFakeTimers();
  let asked = 0;
  const callService = async () => ({ response: { strategies: [{ kind: `${++asked}` }] } });
  const strategy = { id: "s", device: { entry_type: "service" }, entities: { "sensor.strategy_status": "steering" } };
  const names = Array.from({ length: 40 }, (_, index) => `m${index}`);
  const hass = fakeHass([strategy, ...names.map((name) => miner(name, { "sensor.controlled_by": "nothing" }))], {}, { callService });
  const card = new HmmStrategyCard();
  const load = () => (card as unknown as { load(): Promise<void> }).load();
  // As the browser does after each change
  card.requestUpdate = () => void load();
  drawn(card, hass, { device_id: "s" });
  for (const name of names) {
    const id = modelOf(hass).byId.get(name)!.entities["sensor.controlled_by"]!;
    card.hass = { ...card.hass, states: { ...card.hass.states, [id]: { ...hass.states[id]!, state: "price_bands" } } };
    await load();
    await vi.advanceTimersByTimeAsync(250);
  }
  await vi.advanceTimersByTimeAsync(60_000);
  // At once, in between, and when it has set the last one
  expect(asked).toBe(3);
  expect(card.ahead?.kind).toBe("3");
});

test("a question that has lost its action gives the buttons back", () => {
  const entities = { "button.restart": "unknown", "switch.mining": "on" };
  const card = new HmmMinerCard();
  card.preview = true;
  (card as unknown as { asking: string }).asking = "foot1";
  const config = { device_id: "m", layout: "detailed" };
  expect(drawn(card, fakeHass([miner("m", entities)]), config)).toContain("Cancel");
  const offline = { "sensor.status": "offline", "switch.mining": "unavailable", "button.restart": "unavailable" };
  const words = drawn(card, fakeHass([miner("m", offline)]), config);
  expect(words).not.toContain("Cancel");
  expect(words.match(/Check again/gu)).toHaveLength(1);
  // And does not come back by itself when the miner does
  expect(drawn(card, fakeHass([miner("m", entities)]), config)).not.toContain("Cancel");
  // In the line of its reason as well
  (card as unknown as { asking: string }).asking = "fix";
  expect(drawn(card, fakeHass([miner("m", offline)]), config)).toContain("Check again");
});

test("many miners are asked by one action, which spreads them, and those that failed are named", async () => {
  const calls: unknown[] = [];
  const callService = async (...call: unknown[]) => {
    calls.push(call);
    return { response: { miners: [{ device_id: "a", success: true }, { device_id: "b", success: false }] } };
  };
  const hass = fakeHass([miner("a"), miner("b", {}, { name: "Bee" })], {}, { callService });
  await expect(inBulk(hass, "restart", modelOf(hass).miners)).rejects.toThrow("(Bee)");
  expect(calls).toEqual([["hmm", "restart", {}, { device_id: ["a", "b"] }, false, true]]);
});

test("a card is for devices of one kind: its editor offers no other, and it draws none as if it were one", () => {
  const strategy = { id: "s", device: { entry_type: "service" }, entities: { "sensor.strategy_status": "steering" } };
  const worker = { id: "w", entities: { "binary_sensor.online": "on" } };
  const hass = fakeHass([FLEET, miner("m"), pool("p"), strategy, worker]);
  const offered = (card: string) => JSON.stringify(formOf(card, modelOf(hass), (key) => key)).match(/"value":"."/gu);
  for (const card of ["miner", "miners", "miners-table", "tuning"]) expect(offered(`hmm-${card}-card`)).toEqual(['"value":"m"']);
  for (const card of ["pool", "pools"]) expect(offered(`hmm-${card}-card`)).toEqual(['"value":"p"']);
  expect(offered("hmm-strategy-card")).toEqual(['"value":"s"']);

  const kinds = { m: [HmmMinerCard, HmmTuningCard], p: [HmmPoolCard], s: [HmmStrategyCard] };
  for (const [id, cards] of Object.entries(kinds)) {
    for (const Card of cards) {
      for (const other of ["m", "p", "s", "w", "fleet"]) {
        const words = drawn(new Card(), hass, { device_id: other });
        if (other === id) expect(words).not.toContain("in the editor of this card");
        else expect(words).toMatch(/Choose a .* in the editor of this card/u);
      }
      expect(drawn(new Card(), hass, { device_id: "removed" })).toContain("does not exist any more");
    }
  }
});

test("who may only look is told so in their language: Home Assistant says Unauthorized to everybody", async () => {
  for (const code of ["home_assistant_error", "unauthorized"]) {
    expect(await errorWords(fakeHass([]), { code, message: "Unauthorized" })).toBe("your user is not allowed to do this");
  }
});

/** Press what has a key; a select is given a value. */
function press(card: HmmCard, key: string, value = ""): void {
  const find = (it: unknown): ((event: object) => void) | undefined => {
    if (Array.isArray(it)) return it.map(find).find(Boolean);
    const values = (it as { values?: unknown[] } | undefined)?.values;
    if (!values) return undefined;
    const [, , draw] = values as [unknown, unknown, (item: unknown) => unknown];
    if ("_$litDirective$" in (it as object)) return (values[0] as unknown[]).map((item) => find(draw(item))).find(Boolean);
    const isIt = (it as { strings: string[] }).strings.some((part, index) => part.endsWith("data-key=") ? values[index] === key : part.includes(`data-key="${key}"`));
    return (isIt ? (values.find((one) => typeof one === "function") as (event: object) => void) : undefined) ?? values.map(find).find(Boolean);
  };
  find((card as unknown as { render(): unknown }).render())!({ target: { value } });
}

test.each([
  ["pause", "Pause 2 miners? They stop mining"],
  ["resume", "Resume 2 miners?"],
  ["restart", "Restart 4 miners? Each stops mining"],
  ["set_mode", "Set 2 miners to eco?"],
])("%s for several asks first, and does nothing before its answer; for one it does not, but to restart", (action, asked) => {
  const called: unknown[] = [];
  const mode = { "select.mode": ["turbo", { options: ["eco", "turbo"] }] } as const;
  const miners = [0, 1].flatMap((index) => [
    miner(`on${index}`, { "switch.mining": "on", "button.restart": "unknown", "select.mode": [...mode["select.mode"]] }),
    miner(`off${index}`, { "switch.mining": "off", "button.restart": "unknown" }),
  ]);
  const hass = fakeHass(miners, {}, { callService: async (...call: unknown[]) => (called.push(call[1]), { response: { miners: [] } }) });
  const key = action === "set_mode" ? "mode" : action;
  const selecting = (ids: string[]) => {
    const card = new HmmMinersTableCard();
    (card as unknown as { selected: Set<string> }).selected = new Set(ids);
    drawn(card, hass);
    press(card, key, "eco");
    return drawn(card, hass);
  };
  const words = selecting(miners.map(({ id }) => id));
  expect(words).toContain(asked);
  expect(words).toContain("Cancel");
  expect(called).toEqual([]);
  const one = selecting([action === "resume" ? "off0" : "on0"]);
  if (action === "restart") expect(one).toContain("Restart on0?");
  else expect(called).toEqual([action]);
});

test("while private data is hidden, no message names a pool, an address or a wallet", async () => {
  const wallet = "bc1qwd5k6atvv96x2epqd45kuetjyysjzgfptrdzvt";
  const secrets = ["192.168.1.50", "axe", "bitaxe.local", "solo.ckpool.org", "fe80::1:2:3", "AA:BB:CC:DD:EE:FF", wallet, "My savings"];
  const said = [
    "192.168.1.50:80 does not respond", "http://axe/api accepts no connection", "axe:8080 is busy", "Host bitaxe.local is not known", "stratum+tcp://solo.ckpool.org:3333 refused",
    "[fe80::1:2:3]:80 refused", "Another miner (AA:BB:CC:DD:EE:FF) responds", `${wallet}.worker is not known`, "The account My savings is gone",
  ];
  const host = { configuration_url: "http://axe/" };
  const devices = (words: string) => [
    { ...FLEET, entities: { ...FLEET.entities, "sensor.problems": ["2", { problems: ["m", "p"].map((device_id) => ({ device_id, problems: ["x"], sentence: words })) }] as [string, object] } },
    miner("m", { "sensor.status": "unavailable" }, { name: "Desk", ...host }),
    { ...pool("p"), name: "My savings", entities: { "sensor.pool_status": "unavailable", "binary_sensor.health": "unavailable" } },
    { id: "s", device: { entry_type: "service" as const }, entities: { "sensor.strategy_status": ["steering", { explanation: words }] as [string, object] } },
  ];
  const all = async () => {
    const words: string[] = [];
    for (const sentence of said) {
      const hass = fakeHass(devices(sentence) as Fake[]);
      for (const [card, config] of [[new HmmFleetCard(), {}], [new HmmMinerCard(), { device_id: "m" }], [new HmmPoolCard(), { device_id: "p" }], [new HmmStrategyCard(), { device_id: "s" }]] as const) {
        drawn(card, hass, config);
        await (card as unknown as Doing).perform("m", "x", undefined, () => Promise.reject(new Error(sentence)));
        words.push(drawn(card, hass, config), (card as unknown as Doing).failure("m")!);
      }
    }
    return words.join("\n");
  };
  const open = await all();
  for (const secret of secrets) expect(open).toContain(secret);
  vi.stubGlobal("localStorage", { getItem: () => "1" });
  const hidden = await all();
  vi.unstubAllGlobals();
  vi.stubGlobal("document", { hidden: false });
  for (const secret of secrets) expect(hidden).not.toMatch(new RegExp(`(?<!\\w)${secret.replaceAll(".", "\\.")}(?!\\w)`, "u"));
  for (const kept of ["••• does not respond", "••• accepts no connection", "The account Pool 1 · BCH is gone", "Desk"]) expect(hidden).toContain(kept);
});

test("what is no address stays as it is while private data is hidden", () => {
  vi.stubGlobal("localStorage", { getItem: () => "1" });
  const words = "Firmware 2.12.1 is 1.07 TH/s since 14:02:33, e.g. at switch.plug. Stromversorgungsunterbrechung: hmm.set_mode.";
  expect(veiled(fakeHass([FLEET]), words)).toBe(words);
  vi.unstubAllGlobals();
  vi.stubGlobal("document", { hidden: false });
});

test.each([
  ["nano-3s refused, so did nano-3s.lan:80", "••• refused, so did •••"],
  ["fd00::10 is silent, [fd00::10]:80 too", "••• is silent, ••• too"],
  ["http://axe7:80/x and tcp://u:p@axe8 are silent", "••• and ••• are silent"],
  ["A cable. At A, B$& and BCH, not BCHX", "Pool 1 · BCH cable. At Pool 1 · BCH, Pool 2 · BCH and Pool 3 · BCH, not BCHX"],
])("while private data is hidden, %s", (words, shown) => {
  vi.stubGlobal("localStorage", { getItem: () => "1" });
  const hosts = ["nano-3s", "nano-3s.lan", "[fd00::10]"].map((host) => miner(host, {}, { configuration_url: `http://${host}/` }));
  const pools = ["A", "B$&", "BCH"].map((name) => ({ ...pool(name), name }));
  expect(veiled(fakeHass([FLEET, ...hosts, ...pools]), words)).toBe(shown);
  vi.unstubAllGlobals();
  vi.stubGlobal("document", { hidden: false });
});

test.each(["a.", "a", "a-", "a+", "a_", "ab1.", ":", "a:", "[", "://", "A"])("hiding private data in a long text of %s takes no seconds", (part) => {
  vi.stubGlobal("localStorage", { getItem: () => "1" });
  const hass = fakeHass([FLEET, pool("A"), miner("m", {}, { configuration_url: "http://a/" })]);
  const began = performance.now();
  veiled(hass, part.repeat(120_000 / part.length));
  expect(performance.now() - began).toBeLessThan(2_000);
  vi.unstubAllGlobals();
  vi.stubGlobal("document", { hidden: false });
});
