// What a miner or pool does and why, as an icon, a tone and words.

import * as f from "./format";
import type { Hass, HassState } from "./hass";
import { type HmmDevice, isKnown, listOf, type Model, modelOf, nameOf, stateOf } from "./model";
import { maybeText, text, type TextKey } from "./texts";

export type Tone = "ok" | "info" | "warn" | "err" | "off" | "neu";
/** Filled: it needs a person. Tinted: normal. Ring: wait. */
export type Form = "tint" | "solid" | "ring";
export type Group = "overheated" | "fault" | "offline" | "no_pool" | "no_shares" | "not_mining" | "slow" | "warning"
  | "starting" | "unknown" | "resting" | "mining";

export interface Status {
  group: Group;
  tone: Tone;
  form: Form;
  icon: string;
  /** One or two words. */
  word: string;
  /** One line with the reason; empty while mining, when figures say more. */
  line: string;
  /** The line with more of the story, where there is room. */
  longLine: string;
  /** What the integration says: the reason and what to do. */
  advice: string;
  reason?: string;
  since?: Date;
  /** Smaller is more urgent. */
  rank: number;
  /** Whether its first reading is still to come. */
  isWaiting: boolean;
}

const ORDER: Group[] = [
  "overheated", "fault", "offline", "no_pool", "no_shares", "not_mining", "slow", "warning",
  "starting", "unknown", "mining", "resting",
];
/** Those that need a person. */
const ATTENTION = new Set<Group>(ORDER.slice(0, 8));

const LOOKS: Record<Group, readonly [Tone, Form, string]> = {
  overheated: ["err", "solid", "mdi:thermometer-alert"],
  fault: ["err", "solid", "mdi:alert-circle"],
  offline: ["err", "solid", "mdi:lan-disconnect"],
  no_pool: ["err", "solid", "mdi:server-off"],
  no_shares: ["warn", "solid", "mdi:timer-alert-outline"],
  not_mining: ["warn", "solid", "mdi:pickaxe"],
  slow: ["warn", "solid", "mdi:speedometer-slow"],
  warning: ["warn", "solid", "mdi:alert"],
  starting: ["info", "ring", "mdi:timer-sand"],
  unknown: ["off", "tint", "mdi:help"],
  mining: ["ok", "tint", "mdi:pickaxe"],
  resting: ["off", "tint", "mdi:pause"],
};

const GROUPS: Record<string, Group> = {
  off: "resting",
  paused: "resting",
  updating: "starting",
  tuning: "starting",
  ...(Object.fromEntries(ORDER.map((group) => [group, group])) as Record<Group, Group>),
};

const ICONS: Record<string, string> = {
  updating: "mdi:package-up",
  tuning: "mdi:tune-vertical",
  off: "mdi:power-plug-off",
  hot: "mdi:thermometer-high",
  weak_signal: "mdi:wifi-strength-1-alert",
  restart_loop: "mdi:restart-alert",
  high_rejects: "mdi:share-off",
};

/** What stands for a kind of strategy, or the user, that decides for a miner. */
const DECIDERS: Record<string, string> = {
  price_bands: "mdi:cash-clock",
  solar: "mdi:solar-power",
  calendar: "mdi:calendar-clock",
  quiet_hours: "mdi:calendar-clock",
  heat: "mdi:radiator",
  champion: "mdi:podium-gold",
};
/** Modes that save power, by their names. */
export const COOLER = ["eco", "low", "night"];

export function needsAttention(status: Status): boolean {
  return ATTENTION.has(status.group);
}

/** Attributes as the sentences name them, numbers in the user's locale. */
function values(hass: Hass, state: HassState | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(state?.attributes ?? {})) {
    if (typeof value === "number" && state?.attributes.unit === "°C") found[name] = f.number(hass, f.temperature(hass, value)[0]);
    else if (typeof value === "number") found[name] = f.number(hass, value, Number.isInteger(value) ? 0 : 1);
    else if (typeof value === "string") found[name] = value;
  }
  const until = f.readTime(state?.attributes.until);
  if (until) found.until = found.time = f.moment(hass, until);
  return found;
}

const MISSING = "\u{fffd}";

