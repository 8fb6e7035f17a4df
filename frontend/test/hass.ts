// A Home Assistant without a server: registries and states as the frontend has them.

import type { Hass, HassState, Locale, RegistryDevice } from "../src/hass";

export interface Fake {
  id: string;
  name?: string;
  device?: Partial<RegistryDevice>;
  /** "sensor.hashrate": a state, or a state with attributes. */
  entities: Record<string, string | [state: string, attributes: Record<string, unknown>]>;
}

export function fakeHass(devices: Fake[], locale: Partial<Locale> = {}, more: Partial<Hass> = {}): Hass {
  const hass = {
    states: {},
    entities: {},
    devices: {},
    areas: { garage: { area_id: "garage", name: "Garage" } },
    config: { currency: "EUR", time_zone: "Europe/Berlin", components: ["history", "logbook"] },
    locale: { language: "en", number_format: "language", time_format: "24", time_zone: "server", ...locale },
    language: "en",
    user: { is_admin: true },
    localize: () => "",
    formatEntityState: (state: HassState) => state.state[0]?.toUpperCase() + state.state.slice(1),
    callService: async () => undefined,
    loadBackendTranslation: async () => undefined,
    ...more,
  } as unknown as Hass;
  for (const { id, name, device, entities } of devices) {
    hass.devices[id] = { id, name: name ?? id, ...device };
    for (const [key, said] of Object.entries(entities)) {
      const [domain, translation_key] = key.split(".") as [string, string];
      // Nothing may read a meaning from it
      const entity_id = `${domain}.x${Object.keys(hass.entities).length}`;
      const [state, attributes] = typeof said === "string" ? [said, {}] : said;
      const at = "2026-11-28T13:02:00+00:00";
      hass.entities[entity_id] = { entity_id, device_id: id, platform: "hmm", translation_key };
      hass.states[entity_id] = { entity_id, state, attributes, last_changed: at, last_updated: at };
    }
  }
  return hass;
}

export function miner(id: string, entities: Fake["entities"] = {}, device: Fake["device"] = {}): Fake {
  return {
    id,
    device,
    entities: {
      "sensor.status": "mining",
      "sensor.hashrate": ["1.07", { unit_of_measurement: "TH/s" }],
      "sensor.temperature": ["60", { unit_of_measurement: "°C" }],
      "sensor.power": ["17", { unit_of_measurement: "W" }],
      ...entities,
    },
  };
}

export const FLEET: Fake = { id: "fleet", device: { entry_type: "service" }, entities: { "sensor.miners_online": "1", "sensor.fleet_status": "all_well" } };

export function pool(id: string, entities: Fake["entities"] = {}): Fake {
  return { id, device: { entry_type: "service", model: "BCH" }, entities: { "binary_sensor.health": "on", "sensor.pool_status": "ok", ...entities } };
}
