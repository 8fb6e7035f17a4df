// Why a strategy decides as it does, in the user's language and units, by the user's clock.

import { modeName } from "./actions";
import * as f from "./format";
import type { Hass } from "./hass";
import { say, veiled } from "./status";

const TIMES = ["time", "until"];
const RUNGS = ["what", "rung"];

/** What a miner is set to: off, lowest, normal ..., a mode, or what its owner named. */
export function rungName(hass: Hass, rung: string): string {
  const [kind, ...name] = rung.split(":");
  if (name.length) return kind === "mode" ? modeName(hass, name.join(":")) : name.join(":");
  return say(hass, `selector.strategy_rung.options.${rung}`) || rung;
}

/** A value of a sentence by what it is: the planner's names are the same in all sentences. */
function worded(hass: Hass, name: string, value: unknown, unit: string): string {
  if (value === null || value === undefined) return "–";
  if (TIMES.includes(name)) {
    const at = f.readTime(value);
    return at ? f.moment(hass, at) : String(value);
  }
  if (typeof value !== "number") {
    const text = String(value);
    if (RUNGS.includes(name)) return rungName(hass, text);
    if (name !== "reason") return text;
    const reason = say(hass, `selector.strategy_replaced.options.${text}`) || say(hass, `entity.sensor.status.state_attributes.reason.state.${text}`);
    return reason.replace(/[.。]$/u, "") || text;
  }
  switch (name) {
    case "price":
    case "limit":
      return f.price(hass, value, unit);
    case "surplus":
    case "watts":
      return f.join([f.number(hass, value), "W"]);
    case "room":
    case "target":
      return f.degrees(hass, value, 1);
    case "efficiency":
      return f.join([f.number(hass, value, 1, true), "J/TH"]);
    default:
      return f.number(hass, value);
  }
}

/** The sentence of a key with its values; else as Home Assistant says it. */
export function explain(hass: Hass, { key, values, explanation }: Record<string, unknown>): string {
  const given = (values ?? {}) as Record<string, unknown>;
  const named = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, worded(hass, name, value, String(given.unit ?? ""))]));
  const isOpen = TIMES.some((name) => given[name] === null);
  const form = given.ends === "released" ? "_released" : isOpen ? "_open" : "";
  const sentence = (end: string) => say(hass, `selector.sentence.options.strategy_${String(key)}${end}`, named);
  return veiled(hass, (form && sentence(form)) || sentence("") || String(explanation ?? ""));
}