/** A text of the integration; empty if there is none, or if it names a value that is not known. */
export function say(hass: Hass, key: string, named: Record<string, string> = {}): string {
  // Home Assistant logs an error for each value that is missing: let there be one, and see whether it was used
  const values = new Proxy(named, { has: () => true, get: (target, name) => Reflect.get(target, name) ?? MISSING });
  try {
    const found = hass.localize(`component.hmm.${key}`, values) || "";
    return found.includes(MISSING) || /[{}]|^Translation error/u.test(found) ? "" : found;
  } catch {
    return "";
  }
}

/** The integration's own sentence for a reason: what is wrong and what to do. */
function adviceOf(hass: Hass, reason: string | undefined, state: HassState | undefined): string {
  if (!reason) return "";
  const sentence = say(hass, `selector.sentence.options.${reason}`, values(hass, state));
  return sentence.replaceAll("°C", f.temperature(hass, 0)[1]) || say(hass, `entity.sensor.status.state_attributes.reason.state.${reason}`)
    || say(hass, `entity.binary_sensor.problem.state_attributes.problems.state.${reason}`);
}

function firstSentence(words: string): string {
  return words.split(/(?<=[.!?。])\s/u)[0]?.replace(/[.。]$/u, "") ?? "";
}

function ofLimit(hass: Hass, state: HassState | undefined): { value: string; limit: string } | undefined {
  const { value, limit, unit } = state?.attributes ?? {};
  if (typeof value !== "number" || typeof limit !== "number") return undefined;
  if (unit === "°C") return { value: f.number(hass, f.temperature(hass, value)[0]), limit: f.degrees(hass, limit) };
  return { value: f.number(hass, value, 2), limit: f.join([f.number(hass, limit, 2), String(unit ?? "")]) };
}

/** Why Home Assistant could not even set up a miner or pool: none of its own entities says anything. */
function whyAbsent(hass: Hass, device: HmmDevice): { problems: string[]; sentence: string } | undefined {
  const given: unknown = stateOf(hass, modelOf(hass).fleet, "sensor.problems")?.attributes.problems;
  return Array.isArray(given) ? given.find(({ device_id }) => device_id === device.id) : undefined;
}

/** Read what a miner does; without its status entity from what else it shows. */
export function statusOf(hass: Hass, miner: HmmDevice): Status {
  const entity = stateOf(hass, miner, "sensor.status");
  const problem = stateOf(hass, miner, "binary_sensor.problem");
  let state = entity && isKnown(entity) ? entity.state : undefined;
  if (!entity) state = guess(hass, miner);
  const absent = entity?.state === "unavailable" ? whyAbsent(hass, miner) : undefined;
  if (absent) state = "offline";
  let group: Group = state === undefined ? "unknown" : GROUPS[state] ?? "unknown";
  let reason = typeof entity?.attributes.reason === "string" ? entity.attributes.reason : absent?.problems[0];
  const problems = listOf(problem, "problems");
  const isWarning = problem?.state === "on" && !ATTENTION.has(group) && group !== "resting";
  if (isWarning) {
    group = problems.includes("overheat") ? "overheated" : "warning";
    reason = problems[0];
  }
  const source = isWarning ? problem : entity ?? stateOf(hass, miner, "binary_sensor.running") ?? stateOf(hass, miner, "sensor.hashrate");
  const since = absent ? undefined : f.readTime(source?.attributes.since) ?? f.readTime(source?.last_changed);
  const status: Status = {
    group,
    tone: LOOKS[group][0],
    form: LOOKS[group][1],
    icon: ICONS[state ?? ""] ?? ICONS[isWarning ? reason ?? "" : ""] ?? LOOKS[group][2],
    word: entity && isKnown(entity) && !isWarning ? hass.formatEntityState(entity) : wordOf(hass, group),
    line: "",
    longLine: "",
    advice: absent?.sentence ?? adviceOf(hass, reason, source),
    rank: ORDER.indexOf(group),
    isWaiting: group === "unknown" && !isSilent(source, since),
    ...(reason ? { reason } : {}),
    ...(since ? { since } : {}),
  };
  status.line = lineOf(hass, miner, status, state, source);
  decided(hass, miner, status);
  // The plug explains it better than "no response"
  if (group === "offline" && stateOf(hass, miner, "switch.mining")?.state === "off") status.advice = `${status.line}.`;
  status.longLine =
    group === "overheated" && since && !isWarning
      ? text(hass, "line_overheated_since", { line: status.line, time: f.moment(hass, since) })
      : status.line;
  for (const part of ["line", "longLine", "advice"] as const) status[part] = veiled(hass, status[part]);
  return status;
}

