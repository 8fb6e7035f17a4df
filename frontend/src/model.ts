// Miners, pools and the fleet, found through the registry: never by the words of an entity id.

import type { Hass, HassState, RegistryDevice } from "./hass";

export type Kind = "fleet" | "miner" | "pool" | "strategy" | "worker" | "other";

/** A device of HMM and its entities by domain and translation key, as "sensor.hashrate". */
export interface HmmDevice {
  id: string;
  kind: Kind;
  device: RegistryDevice;
  entities: Record<string, string>;
}

export interface Model {
  fleet?: HmmDevice;
  miners: HmmDevice[];
  pools: HmmDevice[];
  strategies: HmmDevice[];
  /** The pool accounts that list a worker of a miner, by the miner's id. */
  poolsOf: Map<string, HmmDevice[]>;
  byId: Map<string, HmmDevice>;
}

const FLEET = ["sensor.miners_online", "sensor.miners", "button.reload_drivers", "sensor.drivers"];
const POOL = ["sensor.pool_status", "binary_sensor.health", "binary_sensor.stratum"];
const STRATEGY = ["sensor.strategy_status", "switch.strategy"];
const MINER = [
  "sensor.status",
  "binary_sensor.running",
  "binary_sensor.problem",
  "sensor.temperature",
  "sensor.active_pool",
  "sensor.uptime",
  "switch.mining",
  "button.restart",
];

function kindOf(device: RegistryDevice, entities: Record<string, string>): Kind {
  const has = (keys: string[]) => keys.some((key) => key in entities);
  if (has(FLEET)) return "fleet";
  if (has(POOL)) return "pool";
  if (has(STRATEGY)) return "strategy";
  if (device.entry_type === "service") return "other";
  return has(MINER) ? "miner" : "worker";
}

let last: { entities: unknown; devices: unknown; model: Model } | undefined;

/** What HMM has; made again only if a registry changed. */
export function modelOf(hass: Hass): Model {
  if (last && last.entities === hass.entities && last.devices === hass.devices) return last.model;
  const found = new Map<string, Record<string, string>>();
  for (const entity of Object.values(hass.entities)) {
    if (entity.platform !== "hmm" || !entity.device_id || !entity.translation_key) continue;
    let entities = found.get(entity.device_id);
    if (!entities) found.set(entity.device_id, (entities = {}));
    const domain = entity.entity_id.slice(0, entity.entity_id.indexOf("."));
    entities[`${domain}.${entity.translation_key}`] ??= entity.entity_id;
  }
  const model: Model = { miners: [], pools: [], strategies: [], poolsOf: new Map(), byId: new Map() };
  for (const [id, entities] of found) {
    const device = hass.devices[id];
    if (!device) continue;
    const one: HmmDevice = { id, kind: kindOf(device, entities), device, entities };
    model.byId.set(id, one);
    if (one.kind === "fleet") model.fleet ??= one;
    else if (one.kind === "miner") model.miners.push(one);
    else if (one.kind === "pool") model.pools.push(one);
    else if (one.kind === "strategy") model.strategies.push(one);
  }
  for (const { kind, device } of model.byId.values()) {
    if (kind !== "worker" || !device.via_device_id || model.byId.get(device.via_device_id)?.kind !== "miner") continue;
    const pool = model.pools.find((one) => one.device.config_entries?.some((entry) => device.config_entries?.includes(entry)));
    const known = model.poolsOf.get(device.via_device_id) ?? [];
    if (pool && !known.includes(pool)) model.poolsOf.set(device.via_device_id, [...known, pool]);
  }
  const byName = (a: HmmDevice, b: HmmDevice) => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true });
  model.miners.sort(byName);
  model.pools.sort(byName);
  model.strategies.sort(byName);
  last = { entities: hass.entities, devices: hass.devices, model };
  return model;
}

export function nameOf(device: HmmDevice): string {
  return device.device.name_by_user || device.device.name || "HMM";
}

export function stateOf(hass: Hass, device: HmmDevice | undefined, key: string): HassState | undefined {
  const id = device?.entities[key];
  return id === undefined ? undefined : hass.states[id];
}

/** Whether a state says something. */
export function isKnown(state: HassState | undefined): state is HassState {
  return state !== undefined && state.state !== "unknown" && state.state !== "unavailable";
}

/** The words of an attribute that is a list: the options of a select, what is wrong. */
export function listOf(state: HassState | undefined, name: string): string[] {
  const given = state?.attributes[name];
  return Array.isArray(given) ? given.map(String) : [];
}

export function areaOf(hass: Hass, device: HmmDevice): string | undefined {
  return device.device.area_id ? hass.areas[device.device.area_id]?.name : undefined;
}

/** The miner that an entity of HMM belongs to. */
export function minerOf(hass: Hass, entityId: string | undefined): HmmDevice | undefined {
  const entity = hass.entities[entityId ?? ""];
  const found = entity?.platform === "hmm" && entity.device_id ? modelOf(hass).byId.get(entity.device_id) : undefined;
  return found?.kind === "miner" ? found : undefined;
}
