// The words of the cards. What the integration says already is taken from its own translations (see status.ts).

import type { Hass } from "./hass";
import en from "./texts/en.json";

export type TextKey = keyof typeof en;
type Values = Record<string, string | number>;

type Texts = Partial<Record<string, string>>;

// English is part of the cards; any other language is a file of its own, fetched by those who read it
const LOADERS: Record<string, () => Promise<{ default: Texts }>> = {
  de: () => import("./texts/de.json"),
  es: () => import("./texts/es.json"),
  fr: () => import("./texts/fr.json"),
  nl: () => import("./texts/nl.json"),
  "pt-BR": () => import("./texts/pt-BR.json"),
  "zh-Hans": () => import("./texts/zh-Hans.json"),
};
const loaded: Record<string, Texts> = { en };
const loading = new Map<string, Promise<void>>();

/** The language of the texts for a user's: itself, else one that shares its first part ("pt" reads pt-BR), else English. */
export function languageOf(language: string): string {
  const known = Object.keys(LOADERS);
  const [base] = language.split("-");
  return known.find((code) => code === language) ?? known.find((code) => code.split("-")[0] === base) ?? "en";
}

/** Load the texts of a language; undefined if nothing has to be waited for. */
export function loadTexts(language: string): Promise<void> | undefined {
  const name = languageOf(language);
  if (name in loaded) return undefined;
  let promise = loading.get(name);
  if (!promise) {
    promise = LOADERS[name]!().then(
      (texts) => void (loaded[name] = texts.default),
      () => void (loaded[name] = {}), // English, until the page is loaded again
    );
    loading.set(name, promise);
  }
  return promise;
}

function find(hass: Hass, key: string): string | undefined {
  return loaded[languageOf(hass.locale.language)]?.[key] ?? (en as Texts)[key];
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export function text(hass: Hass, key: TextKey, values: Values = {}): string {
  return fill(find(hass, key) ?? key, values);
}

/** The text of a key made at run time, undefined if there is none. */
export function maybeText(hass: Hass, key: string, values: Values = {}): string | undefined {
  const found = find(hass, key);
  return found === undefined ? undefined : fill(found, values);
}

type Stem<K> = K extends `${infer S}_other` ? S : never;

/** The form of a text that fits a count. */
export function plural(hass: Hass, stem: Stem<TextKey>, count: number, values: Values = {}): string {
  let rule = "other";
  try {
    rule = new Intl.PluralRules(hass.locale.language).select(count);
  } catch {
    // An unknown language: English knows two forms
  }
  const all = { count, ...values };
  return maybeText(hass, `${stem}_${rule}`, all) ?? text(hass, `${stem}_other` as TextKey, all);
}