/** What a strategy decided is no fault and no accident: it has the look of a decision, and says until when. */
function decided(hass: Hass, miner: HmmDevice, status: Status): void {
  if (status.group === "resting" && status.reason === "paused_by_circuit") {
    Object.assign(status, { tone: "info", icon: "mdi:fuse" });
    return;
  }
  const control = stateOf(hass, miner, "sensor.controlled_by");
  const icon = DECIDERS[control?.state ?? ""];
  if (!control || !icon) return;
  if (status.group === "resting" && status.reason === "paused_by_strategy") {
    Object.assign(status, { tone: "info", icon });
    return;
  }
  const mode = stateOf(hass, miner, "select.mode");
  if (status.group !== "mining" || !isKnown(mode) || !COOLER.includes(mode.state)) return;
  const until = f.readTime(control.attributes.until);
  const values = { mode: hass.formatEntityState(mode), strategy: String(control.attributes.strategy ?? "") };
  Object.assign(status, { tone: "info", icon: "mdi:leaf" });
  status.line = until ? text(hass, "line_mode_by", { ...values, time: f.moment(hass, until) }) : text(hass, "line_mode_by_plain", values);
}

function wordOf(hass: Hass, group: Group): string {
  if (group === "mining") return text(hass, "word_mining");
  if (group === "resting") return text(hass, "word_resting");
  return text(hass, ATTENTION.has(group) ? "word_attention" : "word_waiting");
}

/** Whether a miner responds and does not say whether it mines. */
function isSilent(source: HassState | undefined, since: Date | undefined): boolean {
  return source?.state === "unknown" && source.attributes.reason == null && since !== undefined && Date.now() - since.getTime() > 120_000;
}

function lineOf(hass: Hass, miner: HmmDevice, status: Status, state: string | undefined, source?: HassState): string {
  const { group, reason, since } = status;
  if (group === "mining") return "";
  const time = since ? f.moment(hass, since) : "";
  const timed = (key: "line_offline" | "line_no_pool" | "line_not_mining") =>
    since ? text(hass, key, { time }) : text(hass, `${key}_plain`);
  const own = (key: string | undefined) => maybeText(hass, `line_${key}`, { ...values(hass, source), time });
  switch (group) {
    case "overheated": {
      const limit = ofLimit(hass, source);
      if (limit) return text(hass, "line_overheated", limit);
      const { value } = source?.attributes ?? {};
      return typeof value === "number"
        ? text(hass, "line_overheated_value", { value: f.degrees(hass, value) })
        : text(hass, "line_overheated_plain");
    }
    case "offline": {
      const plugOff = stateOf(hass, miner, "switch.mining")?.state === "off";
      const why = plugOff ? text(hass, "why_plug") : maybeText(hass, `why_${reason}`) ?? firstSentence(status.advice);
      return why ? `${timed("line_offline")}: ${why}` : timed("line_offline");
    }
    case "fault": {
      const why = maybeText(hass, `why_${reason}`) ?? firstSentence(status.advice);
      return why ? `${text(hass, "line_fault")}: ${why}` : text(hass, "line_fault");
    }
    case "no_pool":
      return timed("line_no_pool");
    case "slow": {
      const limit = ofLimit(hass, source);
      return limit ? text(hass, "line_slow", limit) : text(hass, "line_slow_plain");
    }
    case "not_mining":
      return timed("line_not_mining");
    case "unknown":
      return text(hass, status.isWaiting ? "line_first" : "line_unknown");
    default: {
      const line = own(reason) ?? own(state);
      if (line && !line.includes("{")) return line;
      return firstSentence(status.advice) || maybeText(hass, `line_${reason}_plain`)
        || text(hass, group === "warning" ? "line_problem" : (`line_${PLAIN[group] ?? "starting"}` as TextKey));
    }
  }
}

