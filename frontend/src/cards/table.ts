// Many miners: search, filter, sort, group by area, and act on those that are selected.

import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { type Action, inBulk, modeName } from "../actions";
import { HmmCard } from "../card";
import * as f from "../format";
import { type CardConfig, type Hass, openDevice, openMinerPage } from "../hass";
import { areaOf, type HmmDevice, isKnown, listOf, type Model, nameOf, stateOf } from "../model";
import { circle, icon, poolOf, powerText, type Readings, readingsOf, sumOf } from "../parts";
import { needsAttention, type Status, statusOf } from "../status";
import { styles } from "../styles";
import { plural, type TextKey } from "../texts";

interface TableConfig extends CardConfig {
  devices?: string[];
  group?: boolean;
  /** Whether it is on the dashboard of HMM, where each miner has a page. */
  pages?: boolean;
}

type Column = "name" | "hashrate" | "power" | "efficiency" | "temperature" | "mode" | "pool" | "bestShare";
type Filter = "all" | "problems" | "filter_mining" | "filter_paused";

interface Row {
  miner: HmmDevice;
  name: string;
  area: string;
  status: Status;
  readings: Readings;
  mode: string;
  pool: string;
}

const COLUMNS: [Column, TextKey, string][] = [
  ["name", "name", ""],
  ["hashrate", "hashrate", "n"],
  ["power", "power", "n"],
  ["efficiency", "efficiency", "n w4"],
  ["temperature", "chip", "n w4"],
  ["mode", "mode", "w3"],
  ["pool", "pool", "w2"],
  ["bestShare", "best_share", "n w1"],
];

const FITS: Record<Filter, (status: Status) => boolean> = {
  all: () => true,
  problems: needsAttention,
  filter_mining: (status) => status.group === "mining",
  filter_paused: (status) => status.group === "resting",
};

export class HmmMinersTableCard extends HmmCard<TableConfig> {
  static styles = [
    styles,
    css`
      ha-card { display: flex; flex-direction: column; }
      .tools, .selbar { display: flex; gap: 8px; padding: 10px; align-items: center; flex-wrap: wrap; }
      .search { display: flex; align-items: center; gap: 8px; height: 36px; border-radius: 18px; background: var(--hmm-fill); padding: 0 12px; color: var(--hmm-text-2); flex: 0 1 220px; min-width: 150px; }
      .search:focus-within { outline: 2px solid var(--primary-color, #009ac7); }
      input[type="search"] { border: 0; background: none; font: inherit; color: var(--hmm-text); outline: none; min-width: 0; width: 100%; }
      input::placeholder { color: var(--hmm-text-2); opacity: 1; }
      .pills { display: flex; gap: 8px; overflow-x: auto; scrollbar-width: none; padding: 4px; margin: -4px; }
      .pill { display: inline-flex; align-items: center; gap: 8px; height: 36px; padding: 0 12px; border-radius: 18px; border: 1px solid var(--ha-card-border-color, var(--hmm-line)); font-size: 12px; white-space: nowrap; flex: none; }
      .pill ha-icon { color: var(--c, var(--hmm-text-2)); }
      .pill[aria-pressed="true"] { background: color-mix(in srgb, var(--primary-color, #009ac7) 20%, var(--hmm-card)); border-color: var(--primary-color, #009ac7); font-weight: 500; }
      .end { margin-inline-start: auto; }
      .selbar { background: color-mix(in srgb, var(--primary-color, #009ac7) 18%, var(--hmm-card)); padding-block: 8px; }
      .selbar .btn { background: color-mix(in srgb, var(--hmm-text) 8%, transparent); flex: 0 0 auto; }
      .selbar select { appearance: none; font: inherit; font-weight: 500; color: inherit; border: 0; border-radius: 12px; height: 36px; padding: 0 12px; background: color-mix(in srgb, var(--hmm-text) 8%, transparent); max-width: 160px; }
      option { background: var(--hmm-card); color: var(--hmm-text); font-weight: 400; }
      .note { padding: 0 14px 8px; background: color-mix(in srgb, var(--primary-color, #009ac7) 18%, var(--hmm-card)); font-size: 12px; }
      .scroll { overflow: auto; max-height: 720px; flex: 1; }
      table { width: 100%; border-collapse: separate; border-spacing: 0; }
      thead th { position: sticky; top: 0; z-index: 1; background: var(--hmm-card); font-weight: 500; font-size: 12px; text-align: start; color: var(--hmm-text-2); height: 40px; padding: 0 8px; border-block: 1px solid var(--hmm-line); white-space: nowrap; }
      th button { min-height: 40px; display: inline-flex; align-items: center; gap: 4px; }
      td { height: 48px; padding: 0 8px; border-bottom: 1px solid var(--hmm-line); white-space: nowrap; }
      td.n, th.n { text-align: end; } th.n button { flex-direction: row-reverse; }
      .up { transform: scaleY(-1); }
      td.box, th.box { width: 44px; padding: 0; padding-inline-start: 10px; }
      td.name { width: 40%; max-width: 0; }
      td .ic { width: 28px; height: 28px; } td .ic ha-icon { --mdc-icon-size: 18px; }
      .nm { display: flex; align-items: center; gap: 10px; width: 100%; min-height: 46px; }
      .nm .tx { line-height: 18px; }
      td.pool { max-width: 180px; overflow: hidden; text-overflow: ellipsis; }
      tbody th { text-align: start; font-weight: 400; padding: 0 8px; }
      tr.grp > * { height: 40px; background: var(--hmm-fill); font-size: 12px; border-bottom: 1px solid var(--hmm-line); }
      .grp button { display: inline-flex; align-items: center; gap: 8px; min-height: 40px; font-size: 14px; }
      tr.sel td { background: color-mix(in srgb, var(--primary-color, #009ac7) 14%, transparent); }
      .chk { width: 18px; height: 18px; accent-color: var(--primary-color, #009ac7); margin: 0; display: block; }
      .lab { display: grid; place-items: center; width: 34px; height: 44px; cursor: pointer; }
      .phone { display: none; font-size: 12px; }
      @container (max-width: 1000px) { .w1 { display: none; } }
      @container (max-width: 860px) { .w2 { display: none; } }
      @container (max-width: 740px) { .w3 { display: none; } }
      @container (max-width: 600px) {
        .w4, .hide, thead, .group { display: none; }
        td { height: 60px; }
        td .ic { width: 36px; height: 36px; } td .ic ha-icon { --mdc-icon-size: 24px; }
        .phone { display: block; }
        .search { flex: 1 1 100%; order: 2; }
        td.name { width: 100%; padding-block: 4px; }
        .nm .q { white-space: normal; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
      }
    `,
  ];
  static properties = {
    ...HmmCard.properties,
    words: { state: true },
    filter: { state: true },
    sorted: { state: true },
    isUp: { state: true },
    grouped: { state: true },
  };

