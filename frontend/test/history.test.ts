import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Connection } from "../src/hass";
import { HOURS, historiesOf } from "../src/history";
import { HmmSpark } from "../src/spark";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const HOUR = 3_600_000;

beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => void vi.useRealTimers());

/** A connection of Home Assistant: how often its recorder refuses, and what was asked of it. */
function connected(refusals = 0) {
  const asked: { start_time: string; isRepeated: boolean }[] = [];
  let [say, back] = [(_states: object): void => undefined, (): void => undefined];
  let stopped = 0;
  const connection = {
    subscribeMessage: async (callback: (message: object) => void, { start_time }: { start_time: string }, options?: { resubscribe?: boolean }) => {
      asked.push({ start_time, isRepeated: options?.resubscribe !== false });
      if (refusals-- > 0) throw { code: "unknown_command", message: "Unknown command." };
      say = (states) => callback({ states });
      return async () => void stopped++;
    },
    addEventListener: (_type: string, callback: () => void) => void (back = callback),
  } as unknown as Connection;
  return { connection, asked, say: (states: object) => say(states), back: () => back(), stopped: () => stopped };
}

test("a history that the recorder refused is asked for again, until it comes", async () => {
  const { connection, asked, say } = connected(2);
  historiesOf(connection).follow("sensor.x", () => undefined);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(3);
  say({ "sensor.x": [{ s: "1", lu: NOW / 1000 }] });
  expect(historiesOf(connection).of("sensor.x")).toHaveLength(1);
});

test("nobody asks again once nobody wants to know", async () => {
  const { connection, asked } = connected(99);
  const stop = historiesOf(connection).follow("sensor.x", () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  stop();
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(asked).toHaveLength(1);
});

test("after a lost connection the last day is asked for, not all since the page was opened", async () => {
  const { connection, asked, say, back } = connected();
  historiesOf(connection).follow("sensor.x", () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  say({ "sensor.x": [{ s: "1", lu: NOW / 1000 }] });
  await vi.advanceTimersByTimeAsync(72 * HOUR);
  back();
  await vi.advanceTimersByTimeAsync(100);
  expect(asked.some(({ isRepeated }) => isRepeated)).toBe(false);
  expect(asked).toHaveLength(2);
  expect(Date.parse(asked[1]!.start_time)).toBeGreaterThan(NOW + (72 - HOURS) * HOUR - 60_000);
  say({ "sensor.x": [{ s: "2", lu: Date.now() / 1000 }] });
  expect(historiesOf(connection).of("sensor.x").map(([, value]) => value)).toEqual([2]);
});

test("the line of a miner that is off grows a gap while the page is open", async () => {
  vi.stubGlobal("document", { hidden: false });
  const { connection, say } = connected();
  const root = { innerHTML: "" };
  const spark = Object.assign(new HmmSpark(), { isConnected: true, shadowRoot: root as ShadowRoot });
  Object.assign(spark, { connection, entity: "sensor.x" });
  spark.connectedCallback();
  await vi.advanceTimersByTimeAsync(100);
  const at = (before: number) => (Date.now() - before) / 1000;
  say({ "sensor.x": [{ s: "1", lu: at(12 * HOUR) }, { s: "unavailable", lu: at(0) }] });
  await vi.advanceTimersByTimeAsync(100);
  expect(root.innerHTML).toMatch(/L300\.0 \S+"\/>/u);
  await vi.advanceTimersByTimeAsync(6 * HOUR);
  // Where it ended six hours ago
  expect(root.innerHTML).toMatch(/L225\.\d \S+"\/>/u);
  await vi.advanceTimersByTimeAsync(24 * HOUR);
  expect(root.innerHTML).not.toContain('class="area"');
  spark.disconnectedCallback();
  expect(vi.getTimerCount()).toBeLessThan(2);
  await vi.advanceTimersByTimeAsync(100);
  expect(vi.getTimerCount()).toBe(0);
});
