// The forms of the cards' visual editors, in the shape that Home Assistant draws. Loaded by whoever edits a card.

import { type HmmDevice, type Model, nameOf } from "./model";

const DEVICES: Record<string, string> = { "hmm-pool-card": "form_device_pool", "hmm-strategy-card": "form_device_strategy" };

export function formOf(card: string, model: Model, say: (key: string) => string | undefined): object {
  const choice = (name: string, ...values: ("compact" | "detailed" | "figures" | "problems" | "mining" | "best_share")[]) => ({
    name,
    selector: { select: { mode: "dropdown", options: values.map((value) => ({ value, label: say(`form_${value}`) })) } },
  });
  // Not a choice of devices: that has no filter which tells miners, pools, workers and strategies apart
  const pick = (name: "device_id" | "devices", from: HmmDevice[], required = name === "device_id") => ({
    name,
    required,
    selector: { select: { mode: "dropdown", multiple: name === "devices", options: from.map((one) => ({ value: one.id, label: nameOf(one) })) } },
  });
  const title = { name: "title", selector: { text: {} } };
  const limit = (usual: number) => ({ name: "limit", default: usual, selector: { number: { min: 1, max: 50, mode: "box" } } });
  const forms: Record<string, object[]> = {
    "hmm-fleet-card": [{ name: "highlights", default: true, selector: { boolean: {} } }],
    "hmm-miner-card": [pick("device_id", model.miners), choice("layout", "compact", "detailed")],
    "hmm-miners-card": [limit(12), pick("devices", model.miners)],
    "hmm-miners-table-card": [{ name: "group", default: true, selector: { boolean: {} } }, pick("devices", model.miners)],
    "hmm-pool-card": [pick("device_id", model.pools), choice("layout", "figures", "compact")],
    "hmm-pools-card": [title, pick("devices", model.pools)],
    "hmm-leaderboard-card": [title, limit(10)],
    "hmm-strategy-card": [pick("device_id", model.strategies, false), { name: "short", selector: { boolean: {} } }],
    "hmm-tuning-card": [pick("device_id", model.miners)],
    "hmm-fleet-badge": [choice("show", "problems", "mining", "best_share")],
  };
  return {
    schema: forms[card] ?? [],
    computeLabel: ({ name }: { name: string }) =>
      say(name === "device_id" ? (DEVICES[card] ?? "form_device_miner") : card === "hmm-pools-card" && name === "devices" ? "form_devices_pool" : `form_${name}`),
  };
}
