// Registers the cards and the dashboard with Home Assistant.

import type { HmmCard } from "./card";
import { HmmFleetBadge, HmmModeFeature, HmmPauseFeature } from "./cards/extras";
import { HmmFleetCard } from "./cards/fleet";
import { HmmLeaderboardCard } from "./cards/leaderboard";
import { HmmMinerCard, HmmMinersCard } from "./cards/miner";
import { HmmPoolCard } from "./cards/pool";
import { HmmPoolsCard } from "./cards/pools";
import { HmmStrategyCard } from "./cards/strategy";
import { HmmMinersTableCard } from "./cards/table";
import { HmmTuningCard } from "./cards/tuning";
import { fire, type Hass, list, type Listed, pageHass } from "./hass";
import { registerStrategies } from "./strategy";
import { suggest } from "./suggest";
import { loadTexts, maybeText, text, type TextKey } from "./texts";

interface CardClass {
  new (): HmmCard;
  getConfigForm?: () => unknown;
}

const DOCUMENTATION = "https://github.com/hmm-home-assistant/hmm/blob/main/docs/cards.md";

const CARDS: [name: string, text: TextKey, card: unknown][] = [
  ["hmm-fleet-card", "card_fleet", HmmFleetCard],
  ["hmm-miner-card", "card_miner", HmmMinerCard],
  ["hmm-miners-card", "card_miners", HmmMinersCard],
  ["hmm-miners-table-card", "card_table", HmmMinersTableCard],
  ["hmm-pool-card", "card_pool", HmmPoolCard],
  ["hmm-pools-card", "card_pools", HmmPoolsCard],
  ["hmm-leaderboard-card", "card_leaderboard", HmmLeaderboardCard],
  ["hmm-strategy-card", "card_strategy", HmmStrategyCard],
  ["hmm-tuning-card", "card_tuning", HmmTuningCard],
];

/** The form of a card's editor, in the language that the page has by now. */
async function form(card: string): Promise<object> {
  const [{ formOf }] = await Promise.all([import("./editors"), loadTexts(pageHass().locale.language)]);
  return formOf(card, (key) => maybeText(pageHass(), key));
}

export function register(version: string): void {
  for (const [name, key, card] of CARDS) {
    const element = card as CardClass;
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
  const features = [["hmm-mode-feature", "feature_mode", HmmModeFeature], ["hmm-pause-feature", "feature_pause", HmmPauseFeature]] as const;
  for (const [type, key, feature] of features) {
    define(type, feature);
    list("customCardFeatures", {
      type,
      get name() {
        return text(pageHass(), key);
      },
      isSupported: feature.isSupported,
      configurable: false,
    } as Listed);
  }
  const badge = HmmFleetBadge as unknown as CardClass;
  badge.getConfigForm ??= () => form("hmm-fleet-badge");
  define("hmm-fleet-badge", HmmFleetBadge);
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

/** After an update an open page keeps the old cards: say so once it is connected again. */
async function watchVersion(version: string): Promise<void> {
  const root = document.querySelector("home-assistant") as (HTMLElement & { hass?: Hass }) | null;
  while (root && !root.hass?.connection) await new Promise((resolve) => setTimeout(resolve, 500));
  const connection = root?.hass?.connection;
  connection?.addEventListener("ready", () => {
    connection
      .sendMessagePromise<{ version: string }>({ type: "hmm/cards_version" })
      .then(({ version: now }) => {
        if (!root || !version || now === version) return;
        const hass = pageHass();
        fire(root, "hass-notification", {
          message: text(hass, "updated"),
          duration: -1,
          dismissable: true,
          action: { text: text(hass, "reload"), action: () => location.reload() },
        });
      })
      .catch(() => undefined);
  });
}