const PLAIN: Partial<Record<Group, string>> = { resting: "paused", no_shares: "no_shares" };

const FAULTS = new Set(["power_fault", "hardware_fault", "chip_error", "fan_fault", "fan_stopped", "no_core_voltage"]);

/** The state of a miner whose status entity was disabled. */
function guess(hass: Hass, miner: HmmDevice): string | undefined {
  const readings = ["sensor.hashrate", "binary_sensor.running", "sensor.temperature"].map((key) => stateOf(hass, miner, key));
  const online = stateOf(hass, miner, "binary_sensor.online");
  const plug = stateOf(hass, miner, "switch.mining");
  const there = readings.filter((state) => state !== undefined);
  if (online?.state === "off" || (there.length && there.every((state) => state.state === "unavailable"))) {
    return plug?.state === "off" ? "off" : "offline";
  }
  const problem = stateOf(hass, miner, "binary_sensor.problem");
  const problems = listOf(problem, "problems");
  if (problems.includes("overheat")) return "overheated";
  if (problems.some((key) => FAULTS.has(key))) return "fault";
  if (plug?.state === "off") return "paused";
  const running = stateOf(hass, miner, "binary_sensor.running")?.state;
  if (running === "off") return "not_mining";
  const hashrate = f.readHashrate(stateOf(hass, miner, "sensor.hashrate"));
  return running === "on" || (hashrate ?? 0) > 0 ? "mining" : undefined;
}

// ---- pools

export interface PoolStatus {
  tone: Tone;
  form: Form;
  icon: string;
  line: string;
  bad: boolean;
  /** Whether miners can connect, whatever else is wrong with it. */
  isConnected: boolean;
}

export function poolStatus(hass: Hass, model: Model, pool: HmmDevice): PoolStatus {
  const status = stateOf(hass, pool, "sensor.pool_status");
  const health = stateOf(hass, pool, "binary_sensor.health");
  const stratum = stateOf(hass, pool, "binary_sensor.stratum");
  const problem = stateOf(hass, pool, "binary_sensor.pool_problem");
  const statisticsDown = health?.state === "off";
  const stratumDown = stratum?.state === "off";
  let state = status && isKnown(status) ? status.state : undefined;
  state ??= statisticsDown && stratumDown ? "down" : statisticsDown ? "statistics_down" : stratumDown && problem?.state === "on"
    ? "stratum_down" : health?.attributes.reason === "no_data" ? "no_data" : isKnown(health) || isKnown(stratum) ? "ok" : undefined;
  const icon = "mdi:server-network";
  const look = (tone: Tone, form: Form, line: string, bad = form === "solid"): PoolStatus => ({
    tone, form, icon, line: veiled(hass, line), bad, isConnected: state !== undefined && state !== "down" && state !== "stratum_down",
  });
  const word = (key: TextKey) => {
    const own = status && isKnown(status) ? hass.formatEntityState(status) : "";
    return own && own !== status?.state ? own : text(hass, key);
  };
  switch (state) {
    case "down":
      return look("err", "solid", word("pool_down"));
    case "stratum_down":
      return look("err", "solid", word("pool_stratum"));
    case "statistics_down":
      return look("warn", "solid", word("pool_statistics"));
    case "no_data":
      return look("off", "tint", word("no_data"));
    case "ok": {
      if (problem?.state === "on") return look("warn", "solid", poolProblem(hass, problem));
      const workers = f.numeric(stateOf(hass, pool, "sensor.workers"));
      const hashrate = f.readHashrate(stateOf(hass, pool, "sensor.hashrate"));
      if (workers === 0 || (workers === undefined && hashrate === 0)) {
        const [first, ...others] = model.miners.filter((miner) => model.poolsOf.get(miner.id)?.includes(pool));
        const line = first && !others.length ? text(hass, "idle_one", { name: nameOf(first) }) : text(hass, "idle");
        return { ...look("off", "tint", line), icon: "mdi:pause" };
      }
      return look("ok", "tint", "");
    }
    case undefined: {
      const absent = whyAbsent(hass, pool);
      if (absent) return look("err", "solid", firstSentence(absent.sentence));
      return { ...look("off", "tint", text(hass, "line_first")), icon: "mdi:help" };
    }
    default:
      return look("warn", "solid", status ? hass.formatEntityState(status) : text(hass, "line_problem"));
  }
}

