// The dashboard under "Add dashboard": a list of views, each of which makes its cards when it is opened.
// What changes by the minute (who has a problem, who is fastest) is decided by the cards; the strategy only looks
// at registries, and Home Assistant asks it again when those change.

import { type CardConfig, type Hass, list, minerPage, pageHass } from "./hass";
import { type HmmDevice, type Model, modelOf, nameOf } from "./model";
import { loadTexts, text, type TextKey } from "./texts";

interface DashboardConfig {
  type?: string;
  /** A text on the first view, in Markdown. */
  intro?: string;
}

interface ViewConfig extends DashboardConfig {
  view: View;
  device_id?: string;
}

type View = "fleet" | "miners" | "miner" | "pools" | "energy" | "strategy" | "health";
type Card = Partial<CardConfig> & { type: string };
interface Section {
  type: "grid";
  column_span?: number;
  cards: Card[];
}

const ICONS: Record<Exclude<View, "miner">, string> = {
  fleet: "mdi:view-dashboard",
  miners: "mdi:pickaxe",
  pools: "mdi:server-network",
  energy: "mdi:lightning-bolt",
  strategy: "mdi:calendar-clock",
  health: "mdi:heart-pulse",
};
const VIEW = "custom:hmm-view";
const FULL = { columns: "full" };
/** As wide as a column: Home Assistant cuts a name that is longer than its line, and half of it has room for 13 letters. */
const tile = (entity: string): Card => ({ type: "tile", entity, name: { type: "entity" }, grid_options: FULL });

export function dashboard(hass: Hass, config: DashboardConfig): object {
  const model = modelOf(hass);
  const view = (name: Exclude<View, "miner">) => ({
    title: text(hass, `view_${name}`),
    path: name,
    icon: ICONS[name],
    // Words on a desktop, icons with the words as their names on a phone
    show_icon_and_title: globalThis.matchMedia?.("(min-width: 870px)").matches ?? true,
    strategy: { ...(name === "fleet" && config.intro ? { intro: config.intro } : {}), type: VIEW, view: name },
  });
  return {
    title: text(hass, "dashboard"),
    views: [
      view("fleet"),
      ...(model.miners.length ? [view("miners")] : []),
      ...(model.pools.length ? [view("pools")] : []),
      ...(model.miners.some((miner) => "sensor.energy" in miner.entities) ? [view("energy")] : []),
      ...(model.strategies.length ? [view("strategy")] : []),
      ...(model.miners.length ? [view("health")] : []),
      ...model.miners.map((miner) => ({
        title: nameOf(miner),
        path: minerPage(miner.id),
        subview: true,
        back_path: "miners",
        strategy: { type: VIEW, view: "miner", device_id: miner.id },
      })),
    ],
  };
}

function section(cards: (Card | undefined | false)[], column_span = 1): Section {
  return { type: "grid", column_span, cards: cards.filter((card): card is Card => Boolean(card)) };
}

function sections(all: Section[], max_columns: number): object {
  return { type: "sections", max_columns, dense_section_placement: true, sections: all.filter(({ cards }) => cards.length) };
}

export function view(hass: Hass, config: ViewConfig): object {
  const model = modelOf(hass);
  const heading = (key: TextKey, icon: string, path?: string): Card => ({
    type: "heading",
    heading: text(hass, key),
    icon,
    ...(path ? { tap_action: { action: "navigate", navigation_path: path } } : {}),
  });
  switch (config.view) {
    case "fleet":
      return fleetView(hass, model, config, heading);
    case "miners":
      return sections([section([{ type: "custom:hmm-miners-table-card", pages: true, grid_options: FULL }], 4)], 4);
    case "miner":
      return minerView(hass, model.byId.get(config.device_id ?? ""), heading);
    case "pools":
      return sections(
        [
          ...model.pools.map((pool) => section([{ type: "custom:hmm-pool-card", device_id: pool.id, grid_options: FULL }], 4)),
          model.pools.length > 1 && section([{ type: "custom:hmm-pools-card", grid_options: FULL }], 4),
        ].filter((found): found is Section => Boolean(found)),
        4,
      );
    case "energy":
      return energyView(hass, model, heading);
    case "strategy":
      return sections(
        model.strategies.map((strategy) => section([{ type: "custom:hmm-strategy-card", device_id: strategy.id, grid_options: FULL }], 2)),
        2,
      );
    case "health":
      return healthView(model, heading);
  }
}

/** Those of some entities that a device has. */
function of(device: HmmDevice | undefined, ...keys: string[]): string[] {
  return keys.flatMap((key) => device?.entities[key] ?? []);
}

/** An entity of each miner, called like the miner: what it is stands above. */
function named(miners: HmmDevice[], key: string): { entity: string; name: string }[] {
  return miners.flatMap((miner) => of(miner, key).map((entity) => ({ entity, name: nameOf(miner) })));
}

const screen = (query: string): object[] => [{ condition: "screen", media_query: `(${query})` }];
const [DESKTOP, PHONE] = [screen("min-width: 768px"), screen("max-width: 767px")];
/** Three columns beside the sidebar, or fewer. */
const [WIDE, NARROW] = [screen("min-width: 1400px"), screen("max-width: 1399px")];