  declare words: string;
  declare filter: Filter;
  declare sorted: Column;
  declare isUp: boolean;
  declare grouped: boolean;
  private selected = new Set<string>();
  private closed = new Set<string>();
  private lastPicked = "";
  /** The mode that was chosen last for those that are selected. */
  private mode = "";
  private shown: string[] = [];

  constructor() {
    super();
    this.words = "";
    this.filter = "all";
    this.sorted = "name";
    this.isUp = true;
    this.grouped = true;
  }

  setConfig(config: TableConfig): void {
    super.setConfig(config);
    this.grouped = config.group !== false;
  }

  static getStubConfig(): Partial<TableConfig> {
    return {};
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const wanted = this.config.devices ?? [];
    const all = model.miners.filter(({ id }) => !wanted.length || wanted.includes(id)).map((miner): Row => this.rowOf(hass, model, miner));
    if (!all.length) return this.message(this.t("no_miners"));
    const words = this.words.trim().toLocaleLowerCase();
    const rows = all.filter(
      ({ name, area, status, pool }) => FITS[this.filter](status) && (!words || `${name} ${area} ${pool} ${status.word}`.toLocaleLowerCase().includes(words)),
    );
    this.sort(hass, rows);
    const problems = rows.filter(({ status }) => needsAttention(status));
    const others = rows.filter(({ status }) => !needsAttention(status));
    const areas = this.grouped && all.some(({ area }) => area) ? groupsOf(others, this.t("no_area")) : [[this.t("others"), others] as const];
    const groups: (readonly [string, Row[]])[] = [...(problems.length ? [[this.t("word_attention"), problems] as const] : []), ...areas];
    this.shown = groups.flatMap(([, group]) => group.map(({ miner }) => miner.id));
    for (const id of this.selected) if (!all.some(({ miner }) => miner.id === id)) this.selected.delete(id);
    const picked = all.filter(({ miner }) => this.selected.has(miner.id));
    return html`<ha-card
      role="article"
      aria-label=${this.t("view_miners")}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === "Escape" && this.selected.size) this.pickNone();
      }}
    >
      ${this.tools(hass, all)} ${picked.length ? this.selection(hass, picked) : nothing}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th class="box" scope="col"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_all")}
                .checked=${this.shown.length > 0 && this.shown.every((id) => this.selected.has(id))}
                .indeterminate=${picked.length > 0 && !this.shown.every((id) => this.selected.has(id))}
                @change=${(event: Event) => this.pickAll((event.target as HTMLInputElement).checked)} /></label></th>
              ${COLUMNS.map(([column, key, classes]) => this.header(column, key, classes))}
            </tr>
          </thead>
          ${repeat(groups, ([title, group]) => (group === problems ? 0 : title), ([title, group]) => this.group(hass, title, group, groups.length > 1))}
        </table>
        ${rows.length ? nothing : html`<div class="empty">${this.t("nothing_found")}</div>`}
      </div>
    </ha-card>`;
  }

