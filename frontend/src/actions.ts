// The safest act that can help a miner, and the acts that its owner may want.

import type { Hass } from "./hass";
import { navigate, openDevice } from "./hass";
import { type HmmDevice, isKnown, listOf, nameOf, stateOf } from "./model";
import { COOLER, type Status } from "./status";
import { text } from "./texts";

export interface Action {
  label: string;
  icon: string;
  /** What the button says while it is at work. */
  busy?: string;
  /** A question to ask first. */
  confirm?: string;
  /** The entity whose change confirms it. */
  entity?: string | undefined;
  run(): Promise<unknown> | void;
}

const RESTART_HELPS = new Set(["hash_frozen", "share_overdue", "hardware_fault", "chip_error", "no_core_voltage", "bad_response"]);
const REPAIRS = new Set(["driver_missing", "driver_unavailable", "driver_error", "driver_waiting", "driver_hangs", "driver_no_result"]);
const SETTINGS = new Set(["entry_damaged", "not_set_up", "wrong_device", "not_a_miner", "unsupported_device", "name_not_resolved"]);
const LOGIN = /^(?:login|otp)_/u;

/** What one of the actions of HMM does at miners: a few at a time, since all at once might trip a fuse. */
export async function inBulk(hass: Hass, action: string, miners: HmmDevice[], data: object = {}): Promise<void> {
  const target = { device_id: miners.map(({ id }) => id) };
  const { response } = (await hass.callService("hmm", action, data, target, false, true)) as { response: { miners: { device_id: string; success: boolean }[] } };
  const failed = miners.filter(({ id }) => response.miners.some((row) => row.device_id === id && !row.success)).map(nameOf);
  const total = miners.length;
  if (failed.length) throw new Error(`${text(hass, "done_count", { count: total - failed.length, total })} (${failed.join(", ")})`);
}

interface Refused {
  code?: string | number;
  message?: string;
  translation_domain?: string;
  translation_key?: string;
  translation_placeholders?: Record<string, string>;
  error?: { code?: number };
}

/** How the connection rejects what is sent while it is lost; what was on its way then has it as its code. */
const CONNECTION_LOST = 3;

/** What went wrong, in the user's language: Home Assistant's message is English, and names the text that it is. */
export async function wordsOf(hass: Hass, error: unknown): Promise<string> {
  const { code, message, translation_domain: domain, translation_key: key, translation_placeholders: values, error: lost } = Object(error) as Refused;
  if ([error, lost?.code].includes(CONNECTION_LOST)) return hass.localize("ui.notification_toast.connection_lost");
  // Of an action that has no words of its own but the name of its error
  if (code === "unauthorized" || message === "Unauthorized") return text(hass, "not_allowed");
  const localize = domain && key ? await hass.loadBackendTranslation("exceptions", domain).catch(() => undefined) : undefined;
  return localize?.(`component.${domain}.exceptions.${key}.message`, values) || message || String(error);
}

function press(hass: Hass, entity: string): Promise<unknown> {
  return hass.callService("button", "press", {}, { entity_id: entity });
}

export function modeName(hass: Hass, mode: string): string {
  return hass.localize(`component.hmm.entity.select.mode.state.${mode}`) || mode;
}

export function restart(hass: Hass, miner: HmmDevice): Action | undefined {
  const entity = miner.entities["button.restart"];
  if (!entity || !isKnownOrNew(hass, entity)) return undefined;
  return {
    label: text(hass, "restart"),
    busy: text(hass, "restarting"),
    icon: "mdi:restart",
    confirm: text(hass, "confirm_restart", { name: nameOf(miner) }),
    entity: miner.entities["sensor.status"],
    run: () => press(hass, entity),
  };
}

/** A button was never pressed: its state is unknown, but it is there. */
function isKnownOrNew(hass: Hass, entity: string): boolean {
  const state = hass.states[entity];
  return state !== undefined && state.state !== "unavailable";
}