function fleetView(hass: Hass, model: Model, config: ViewConfig, heading: (key: TextKey, icon: string, path?: string) => Card): object {
  const money = of(model.fleet, "sensor.cost_today", "sensor.revenue_today", "sensor.cost_month", "sensor.revenue_month");
  const hasShares = model.miners.some((miner) => of(miner, "sensor.best_share", "sensor.best_session_share").length);
  // Where there is little room, what explains the miners comes after them
  // Of several one that steers, and the one that has most to say: of prices, else of the sun
  const rests = ({ entities }: HmmDevice): boolean => ["off", "dry_run"].includes(hass.states[entities["sensor.strategy_status"] ?? ""]?.state ?? "");
  const [shown] = ["sensor.strategy_band", "sensor.strategy_surplus", "sensor.strategy_status"]
    .flatMap((key) => model.strategies.filter(({ entities }) => key in entities))
    .sort((one, other) => Number(rests(one)) - Number(rests(other)));
  const strategy = (visibility: object[]): Card[] =>
    (shown ? [shown] : []).flatMap(({ id }) => [
      { ...heading("view_strategy", "mdi:calendar-clock", "strategy"), visibility },
      { type: "custom:hmm-strategy-card", device_id: id, short: true, grid_options: FULL, visibility },
    ]);
  const intro = (visibility: object[]): Card | false =>
    config.intro ? { type: "markdown", text_only: true, content: config.intro, grid_options: FULL, visibility } : false;
  return sections(
    [
      section(
        [
          { ...heading("view_fleet", "mdi:sigma"), visibility: DESKTOP },
          { type: "custom:hmm-fleet-card", more: "miners", pages: true, grid_options: FULL },
          intro(DESKTOP),
          ...strategy(WIDE),
        ],
        2,
      ),
      section([
        model.miners.length > 0 && heading("view_miners", "mdi:pickaxe", "miners"),
        model.miners.length > 0 && { type: "custom:hmm-miners-card", limit: 12, more: "miners", pages: true },
        money.length > 0 && heading("money", "mdi:cash", "energy"),
        ...money.map(tile),
      ]),
      section([
        model.pools.length > 0 && heading("view_pools", "mdi:server-network", "pools"),
        ...model.pools.slice(0, 12).map((pool): Card => ({ type: "custom:hmm-pool-card", layout: "compact", device_id: pool.id })),
        hasShares && heading("best_shares", "mdi:trophy-variant"),
        hasShares && { type: "custom:hmm-leaderboard-card", title: "", limit: 5 },
      ]),
      section([...strategy(NARROW), intro(PHONE)], 2),
      section(week(hass, model, heading), 2),
    ],
    4,
  );
}

/** What the last days cost and brought; the hashrate where nobody named a price. */
function week(hass: Hass, model: Model, heading: (key: TextKey, icon: string) => Card): (Card | false)[] {
  const amounts = (["cost", "revenue"] as const).flatMap((key) => of(model.fleet, `sensor.${key}`).map((entity) => ({ entity, name: text(hass, key) })));
  const [hashrate] = of(model.fleet, "sensor.hashrate");
  if (amounts.length) return [heading("last_7_days", "mdi:cash"), { type: "statistics-graph", entities: amounts, ...PER_DAY }];
  if (!hashrate) return [];
  return [
    heading("last_7_days", "mdi:chart-line"),
    {
      type: "statistics-graph",
      entities: [{ entity: hashrate, name: text(hass, "hashrate") }],
      stat_types: ["mean"],
      days_to_show: 7,
      period: "hour",
      hide_legend: true,
      min_y_axis: 0,
      grid_options: FULL,
    },
  ];
}

function minerView(hass: Hass, miner: HmmDevice | undefined, heading: (key: TextKey, icon: string) => Card): object {
  if (!miner) return sections([section([{ type: "markdown", content: text(hass, "gone") }])], 1);
  const shown = of(miner, "sensor.hashrate", "sensor.temperature", "sensor.power", "sensor.efficiency");
  const tiles = of(miner, "sensor.best_session_share", "sensor.reject_rate", "sensor.uptime", "sensor.energy");
  const online = miner.entities["binary_sensor.online"];
  const logged = of(miner, "sensor.status", "binary_sensor.online", "select.mode", "switch.mining", "event.highlight");
  return sections(
    [
      section([
        { type: "custom:hmm-miner-card", device_id: miner.id, layout: "detailed" },
        // The card says why there is no reading; "unavailable" four times adds nothing
        ...tiles.map((entity): Card => ({ ...tile(entity), ...(online ? { visibility: [{ condition: "state", entity: online, state: "on" }] } : {}) })),
        "sensor.autotune" in miner.entities && { type: "custom:hmm-tuning-card", device_id: miner.id, grid_options: FULL },
      ]),
      section([
        shown.length > 0 && heading("last_24_hours", "mdi:chart-line"),
        ...shown.map((entity): Card => ({ type: "history-graph", hours_to_show: 24, entities: [{ entity, name: { type: "entity" } }], grid_options: FULL })),
      ]),
      section([
        logged.length > 0 && heading("view_history", "mdi:format-list-bulleted"),
        logged.length > 0 && hass.config.components.includes("logbook") && { type: "logbook", target: { entity_id: logged }, hours_to_show: 72, grid_options: { columns: "full", rows: 10 } },
      ]),
    ],
    3,
  );
}