  private rowOf(hass: Hass, model: Model, miner: HmmDevice): Row {
    const mode = stateOf(hass, miner, "select.mode");
    return {
      miner,
      name: nameOf(miner),
      area: areaOf(hass, miner) ?? "",
      status: statusOf(hass, miner),
      readings: readingsOf(hass, miner),
      mode: isKnown(mode) ? modeName(hass, mode.state) : "",
      pool: poolOf(hass, model, miner)?.name ?? "",
    };
  }

  private sort(hass: Hass, rows: Row[]): void {
    const { sorted, isUp } = this;
    const text = new Intl.Collator(hass.locale.language, { numeric: true });
    const sign = isUp ? 1 : -1;
    rows.sort((a, b) => {
      if (sorted === "name" || sorted === "mode" || sorted === "pool") return sign * text.compare(a[sorted], b[sorted]);
      const [x, y] = [a.readings[sorted], b.readings[sorted]];
      // What is not known stands last in both directions
      if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
      return sign * (x - y) || text.compare(a.name, b.name);
    });
  }

  private tools(hass: Hass, all: Row[]): TemplateResult {
    const looks: Record<Filter, [string, string]> = {
      all: ["", ""],
      problems: ["mdi:alert", "err"],
      filter_mining: ["mdi:pickaxe", "ok"],
      filter_paused: ["mdi:pause", "off"],
    };
    return html`<div class="tools">
      <label class="search">${icon("mdi:magnify", "small")}<input
        type="search"
        placeholder=${this.t("search_count", { count: all.length })}
        aria-label=${this.t("search_count", { count: all.length })}
        .value=${this.words}
        @input=${(event: Event) => (this.words = (event.target as HTMLInputElement).value)}
      /></label>
      <div class="pills">
        ${(Object.keys(FITS) as Filter[]).map((filter) => {
          const count = all.filter(({ status }) => FITS[filter](status)).length;
          if (filter !== "all" && !count && this.filter !== filter) return nothing;
          const [name, tone] = looks[filter];
          return html`<button class="pill ${tone}" aria-pressed=${this.filter === filter ? "true" : "false"} @click=${() => (this.filter = filter)}>
            ${name ? icon(name, "small") : nothing}${this.t(filter)} ${f.number(hass, count)}
          </button>`;
        })}
      </div>
      ${all.some(({ area }) => area)
        ? html`<button class="pill end group" aria-pressed=${this.grouped ? "true" : "false"} @click=${() => (this.grouped = !this.grouped)}>${icon("mdi:home-group", "small")}${this.t("group_by_area")}</button>`
        : nothing}
    </div>`;
  }

  private header(column: Column, key: TextKey, classes: string): TemplateResult {
    const label = column === "efficiency" ? "J/TH" : this.t(key);
    const isSorted = this.sorted === column;
    const choose = () => {
      this.isUp = isSorted ? !this.isUp : column === "name" || column === "mode" || column === "pool";
      this.sorted = column;
    };
    return html`<th scope="col" class=${classes} aria-sort=${isSorted ? (this.isUp ? "ascending" : "descending") : "none"}>
      <button aria-label=${this.t("sort_by", { column: this.t(key) })} @click=${choose}>${label}${isSorted ? icon("mdi:arrow-up", `small ${this.isUp ? "" : "up"}`) : nothing}</button>
    </th>`;
  }

