// The part of Home Assistant's frontend that the cards use.

export interface HassState {
  entity_id: string;
  state: string;
  attributes: Record<string, unknown>;
  last_changed: string;
  last_updated: string;
}

export interface RegistryEntity {
  entity_id: string;
  device_id?: string;
  area_id?: string;
  platform: string;
  translation_key?: string;
  hidden?: boolean;
}

export interface RegistryDevice {
  id: string;
  name?: string | null;
  name_by_user?: string | null;
  area_id?: string | null;
  entry_type?: string | null;
  model?: string | null;
  via_device_id?: string | null;
  configuration_url?: string | null;
  config_entries?: string[];
}

export interface Locale {
  language: string;
  number_format: string;
  time_format: string;
  time_zone?: string;
}

export interface Connection {
  subscribeMessage<T>(callback: (message: T) => void, message: object, options?: { resubscribe: boolean }): Promise<() => Promise<void>>;
  sendMessagePromise<T>(message: object): Promise<T>;
  addEventListener(type: string, callback: () => void): void;
}

export interface Hass {
  states: Record<string, HassState | undefined>;
  entities: Record<string, RegistryEntity>;
  devices: Record<string, RegistryDevice>;
  areas: Record<string, { area_id: string; name: string }>;
  config: { currency: string; time_zone: string; components: string[]; state?: string; unit_system?: { temperature: string } };
  locale: Locale;
  language: string;
  user?: { is_admin: boolean };
  connection: Connection;
  localize(key: string, values?: Record<string, unknown>): string;
  loadBackendTranslation(category: string, integration?: string): Promise<Hass["localize"] | undefined>;
  formatEntityState(state: HassState, value?: string): string;
  callService(domain: string, service: string, data?: object, target?: object, notifyOnError?: boolean, returnResponse?: boolean): Promise<unknown>;
}

export type CardConfig = Record<string, unknown> & { type: string };

/** Fire an event that Home Assistant's own elements listen to. */
export function fire(from: EventTarget, type: string, detail: object = {}): void {
  from.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
}

export function navigate(path: string): void {
  history.pushState(null, "", path);
  fire(window, "location-changed", { replace: false });
}

export function moreInfo(from: EventTarget, entityId: string | undefined): void {
  if (entityId) fire(from, "hass-more-info", { entityId });
}

/** The page of a miner on the dashboard of HMM, from another view of it. */
export function openMinerPage(deviceId: string): void {
  navigate(minerPage(deviceId));
}

export function minerPage(deviceId: string): string {
  return `miner-${deviceId}`;
}

/** Entities that say how a device is. */
const OVERVIEW = ["sensor.status", "sensor.pool_status", "binary_sensor.health", "sensor.hashrate"];

/** The page of a device is one of the settings: who is no administrator sees how it is. */
export function openDevice(hass: Hass, from: EventTarget, { id, entities }: { id: string; entities: Record<string, string> }): void {
  if (hass.user?.is_admin === true) navigate(`/config/devices/device/${id}`);
  else moreInfo(from, OVERVIEW.map((key) => entities[key]).find(Boolean));
}

export interface Listed {
  type: string;
}

/** Add to one of the lists that Home Assistant's pickers read, once. */
export function list(name: "customCards" | "customStrategies" | "customBadges" | "customCardFeatures", item: Listed & object): void {
  const page = window as unknown as Record<string, Listed[] | undefined>;
  const known = (page[name] ??= []);
  if (!known.some(({ type }) => type === item.type)) known.push(item);
}

/** What is known of the page before a card gets its `hass`; at least a language. */
export function pageHass(): Hass {
  const root = document.querySelector("home-assistant") as (Element & { hass?: Hass }) | null;
  if (root?.hass?.locale) return root.hass;
  let language = navigator.language;
  try {
    language = JSON.parse(localStorage.getItem("selectedLanguage") ?? "null") ?? language;
  } catch {
    // Nothing was chosen
  }
  return { locale: { language } } as Hass;
}
