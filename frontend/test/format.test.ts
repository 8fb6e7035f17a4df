import { expect, test } from "vitest";
import * as f from "../src/format";
import { fakeHass } from "./hass";

const en = fakeHass([]);
const de = fakeHass([], { language: "de" });
const plain = (words: string) => words.replace(/[\u00a0\u202f]/gu, " ");
const state = (value: string, unit?: string, attributes = {}) => ({
  entity_id: "sensor.x", state: value, attributes: { unit_of_measurement: unit, ...attributes }, last_changed: "", last_updated: "",
});

test.each([
  [8.331e12, "8.33 TH/s", "8,33 TH/s"],
  [1.01e6, "1.01 MH/s", "1,01 MH/s"],
  [4.9e11, "0.49 TH/s", "0,49 TH/s"],
  [158.4e12, "158 TH/s", "158 TH/s"],
  [0, "0 TH/s", "0 TH/s"],
])("a hashrate of %d has three digits and the unit of its size", (value, english, german) => {
  expect(plain(f.join(f.hashrate(en, value)))).toBe(english);
  expect(plain(f.join(f.hashrate(de, value)))).toBe(german);
});

test.each([[13.8e9, "13.8 G"], [417e6, "417 M"], [1.86e12, "1.86 T"], [8100, "8.1 k"], [12, "12"]])(
  "a difficulty of %d is said in short", (value, words) => {
    expect(plain(f.join(f.difficulty(en, value)))).toBe(words);
  });

test.each([[218, "218 W"], [3540, "3.54 kW"], [1.2, "1.2 W"]])("%d W", (value, words) => {
  expect(plain(f.join(f.power(en, value)))).toBe(words);
});

test("a percentage is 100 only if it is exact", () => {
  expect(plain(f.percent(en, 99.97))).toBe("99.9 %");
  expect(plain(f.percent(en, 100))).toBe("100 %");
});

test("a time to a block has one unit and an end", () => {
  const over = (time: string) => `over ${time}`;
  expect(f.longTime(en, 8.2, over)).toBe("8.2 days");
  expect(f.longTime(en, 237 * 365.25, over)).toBe("237 years");
  expect(f.longTime(en, 1e9, over)).toBe("over 10,000 years");
  expect(f.longTime(de, 8, over)).toBe("8 Tage");
});

test("a price of electricity is told in the hundredths that people know", () => {
  expect(plain(f.join(f.perKwh(en, 0.255)))).toBe("25.5 ct/kWh");
  expect(plain(f.join(f.perKwh(de, -0.03)))).toBe("-3,0 ct/kWh");
  expect(plain(f.join(f.perKwh(en, 0.2431, "GBP")))).toBe("24.3 p/kWh");
  expect(plain(f.join(f.perKwh(en, 1.2)))).toBe("€1.20 /kWh");
  expect(plain(f.join(f.perKwh(en, 0.5, "JPY")))).toContain("/kWh");
});

test("money has the currency of the system, rates below ten cents a third decimal", () => {
  expect(f.money(en, 1.36)).toBe("€1.36");
  expect(plain(f.money(de, 1.36))).toBe("1,36 €");
  expect(f.money(en, 0.036)).toBe("€0.036");
  expect(f.money(en, 1, "no currency")).toContain("no currency");
});

test("small amounts of bitcoin are sat", () => {
  expect(plain(f.join(f.coins(en, 0.00000311, "BTC")))).toBe("311 sat");
  expect(plain(f.join(f.coins(en, 277, "DGB")))).toBe("277 DGB");
});

test("a moment is the clock today, then the weekday, then the date", () => {
  const now = new Date("2026-11-28T14:36:00+01:00");
  expect(f.moment(en, new Date("2026-11-28T14:02:00+01:00"), now)).toBe("14:02");
  expect(f.moment(en, new Date("2026-11-24T14:02:00+01:00"), now)).toBe("Tuesday 14:02");
  expect(f.moment(en, new Date("2026-10-03T14:02:00+02:00"), now)).toBe("October 3");
});

test("what is no number is none", () => {
  for (const value of ["unknown", "unavailable", "", "NaN", "Infinity"]) expect(f.numeric(state(value))).toBeUndefined();
  expect(f.numeric(undefined)).toBeUndefined();
});

test("states are read in whatever unit they have", () => {
  expect(f.readHashrate(state("485", "GH/s"))).toBe(485e9);
  expect(f.readDifficulty(state("13.8", "G"))).toBe(13.8e9);
  expect(f.readDifficulty(state("13.8", "G", { difficulty: 13812345678 }))).toBe(13812345678);
  expect(f.readPower(state("1.2", "kW"))).toBe(1200);
  expect(f.readDays(state("48", "h"))).toBe(2);
});

