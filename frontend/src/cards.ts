// Registers the cards and the dashboard with Home Assistant.

import type { HmmCard } from "./card";
import { HmmFleetCard } from "./cards/fleet";
import { HmmLeaderboardCard } from "./cards/leaderboard";
import { HmmMinerCard, HmmMinersCard } from "./cards/miner";
import { HmmPoolCard } from "./cards/pool";
import { HmmPoolsCard } from "./cards/pools";
import { HmmMinersTableCard } from "./cards/table";
import { formOf } from "./editors";
import { fire, type Hass, list, type Listed } from "./hass";
import { modelOf } from "./model";
import { registerStrategies } from "./strategy";
import { maybeText, text, type TextKey } from "./texts";

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
];

/** The page's own language: the pickers' lists are made before a user is known. */
function pageHass(): Hass {
  const root = document.querySelector("home-assistant") as (Element & { hass?: Hass }) | null;
  return root?.hass ?? ({ locale: { language: document.documentElement.lang || navigator.language } } as Hass);
}

export function register(version: string): void {
  for (const [name, key, card] of CARDS) {
    const element = card as CardClass;
    element.getConfigForm ??= () => formOf(name, pageHass);
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
  registerStrategies();
  void watchVersion(version);
}

/** The cards that fit an entity of HMM, and no other entity. */
export function suggest(hass: Hass, entityId: string, card: string): object | null {
  const entity = hass.entities[entityId];
  if (entity?.platform !== "hmm" || !entity.device_id) return null;
  const kind = modelOf(hass).byId.get(entity.device_id)?.kind;
  const config = { type: `custom:${card}` };
  if (kind === "miner" && card === "hmm-miner-card") return { config: { ...config, device_id: entity.device_id, layout: "detailed" } };
  if (kind === "pool" && card === "hmm-pool-card") return { config: { ...config, device_id: entity.device_id } };
  if (kind === "fleet" && (card === "hmm-fleet-card" || card === "hmm-miners-table-card")) return { config };
  return null;
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