  private group(hass: Hass, title: string, rows: Row[], isTitled: boolean): TemplateResult {
    const isClosed = isTitled && this.closed.has(title);
    const sum = (key: "hashrate" | "power") => {
      const total = sumOf(rows.map(({ readings }) => readings[key]));
      return total === undefined ? "–" : f.join(f[key](hass, total));
    };
    const toggle = () => {
      if (!this.closed.delete(title)) this.closed.add(title);
      this.requestUpdate();
    };
    return html`<tbody>
      ${isTitled
        ? html`<tr class="grp">
            <th colspan="2" scope="rowgroup"><button aria-expanded=${isClosed ? "false" : "true"} @click=${toggle}>${icon(isClosed ? "mdi:chevron-right" : "mdi:chevron-down", "small flip")}<strong>${title}</strong><span class="sec">· ${f.number(hass, rows.length)}</span></button></th>
            <td class="n"><bdi>${sum("hashrate")}</bdi></td>
            <td class="n hide"><bdi>${sum("power")}</bdi></td>
            <td class="w4" colspan="2"></td><td class="w3"></td><td class="w2"></td><td class="w1"></td>
          </tr>`
        : nothing}
      ${isClosed ? nothing : repeat(rows, ({ miner }) => miner.id, (row) => this.row(hass, row))}
    </tbody>`;
  }

  private row(hass: Hass, row: Row): TemplateResult {
    const { miner, name, status, readings } = row;
    const isPicked = this.selected.has(miner.id);
    const power = powerText(hass, readings);
    const cell = (words: string) => words ? html`<bdi>${words}</bdi>` : html`<span title=${this.t(status.group === "offline" ? "no_reading" : "not_reported")}>–</span>`;
    const second = status.line || status.word;
    return html`<tr class=${isPicked ? "sel" : ""}>
      <td class="box"><label class="lab"><input type="checkbox" class="chk" aria-label=${this.t("select_name", { name })} .checked=${isPicked} @click=${(event: MouseEvent) => this.pick(miner.id, event.shiftKey)} /></label></td>
      <td class="name"><button class="nm" @click=${() => (this.config.pages ? openMinerPage(miner.id) : openDevice(hass, this, miner))}>
        ${circle(status.tone, status.form, status.icon)}
        <span class="tx"><span class="e" style="display:block" title=${name}><bdi>${name}</bdi></span><span class="q e ${needsAttention(status) ? "" : "sec"}" title=${second}><bdi>${second}</bdi></span></span>
      </button></td>
      <td class="n">${cell(readings.hashrate === undefined ? "" : f.join(f.hashrate(hass, readings.hashrate)))}<span class="phone sec">${cell(power)}</span></td>
      <td class="n hide">${cell(power)}</td>
      <td class="n w4">${cell(readings.efficiency === undefined ? "" : f.number(hass, readings.efficiency, 1, true))}</td>
      <td class="n w4">${cell(readings.temperatureText)}</td>
      <td class="w3">${cell(row.mode)}</td>
      <td class="w2 pool" title=${row.pool}>${cell(row.pool)}</td>
      <td class="n w1" title=${readings.bestShare === undefined ? "" : f.number(hass, readings.bestShare)}>${cell(readings.bestShare === undefined ? "" : f.join(f.difficulty(hass, readings.bestShare)))}</td>
    </tr>`;
  }

  // ---- the selection