test("prices of electricity are told in hundredths, hours as the user's clock shows them", () => {
  expect(f.hundredths("EUR/kWh")).toEqual([100, "ct/kWh"]);
  expect(f.hundredths("ct/kWh")).toEqual([1, "ct/kWh"]);
  expect(f.hundredths("EUR/MWh")).toEqual([1, "EUR/MWh"]);
  const at = new Date("2026-11-28T14:36:00Z");
  expect(f.hour(fakeHass([]), at)).toEqual(["15", 15]);
  expect(f.hour(fakeHass([], { time_format: "12" }), at)[0]).toMatch(/^3\sPM$/u);
  expect(f.startOfDay(fakeHass([]), at.getTime())).toBe(Date.UTC(2026, 10, 27, 23));
});

test.each([
  ["Asia/Kolkata", "2026-11-30T18:40:00Z", "2026-11-30T18:30:00Z"],
  ["Europe/Berlin", "2026-11-30T11:20:00Z", "2026-11-29T23:00:00Z"],
  // The clock goes forward, and back
  ["Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z"],
  ["Europe/Berlin", "2026-10-25T11:00:00Z", "2026-10-24T22:00:00Z"],
])("a day in %s begins at its midnight", (time_zone, now, midnight) => {
  for (const time_format of ["24", "12", "language"]) {
    const hass = fakeHass([], { time_format }, { config: { time_zone } } as never);
    expect(new Date(f.startOfDay(hass, Date.parse(now))).toISOString()).toBe(new Date(midnight).toISOString());
  }
});

test("the year of a day is that of the user's clock", () => {
  const hass = fakeHass([], {}, { config: { time_zone: "Pacific/Kiritimati" } } as never);
  expect(f.day(hass, new Date("2026-12-31T12:00:00Z"), new Date("2026-12-31T08:00:00Z"))).toContain("2027");
});

test("an amount has the decimals of its currency, a price of electricity always some", () => {
  expect(f.money(en, 1234.5, "EUR")).toBe("€1,234.50");
  expect(f.money(en, 0.042, "EUR")).toBe("€0.042");
  expect(f.money(en, 1234.5, "JPY")).toBe("¥1,235");
  expect(f.join(f.perKwh(en, 31.25, "JPY"))).toContain("¥31.25");
});

test("the user's digits do not change the user's words", () => {
  const over = (time: string) => time;
  const english = (number_format: string) => fakeHass([], { number_format });
  expect(plain(f.longTime(english("decimal_comma"), 8.2, over))).toBe("8,2 days");
  expect(plain(f.longTime(english("decimal_comma"), 1e7, over))).toBe("10.000 years");
  expect(plain(f.longTime(english("space_comma"), 5e6, over))).toBe("10 000 years");
  expect(plain(f.longTime(english("none"), 5e6, over))).toBe("10000 years");
  expect(plain(f.duration(english("space_comma"), 300))).toBe("5 min");
  expect(plain(f.duration(fakeHass([], { language: "de", number_format: "comma_decimal" }), 3 * 86_400))).toBe("3 Tg.");
  expect(plain(f.compact(english("decimal_comma"), 2_100_000))).toBe("2,1 million");
  expect(plain(f.compact(english("language"), 2_100_000))).toBe("2.1 million");
});

test("nothing is less than nothing", () => {
  expect(f.number(en, -0.3)).toBe("0");
  expect(plain(f.degrees(de, -0.4))).toBe("0 °C");
  expect(plain(f.join(f.perKwh(de, -0.0004)))).toBe("0,0 ct/kWh");
  expect(f.money(en, -0.0001)).toBe("€0.00");
  expect(f.number(en, -1.2, 1)).toBe("-1.2");
});

test("the clock of the system does not change the user's words", () => {
  const german = fakeHass([], { language: "de", time_format: "system" });
  expect(f.day(german, new Date("2026-11-16T12:00:00Z"), new Date("2026-11-20T12:00:00Z"))).toBe("16. November");
  expect(f.day(fakeHass([], { language: "fr", time_format: "system" }), new Date("2026-11-16T12:00:00Z"), new Date("2026-11-20T12:00:00Z"))).toBe("16 novembre");
  expect(plain(f.moment(german, new Date("2026-11-24T13:02:00Z"), new Date("2026-11-28T12:00:00Z")))).toMatch(/^Dienstag/u);
  const [words] = f.hour(fakeHass([], { language: "en", time_format: "12" }), new Date("2026-11-28T13:00:00Z"));
  expect(plain(words)).toBe("2 PM");
});
