import type { Hass } from "./hass";
import { modelOf } from "./model";

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
