// The forms of the cards' visual editors, in the shape that Home Assistant draws. Loaded by whoever edits a card.

const MINERS = { device: { multiple: true, filter: [{ integration: "hmm" }], entity: [{ integration: "hmm", domain: "sensor" }] } };

const DEVICES: Record<string, string> = { "hmm-pool-card": "form_device_pool", "hmm-strategy-card": "form_device_strategy" };

export function formOf(card: string, say: (key: string) => string | undefined): object {
  const choice = (name: string, ...values: ("compact" | "detailed" | "figures" | "problems" | "mining" | "best_share")[]) => ({
    name,
    selector: { select: { mode: "dropdown", options: values.map((value) => ({ value, label: say(`form_${value}`) })) } },
  });
  const device = { name: "device_id", required: true, selector: { device: { filter: [{ integration: "hmm" }] } } };
  const title = { name: "title", selector: { text: {} } };
  const limit = { name: "limit", selector: { number: { min: 1, max: 50, mode: "box" } } };
  const forms: Record<string, object[]> = {
    "hmm-fleet-card": [{ name: "highlights", default: true, selector: { boolean: {} } }],
    "hmm-miner-card": [device, choice("layout", "compact", "detailed")],
    "hmm-miners-card": [limit, { name: "devices", selector: MINERS }],
    "hmm-miners-table-card": [{ name: "group", default: true, selector: { boolean: {} } }, { name: "devices", selector: MINERS }],
    "hmm-pool-card": [device, choice("layout", "figures", "compact")],
    "hmm-pools-card": [title, { name: "devices", selector: MINERS }],
    "hmm-leaderboard-card": [title, limit],
    "hmm-strategy-card": [{ ...device, required: false }, { name: "short", selector: { boolean: {} } }],
    "hmm-tuning-card": [device],
    "hmm-fleet-badge": [choice("show", "problems", "mining", "best_share")],
  };
  return {
    schema: forms[card] ?? [],
    computeLabel: ({ name }: { name: string }) =>
      say(name === "device_id" ? (DEVICES[card] ?? "form_device_miner") : card === "hmm-pools-card" && name === "devices" ? "form_devices_pool" : `form_${name}`),
  };
}