/** The button of a problem; none is better than one that cannot help. */
export function remedy(hass: Hass, miner: HmmDevice, status: Status): Action | undefined {
  const isAdmin = hass.user?.is_admin === true;
  const { reason = "" } = status;
  const confirmedBy = miner.entities["sensor.status"] ?? miner.entities["sensor.hashrate"];
  switch (status.group) {
    case "overheated": {
      const mode = stateOf(hass, miner, "select.mode");
      const options = listOf(mode, "options");
      const cooler = COOLER.find((name) => options.includes(name));
      if (!isKnown(mode) || !cooler) return undefined;
      const again = restart(hass, miner);
      return {
        label: text(hass, "restart_in", { mode: modeName(hass, cooler) }),
        busy: text(hass, "restarting"),
        icon: "mdi:restart",
        // Of one that has stopped itself a restart interrupts nothing
        ...(stateOf(hass, miner, "sensor.status")?.state === "overheated" || !again?.confirm ? {} : { confirm: again.confirm }),
        entity: confirmedBy,
        run: async () => {
          await hass.callService("select", "select_option", { option: cooler }, { entity_id: mode.entity_id });
          await again?.run();
        },
      };
    }
    case "offline": {
      const plug = stateOf(hass, miner, "switch.mining");
      if (plug?.state === "off") {
        return {
          label: text(hass, "plug_on"),
          busy: text(hass, "checking"),
          icon: "mdi:power-plug",
          entity: confirmedBy,
          run: () => hass.callService("switch", "turn_on", {}, { entity_id: plug.entity_id }),
        };
      }
      if (REPAIRS.has(reason)) return isAdmin ? repairs(hass) : undefined;
      if (SETTINGS.has(reason) || LOGIN.test(reason)) return isAdmin ? settings(hass, miner) : undefined;
      return check(hass, miner);
    }
    case "no_pool":
    case "no_shares":
    case "not_mining":
    case "fault":
      if (status.group === "no_pool" || reason === "no_work") return backupPool(hass, miner);
      if (status.group === "fault" && !RESTART_HELPS.has(reason)) return undefined;
      return restart(hass, miner);
    case "warning":
      return reason === "overheat_lowered" && isAdmin ? repairs(hass) : undefined;
    default:
      return undefined;
  }
}

function repairs(hass: Hass): Action {
  return { label: text(hass, "open_repairs"), icon: "mdi:wrench", run: () => navigate("/config/repairs") };
}

function settings(hass: Hass, miner: HmmDevice): Action {
  return { label: text(hass, "open_page"), icon: "mdi:open-in-app", run: () => openDevice(hass, window, miner) };
}

export function check(hass: Hass, miner: HmmDevice): Action | undefined {
  const entity = ["sensor.hashrate", "sensor.status", "binary_sensor.running"].map((key) => miner.entities[key]).find(Boolean);
  return entity === undefined
    ? undefined
    : {
        label: text(hass, "check"),
        busy: text(hass, "checking"),
        icon: "mdi:refresh",
        run: () => hass.callService("homeassistant", "update_entity", { entity_id: [entity] }),
      };
}

function backupPool(hass: Hass, miner: HmmDevice): Action | undefined {
  const pool = stateOf(hass, miner, "select.pool");
  const options = listOf(pool, "options");
  const other = options.find((option) => option !== pool?.state);
  if (!isKnown(pool) || other === undefined) return undefined;
  return {
    label: text(hass, "backup_pool"),
    busy: text(hass, "switching"),
    icon: "mdi:server-network",
    entity: pool.entity_id,
    run: () => hass.callService("select", "select_option", { option: other }, { entity_id: pool.entity_id }),
  };
}

export function pause(hass: Hass, miner: HmmDevice): Action | undefined {
  const mining = stateOf(hass, miner, "switch.mining");
  if (!isKnown(mining)) return undefined;
  const on = mining.state === "on";
  return {
    label: text(hass, on ? "pause" : "resume"),
    busy: text(hass, on ? "pausing" : "resuming"),
    icon: on ? "mdi:pause" : "mdi:play",
    entity: mining.entity_id,
    run: () => hass.callService("switch", on ? "turn_off" : "turn_on", {}, { entity_id: mining.entity_id }),
  };
}

export function identify(hass: Hass, miner: HmmDevice): Action | undefined {
  const entity = miner.entities["button.identify"];
  if (!entity || !isKnownOrNew(hass, entity)) return undefined;
  return { label: text(hass, "identify"), icon: "mdi:lightbulb-on-outline", run: () => press(hass, entity) };
}