function poolProblem(hass: Hass, problem: HassState): string {
  const [first] = listOf(problem, "problems");
  const sentence = say(hass, `entity.binary_sensor.pool_problem.state_attributes.problems.state.${first}`);
  return firstSentence(sentence) || maybeText(hass, `line_${first}`) || text(hass, "line_problem");
}

// ---- privacy

const PRIVATE = "hmm-private";

export function isPrivate(): boolean {
  try {
    return localStorage.getItem(PRIVATE) === "1";
  } catch {
    return false;
  }
}

export function setPrivate(hidden: boolean): void {
  try {
    localStorage.setItem(PRIVATE, hidden ? "1" : "0");
  } catch {
    // A browser that stores nothing: nothing is hidden
  }
  window.dispatchEvent(new Event(PRIVATE));
}

export function onPrivate(callback: () => void): () => void {
  window.addEventListener(PRIVATE, callback);
  return () => window.removeEventListener(PRIVATE, callback);
}

/** What stands in place of an address. */
const HIDDEN = "•••";

/**
 * Addresses, with their port and path; wallets, with their worker. No entity of Home Assistant.
 *
 * What repeats has an end: a long text would take seconds.
 */
const ADDRESSES =
  /(?:bitcoincash:)?\b(?=[a-z]*\d)[a-z0-9]{26,}(?:[._][\w-]+)?|\b(?:[\da-f]{2}[:-]){5}[\da-f]{2}\b|[\w+]{1,20}:\/\/[^\s,;]+|(?:\[[\da-f:.]{2,45}\]|\b(?:[\da-f]{0,4}:){3,7}[\da-f]{1,4}\b|\b[\da-f]{1,4}::[\da-f]{1,4}\b|\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?!switch\.|sensor\.)(?:[a-z0-9-]{1,63}\.){1,9}[a-z]{2,63}\b)(?::\d+)?(?:\/[^\s,;]*)?/giu;

/** What others said, without pools and addresses while private data is hidden. */
export function veiled(hass: Hass, words: string): string {
  if (!words || !isPrivate()) return words;
  const { pools, byId } = modelOf(hass);
  const names = new Map(pools.map((pool) => [nameOf(pool), poolName(hass, pools, pool)]));
  // The longest first: one may be part of another. All at once: one may be part of what stands in place of another
  const longest = [...names.keys()].sort((a, b) => b.length - a.length);
  const named = names.size ? words.replace(new RegExp(longest.map(wholly).join("|"), "gu"), (name) => names.get(name) ?? HIDDEN) : words;
  let shown = named.replace(ADDRESSES, HIDDEN);
  for (const host of new Set([...byId.values()].flatMap(({ device }) => hostOf(device.configuration_url) ?? [])))
    shown = shown.replace(new RegExp(`(?<![\\w.-])${literally(host)}(?::\\d+)?(?:/[^\\s,;]*)?(?![\\w-])`, "gu"), HIDDEN);
  return shown;
}

/** The pattern of what stands there as it is. */
function literally(words: string): string {
  return words.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
}

/** The pattern of a name that is no part of a word: it may be a single letter. */
function wholly(name: string): string {
  return `${/^\w/u.test(name) ? "(?<!\\w)" : ""}${literally(name)}${/\w$/u.test(name) ? "(?!\\w)" : ""}`;
}

function hostOf(url: string | null | undefined): string | undefined {
  try {
    return url ? new URL(url).hostname : undefined;
  } catch {
    return undefined;
  }
}

/** The name of a pool account, or "Pool 1 · BCH" while private data is hidden. */
export function poolName(hass: Hass, pools: HmmDevice[], pool: HmmDevice): string {
  if (!isPrivate()) return nameOf(pool);
  const number = text(hass, "pool_number", { number: pools.indexOf(pool) + 1 });
  return pool.device.model ? `${number} · ${pool.device.model}` : number;
}