  private pick(id: string, isRange: boolean): void {
    const isOn = !this.selected.has(id);
    const [from, to] = [this.shown.indexOf(this.lastPicked), this.shown.indexOf(id)];
    const range = isRange && from >= 0 ? this.shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const one of range) {
      if (isOn) this.selected.add(one);
      else this.selected.delete(one);
    }
    this.lastPicked = id;
    this.requestUpdate();
  }

  private pickAll(isOn: boolean): void {
    for (const id of this.shown) {
      if (isOn) this.selected.add(id);
      else this.selected.delete(id);
    }
    this.requestUpdate();
  }

  private pickNone(): void {
    this.selected.clear();
    this.asking = undefined;
    this.requestUpdate();
  }

  private selection(hass: Hass, picked: Row[]): TemplateResult {
    const total = picked.length;
    const modes = new Map<string, HmmDevice[]>();
    for (const { miner } of picked) {
      const mode = stateOf(hass, miner, "select.mode");
      for (const option of isKnown(mode) ? listOf(mode, "options") : []) modes.set(option, [...(modes.get(option) ?? []), miner]);
    }
    const setMode = (mode: string): Action => {
      const [name, able] = [modeName(hass, mode), modes.get(mode) ?? []];
      const confirm = able.length > 1 ? this.t("confirm_mode_many", { count: able.length, mode: name }) : "";
      return { label: name, busy: `${name} …`, icon: "mdi:speedometer", confirm, run: () => inBulk(hass, "set_mode", able, { mode }) };
    };
    const choose = (mode: string) => {
      this.mode = mode;
      if (setMode(mode).confirm) this.host.ask("mode");
      else this.host.start("mode", setMode(mode));
    };
    const ids = (key: string, state?: string) =>
      picked.map(({ miner }) => miner).filter((miner) => {
        const found = stateOf(hass, miner, key);
        return found !== undefined && found.state !== "unavailable" && (state === undefined || found.state === state);
      });
    const [on, off, restartable] = [ids("switch.mining", "on"), ids("switch.mining", "off"), ids("button.restart")];
    const actions: [string, Action | undefined][] = [
      ["pause", this.bulk("pause", "pausing", "mdi:pause", on, total)],
      ["resume", this.bulk("resume", "resuming", "mdi:play", off, total)],
      ["restart", this.bulk("restart", "restarting", "mdi:restart", restartable, total)],
    ];
    const failure = ["pause", "resume", "restart", "mode"].map((key) => this.failure(key)).find(Boolean);
    const asked = [...actions, ["mode", setMode(this.mode)] as const].find(([key]) => key === this.asking);
    return html`<div class="selbar" role="toolbar" aria-label=${plural(hass, "selected", total)}>
        <button class="ib" aria-label=${this.t("end_selection")} @click=${() => this.pickNone()}>${icon("mdi:close")}</button>
        <strong>${plural(hass, "selected", total)}</strong>
        ${this.shown.every((id) => this.selected.has(id)) ? nothing : html`<button class="btn" aria-label=${this.t("select_all")} @click=${() => this.pickAll(true)}>${this.t("all")}</button>`}
        <span class="end btns">
          ${modes.size
            ? html`<select data-key="mode" aria-label=${this.t("mode")} .value=${""} @change=${(event: Event) => {
                const box = event.target as HTMLSelectElement;
                if (box.value) choose(box.value);
                box.value = "";
              }}>
                <option value="">${this.busy("mode") ?? this.t("mode")}</option>
                ${[...modes].map(([mode, able]) => html`<option value=${mode}>${able.length === total ? modeName(hass, mode) : this.t("mode_count", { mode: modeName(hass, mode), count: able.length, total })}</option>`)}
              </select>`
            : nothing}
          ${actions.map(([key, action]) => this.selButton(key, action))}
        </span>
      </div>
      ${asked ? this.questionOf(asked[0], asked[1]) : nothing}
      ${failure ? html`<p class="note" role="alert">${failure}</p>` : nothing}`;
  }

  private selButton(key: string, action: Action | undefined): TemplateResult | typeof nothing {
    const busy = this.busy(key);
    if (!action && !busy) return nothing;
    return html`<button class="btn sm" data-key=${key} aria-disabled=${busy === undefined ? nothing : "true"} @click=${() => action && busy === undefined && (action.confirm ? this.host.ask(key) : this.host.start(key, action))}>
      ${icon(action?.icon ?? "mdi:timer-sand", "small")}${busy ?? action?.label}
    </button>`;
  }

  /** What is done at all that are selected; it asks first, for one miner only where its own card does. */
  private bulk(key: "pause" | "resume" | "restart", busy: TextKey, name: string, miners: HmmDevice[], total: number): Action | undefined {
    const [first, ...others] = miners;
    if (!first) return undefined;
    const confirm = others.length ? this.t(`confirm_${key}_many`, { count: miners.length }) : key === "restart" ? this.t("confirm_restart", { name: nameOf(first) }) : "";
    return {
      label: miners.length === total ? this.t(key) : this.t("mode_count", { mode: this.t(key), count: miners.length, total }),
      busy: this.t(busy),
      icon: name,
      confirm,
      run: () => inBulk(this.hass, key, miners),
    };
  }
}

function groupsOf(rows: Row[], noArea: string): (readonly [string, Row[]])[] {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const area = row.area || noArea;
    found.set(area, [...(found.get(area) ?? []), row]);
  }
  return [...found].sort(([a], [b]) => Number(a === noArea) - Number(b === noArea) || a.localeCompare(b));
}
