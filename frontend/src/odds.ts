// How likely a block is on a day, in words that are right for rare and for frequent ones.

import * as f from "./format";
import type { Hass } from "./hass";
import { text } from "./texts";

/** Up to this chance it is "1 in so many". */
const RARE = 0.1;

/** Where a block takes so many days on average: the chance of one, or how many there are. */
export function oddsOf(hass: Hass, days: number): string {
  if (days < 1) return text(hass, "blocks_per_day", { count: f.significant(hass, 1 / days, 2) });
  const chance = -Math.expm1(-1 / days);
  return chance < RARE
    ? text(hass, "per_day", { count: f.significant(hass, 1 / chance, 2) })
    : text(hass, "chance_per_day", { percent: f.part(hass, chance) });
}