/** What a fleet costs and brings, as far as its owner has named prices. */
const MONEY = ["cost_today", "cost_month", "revenue_today", "revenue_month", "profit_rate", "price"].map((key) => `sensor.${key}`);

const PER_DAY = { stat_types: ["change"], chart_type: "bar", days_to_show: 7, period: "day", grid_options: FULL };

function energyView(hass: Hass, model: Model, heading: (key: TextKey, icon: string) => Card): object {
  const energy = named(model.miners, "sensor.energy");
  const power = named(model.miners, "sensor.power");
  const total = model.fleet?.entities["sensor.power"];
  const money = of(model.fleet, ...MONEY);
  return sections(
    [
      section([
        heading(money.length ? "money" : "power", money.length ? "mdi:cash" : "mdi:lightning-bolt"),
        ...money.map(tile),
        total !== undefined && { ...tile(total), features: [{ type: "trend-graph", hours_to_show: 24 }] },
      ]),
      section(week(hass, model, heading), 2),
      section([energy.length > 0 && heading("energy_today", "mdi:lightning-bolt"), energy.length > 0 && { type: "statistics-graph", entities: energy, ...PER_DAY }]),
      section(
        [
          power.length > 0 && heading("power_by_miner", "mdi:flash"),
          power.length > 0 && { type: "statistics-graph", entities: power, stat_types: ["mean"], days_to_show: 2, period: "hour", min_y_axis: 0, grid_options: FULL },
        ],
        2,
      ),
    ],
    3,
  );
}

function healthView(model: Model, heading: (key: TextKey, icon: string) => Card): object {
  const temperatures = named(model.miners, "sensor.temperature");
  // Gray while all is well and red while it is not; a timeline of all states would be red for what comes first
  const states = named(model.miners, "binary_sensor.problem");
  const updates = [...model.byId.values()].flatMap((device) =>
    Object.entries(device.entities).filter(([key]) => key.startsWith("update.")).map(([, id]) => id),
  );
  return sections(
    [
      section([heading("view_health", "mdi:heart-pulse"), { type: "custom:hmm-fleet-card", more: "miners", pages: true, highlights: false, grid_options: FULL }], 2),
      section(
        [
          states.length > 0 && heading("problems_24h", "mdi:timeline-clock"),
          states.length > 0 && { type: "history-graph", hours_to_show: 24, entities: states, grid_options: FULL },
        ],
        2,
      ),
      section(
        [
          temperatures.length > 0 && heading("temperatures", "mdi:thermometer"),
          temperatures.length > 0 && { type: "history-graph", hours_to_show: 24, entities: temperatures, grid_options: FULL },
        ],
        2,
      ),
      section([updates.length > 0 && heading("updates", "mdi:package-up"), ...updates.map((entity): Card => ({ type: "tile", entity, grid_options: FULL }))]),
    ],
    2,
  );
}

// Never created; Home Assistant only asks the class
const Base = globalThis.HTMLElement ?? Object;

class HmmDashboardStrategy extends Base {
  static noEditor = true;
  static registryDependencies = ["entities", "devices"];

  static async generate(config: DashboardConfig, hass: Hass): Promise<object> {
    // What the first view will ask for, fetched while Home Assistant makes it
    for (const card of [import("./cards/pool"), import("./cards/leaderboard"), import("./cards/strategy"), import("./charts")]) void card.catch(() => undefined);
    await loadTexts(hass.locale.language);
    return dashboard(hass, config);
  }

  static getCreateSuggestions(hass: Hass): object {
    return { title: text(hass, "dashboard"), icon: "mdi:pickaxe" };
  }
}

class HmmViewStrategy extends Base {
  static noEditor = true;
  static registryDependencies = ["entities", "devices"];

  static async generate(config: ViewConfig, hass: Hass): Promise<object> {
    await loadTexts(hass.locale.language);
    return view(hass, config);
  }
}

export function registerStrategies(): void {
  const known: [string, CustomElementConstructor][] = [
    ["ll-strategy-dashboard-hmm", HmmDashboardStrategy as CustomElementConstructor],
    ["ll-strategy-view-hmm-view", HmmViewStrategy as CustomElementConstructor],
  ];
  for (const [name, strategy] of known) if (!customElements.get(name)) customElements.define(name, strategy);
  list("customStrategies", {
    type: "hmm",
    strategyType: "dashboard",
    name: "HMM - Home Miner Manager",
    get description() {
      return text(pageHass(), "dashboard_help");
    },
    documentationURL: "https://github.com/hmm-home-assistant/hmm/blob/main/docs/cards.md",
  } as { type: string });
}
