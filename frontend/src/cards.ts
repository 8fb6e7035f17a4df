// Registers the cards and the dashboard with Home Assistant.

import type { HmmCard } from "./card";
import { HmmFleetCard } from "./cards/fleet";
import { HmmMinersCard } from "./cards/miners";
import { type CardConfig, fire, type Hass, list, type Listed, pageHass } from "./hass";
import { type CardClass, lazy } from "./lazy";
import { minerOf, modelOf } from "./model";
import { registerStrategies } from "./strategy";
import { suggest } from "./suggest";
import { loadTexts, maybeText, text, type TextKey } from "./texts";

interface Listable {
  new (): HmmCard;
  getConfigForm?: () => unknown;
}

const DOCUMENTATION = "https://github.com/hmm-home-assistant/hmm/blob/main/docs/cards.md";

const TILE = { columns: 12, rows: 1, min_columns: 6, min_rows: 1 };
const WIDE = { columns: 12, min_columns: 6 };
const FULL = { columns: "full", min_columns: 6 };

type Load = () => Promise<Record<string, unknown>>;

type Height = (hass: Hass | undefined, config: CardConfig) => number;

/** A card in a file of its own: `name` is its class there; as a tile, which it is by default or not at all, one row high. */
function later(type: string, load: Load, name: string, height: Height, grid: object, byDefault = ""): CustomElementConstructor {
  const isTile = (layout = byDefault) => layout === "compact";
  return lazy(type, async () => (await load())[name] as CardClass, {
    height: (config, hass) => (isTile(config.layout) ? 56 : height(hass, config)),
    grid: ({ layout }) => (isTile(layout) ? TILE : grid),
  });
}

const count = (hass: Hass | undefined, kind: "miners" | "pools", most: number) => Math.min(most, hass ? modelOf(hass)[kind].length : most);

const CARDS: [name: string, text: TextKey, card: unknown][] = [
  ["hmm-fleet-card", "card_fleet", HmmFleetCard],
  ["hmm-miner-card", "card_miner", later("hmm-miner-card", () => import("./cards/miner"), "HmmMinerCard", () => 440, WIDE, "compact")],
  ["hmm-miners-card", "card_miners", HmmMinersCard],
  ["hmm-miners-table-card", "card_table", later("hmm-miners-table-card", () => import("./cards/table"), "HmmMinersTableCard", (hass) => 100 + 48 * count(hass, "miners", 12), FULL)],
  ["hmm-pool-card", "card_pool", later("hmm-pool-card", () => import("./cards/pool"), "HmmPoolCard", () => 160, WIDE)],
  ["hmm-pools-card", "card_pools", later("hmm-pools-card", () => import("./cards/pools"), "HmmPoolsCard", (hass) => 100 + 48 * count(hass, "pools", 12), FULL)],
  ["hmm-leaderboard-card", "card_leaderboard", later("hmm-leaderboard-card", () => import("./cards/leaderboard"), "HmmLeaderboardCard", (hass, { limit }) => 60 + 78 * count(hass, "miners", Number(limit ?? 10)), WIDE)],
  ["hmm-strategy-card", "card_strategy", later("hmm-strategy-card", () => import("./cards/strategy"), "HmmStrategyCard", (hass, { short }) => (short ? 340 : 440) + 24 * count(hass, "miners", 12), WIDE)],
  ["hmm-tuning-card", "card_tuning", later("hmm-tuning-card", () => import("./cards/tuning"), "HmmTuningCard", () => 440, WIDE)],
];

/** The form of a card's editor, in the language that the page has by now. */
async function form(card: string): Promise<object> {
  const [{ formOf }] = await Promise.all([import("./editors"), loadTexts(pageHass().locale.language)]);
  return formOf(card, modelOf(pageHass()), (key) => maybeText(pageHass(), key));
}

export function register(version: string): void {
  for (const [name, key, card] of CARDS) {
    const element = card as Listable;
    element.getConfigForm ??= () => form(name);
    if (!customElements.get(name)) customElements.define(name, element as CustomElementConstructor);
    list("customCards", {
      type: name,
      get name() {
        return text(pageHass(), key);
      },
      get description() {
        return maybeText(pageHass(), `${key}_help`) ?? "";
      },
      preview: true,
      documentationURL: DOCUMENTATION,
      getEntitySuggestion: (hass: Hass, entityId: string) => suggest(hass, entityId, name),
    } as Listed);
  }
  registerExtras();
  registerStrategies();
  void loadTexts(pageHass().locale.language);
  void watchVersion(version);
}

function registerExtras(): void {
  const define = (name: string, element: unknown) => {
    if (!customElements.get(name)) customElements.define(name, element as CustomElementConstructor);
  };
  const extra = (type: string, name: string) => later(type, () => import("./cards/extras"), name, () => 0, {});
  const features = [["hmm-mode-feature", "feature_mode", "HmmModeFeature", "select.mode"], ["hmm-pause-feature", "feature_pause", "HmmPauseFeature", "switch.mining"]] as const;
  for (const [type, key, name, entity] of features) {
    define(type, extra(type, name));
    list("customCardFeatures", {
      type,
      get name() {
        return text(pageHass(), key);
      },
      isSupported: (hass: Hass, context?: { entity_id?: string }) => Boolean(minerOf(hass, context?.entity_id)?.entities[entity]),
      configurable: false,
    } as Listed);
  }
  const badge = extra("hmm-fleet-badge", "HmmFleetBadge") as unknown as Listable;
  badge.getConfigForm = () => form("hmm-fleet-badge");
  define("hmm-fleet-badge", badge);
  list("customBadges", {
    type: "hmm-fleet-badge",
    get name() {
      return text(pageHass(), "badge_fleet");
    },
    get description() {
      return text(pageHass(), "badge_fleet_help");
    },
    preview: true,
  } as Listed);
}

/** After an update an open page keeps the old cards, and a browser may open one that it has kept: say so. */
async function watchVersion(version: string): Promise<void> {
  const root = document.querySelector("home-assistant") as (HTMLElement & { hass?: Hass }) | null;
  while (root && !root.hass?.connection) await new Promise((resolve) => setTimeout(resolve, 500));
  const connection = root?.hass?.connection;
  if (!root || !connection || !version) return;
  const ask = (tries: number) => {
    // Home Assistant is back before its integrations are, and takes our words away when it says that it has started
    const later = () => tries && setTimeout(() => ask(tries - 1), 5000);
    connection.sendMessagePromise<{ version: string }>({ type: "hmm/cards_version" }).then(({ version: now }) => {
      if (now === version) return;
      if (pageHass().config?.state === "RUNNING") showUpdate(root);
      else later();
    }, later);
  };
  connection.addEventListener("ready", () => ask(60));
  ask(60);
}

function showUpdate(root: HTMLElement): void {
  const hass = pageHass();
  fire(root, "hass-notification", {
    message: text(hass, "updated"),
    duration: -1,
    dismissable: true,
    action: { text: text(hass, "reload"), action: () => location.reload() },
  });
}
