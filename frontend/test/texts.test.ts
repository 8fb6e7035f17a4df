import { expect, test } from "vitest";
import { languageOf, loadTexts, plural, text } from "../src/texts";
import { fakeHass } from "./hass";

// @ts-expect-error: of vite, which runs the tests
const files: Record<string, Record<string, string>> = import.meta.glob("../src/texts/*.json", { eager: true, import: "default" });
const languages = Object.entries(files).map(([path, texts]) => [path.replace(/.*\/|\.json/gu, ""), texts] as const);
const en = files["../src/texts/en.json"]!;

test.each(languages)("%s has every text, with the same values", (_, texts) => {
  const names = (words = "") => [...words.matchAll(/\{(\w+)\}/gu)].map(([, name]) => name).sort();
  expect(Object.keys(texts)).toEqual(Object.keys(en));
  for (const [key, words] of Object.entries(en)) expect(names(texts[key]), key).toEqual(names(words));
});

test.each(languages)("%s is drawn once its file is there, which is fetched once", async (language, texts) => {
  expect(languageOf(language)).toBe(language);
  const hass = fakeHass([], { language });
  const waiting = loadTexts(language);
  if (waiting) {
    expect(text(hass, "no_miners")).toBe(en.no_miners);
    expect(loadTexts(language)).toBe(waiting);
    await waiting;
  }
  expect(loadTexts(language)).toBeUndefined();
  expect(text(hass, "no_miners")).toBe(texts.no_miners);
  expect(plural(hass, "workers", 5)).toBe(texts.workers_other!.replace("{count}", "5"));
});

test.each([["de-CH", "de"], ["de-AT", "de"], ["zh-Hant", "zh-Hans"], ["zh", "zh-Hans"], ["pt", "pt-BR"], ["es-419", "es"], ["en-GB", "en"], ["pl", "en"], ["", "en"]])("%s reads %s", (language, read) => {
  expect(languageOf(language)).toBe(read);
});
