// Is all well? The verdict, what needs a person with the button that helps, and what the fleet does.

import { css, html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { type Action, remedy } from "../actions";
import { HmmCard } from "../card";
import * as f from "../format";
import { type CardConfig, type Hass, moreInfo, navigate, openDevice, openMinerPage } from "../hass";
import { areaOf, type HmmDevice, type Model, modelOf, nameOf, stateOf } from "../model";
import { actionButton, big, circle, icon, perDay, quantity, readingsOf, type Readings, type Stat, stats, sumOf } from "../parts";
import { isPrivate, needsAttention, type PoolStatus, poolName, poolStatus, setPrivate, type Status, statusOf } from "../status";
import { styles } from "../styles";
import { maybeText, plural } from "../texts";

interface FleetConfig extends CardConfig {
  highlights?: boolean;
  /** Where "2 more problems" leads. */
  more?: string;
  /** On the dashboard of HMM each miner has a page. */
  pages?: boolean;
}

interface One {
  miner: HmmDevice;
  status: Status;
  readings: Readings;
}

/** One row of the problems: a miner, miners with one cause, or a pool. */
interface Problem {
  key: string;
  title: string;
  line: string;
  tone: Status["tone"];
  form: Status["form"];
  icon: string;
  rank: number;
  open: () => void;
  action?: Action | undefined;
}

const MOST_PROBLEMS = 3;
const SAME_TIME = 120_000;

export class HmmFleetCard extends HmmCard<FleetConfig> {
  static styles = [
    styles,
    css`
      .prob { border-top: 1px solid var(--hmm-line); }
      .prob .in { display: flex; align-items: center; gap: 10px; padding: 10px; }
      .prob .to { display: flex; align-items: center; gap: 10px; flex: 1; min-width: 0; }
      .fail { padding: 0 10px 10px 56px; font-size: 12px; }
      ha-card.alarm { border-color: var(--hmm-err); }
      ha-card.alarm > .tile:first-child { background: color-mix(in srgb, var(--error-color, #db4437) 12%, transparent); }
      ha-card.alert { border-color: var(--hmm-warn); }
      ha-card.alert > .tile:first-child { background: color-mix(in srgb, var(--warning-color, #ffa600) 12%, transparent); }
      .more { display: flex; align-items: center; justify-content: space-between; width: 100%; min-height: 44px; padding: 0 12px; }
      .hl { display: flex; flex-wrap: wrap; border-top: 1px solid var(--hmm-line); }
      .hl > * { flex: 1 1 220px; }
      .without { margin: 0; padding: 0 14px 10px; font-size: 12px; line-height: 16px; }
      .start { padding: 8px 10px 10px; }
      @container (max-width: 419px) {
        .alarm .hl, .alert .hl { display: none; }
        .prob .btn ha-icon { display: none; }
      }
    `,
  ];

  static getStubConfig(): Partial<FleetConfig> {
    return {};
  }

  getCardSize(): number {
    return 6;
  }

  getGridOptions(): object {
    return { columns: 12, min_columns: 6 };
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    if (!model.miners.length) return this.nothingYet(hass);
    const all = model.miners.map((miner) => ({ miner, status: statusOf(hass, miner), readings: readingsOf(hass, miner) }));
    const pools = model.pools.map((pool) => ({ pool, status: poolStatus(hass, model, pool) }));
    const bad = all.filter(({ status }) => needsAttention(status));
    const problems = [
      ...this.minerProblems(hass, bad),
      ...pools.filter(({ status }) => status.bad).map(({ pool, status }) => this.poolProblem(hass, model, pool, status)),
    ].sort((a, b) => a.rank - b.rank);
    const isError = problems.some(({ tone }) => tone === "err");
    const shown = problems.slice(0, MOST_PROBLEMS);
    return html`<ha-card role="article" aria-label=${this.t("view_fleet")} class=${problems.length ? (isError ? "alarm" : "alert") : ""}>
      ${this.verdict(hass, model, all, bad, pools, problems, isError)}
      ${isPrivate() ? this.privacyRow() : nothing}
      <div aria-live="polite" aria-relevant="additions">${repeat(shown, ({ key }) => key, (problem) => this.problemRow(problem))}</div>
      ${problems.length > shown.length
        ? html`<button class="more sec line" @click=${() => this.showAll()}>
            ${plural(hass, "more_problems", problems.length - shown.length)}${icon("mdi:chevron-right", "flip")}
          </button>`
        : nothing}
      <div class="line">${this.hashrate(hass, model, all)}</div>
      ${stats(this.cells(hass, model, all))} ${this.notCounted(hass, model)}
      ${this.config.highlights === false ? nothing : this.highlights(hass, model)}
    </ha-card>`;
  }

  private nothingYet(hass: Hass): TemplateResult {
    const isAdmin = hass.user?.is_admin === true;
    const add = () => navigate("/config/integrations/dashboard/add?domain=hmm");
    return html`<ha-card role="article" aria-label=${this.t("view_fleet")}>
      <div class="tile big">${circle("off", "tint", "mdi:pickaxe")}
        <div class="tx"><h2 class="p">${this.t("no_miners")}</h2><span class="q">${this.t(isAdmin ? "no_miners_help" : "ask_admin")}</span></div>
      </div>
      ${isAdmin
        ? html`<div class="btns start line">
            <button class="btn tone info" @click=${add}>${icon("mdi:magnify", "small")}${this.t("find_miners")}</button>
            <button class="btn" @click=${add}>${icon("mdi:plus", "small")}${this.t("add_pool")}</button>
          </div>`
        : nothing}
    </ha-card>`;
  }

  private verdict(
    hass: Hass,
    model: Model,
    all: One[],
    bad: One[],
    pools: { pool: HmmDevice; status: PoolStatus }[],
    problems: Problem[],
    isError: boolean,
  ): TemplateResult {
    const only = all.length === 1 ? all[0] : undefined;
    const name = only ? nameOf(only.miner) : "";
    const number = only ? "one" : all.length === 2 ? "two" : "other";
    const badPools = pools.filter(({ status }) => status.bad).length;
    const resting = all.filter(({ status }) => status.group === "resting").length;
    const waiting = all.filter(({ status }) => status.isWaiting).length;
    let title: string;
    let look = circle("ok", "tint", "mdi:check");
    if (problems.length) {
      look = circle(isError ? "err" : "warn", "solid", "mdi:alert");
      title = bad.length
        ? only
          ? this.t("verdict_one", { name })
          : plural(hass, "verdict_problems", bad.length, { total: all.length })
        : pools.length === 1 && pools[0]
          ? this.t("verdict_one", { name: poolName(hass, model.pools, pools[0].pool) })
          : plural(hass, "verdict_pools", badPools, { total: pools.length });
    } else if (waiting === all.length) {
      look = circle("off", "tint", "mdi:help");
      title = this.t("verdict_waiting");
    } else if (resting === all.length) {
      look = circle("off", "tint", "mdi:pause");
      title = this.t(`verdict_resting_${number}`, { name, count: all.length });
    } else if (waiting) {
      look = circle("off", "tint", "mdi:help");
      title = plural(hass, "verdict_some_well", all.length - waiting, { total: all.length });
    } else {
      title = this.t(`verdict_well_${number}`, { name, count: all.length });
    }
    return html`<div class="tile big">
      ${look}
      <div class="tx"><h2 class="p clamp"><bdi>${title}</bdi></h2><span class="q"><bdi>${this.summary(hass, model, all, pools, only)}</bdi></span></div>
      ${isPrivate()
        ? nothing
        : html`<button class="ib" aria-label=${this.t("hide_private")} title=${this.t("hide_private")} @click=${() => setPrivate(true)}>${icon("mdi:eye")}</button>`}
    </div>`;
  }

  private summary(hass: Hass, model: Model, all: One[], pools: { status: PoolStatus }[], only: One | undefined): string {
    const counts = new Map<string, number>();
    for (const { status } of all) {
      const group = status.group === "unknown" && !status.isWaiting ? "well" : status.group;
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    let wrong: string[] = [];
    let right: string[] = [];
    if (only) {
      right.push(only.status.line || only.status.word);
    } else {
      for (const [group, count] of [...counts].sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b))) {
        const words = maybeText(hass, `count_${group}`, { count });
        if (words) wrong.push(words);
        else right.push(plural(hass, `count_${group}` as "count_mining", count));
      }
    }
    if (wrong.length > 3) {
      // The rows below say it better
      wrong = [];
      right = [plural(hass, "count_well", all.filter(({ status }) => !needsAttention(status)).length)];
    }
    const missing = this.missing(hass, model, all);
    const connected = pools.filter(({ status }) => status.isConnected).length;
    return [
      wrong.join(", "),
      right.join(", "),
      missing ? this.t("missing", { hashrate: f.join(f.hashrate(hass, missing)) }) : "",
      pools.length && !all.some(({ status }) => needsAttention(status))
        ? connected === pools.length
          ? plural(hass, "pools_connected", pools.length)
          : this.t("pools_some", { count: connected, total: pools.length })
        : "",
    ].filter(Boolean).join(" · ");
  }

  /** H/s that should be there and are not, while somebody needs attention. */
  private missing(hass: Hass, model: Model, all: One[]): number | undefined {
    const { total, expected } = totalsOf(hass, model, all);
    if (total === undefined || !expected || !all.some(({ status }) => needsAttention(status))) return undefined;
    const missing = expected - total;
    return missing > expected * 0.02 ? missing : undefined;
  }

  private minerProblems(hass: Hass, bad: One[]): Problem[] {
    const rows: Problem[] = [];
    const left = new Set(bad);
    for (const one of bad) {
      if (!left.has(one)) continue;
      const alike = [...left].filter((other) => isSameCause(hass, one, other));
      if (one.status.group === "offline" && alike.length > 2) {
        for (const other of alike) left.delete(other);
        const area = areaOf(hass, one.miner);
        rows.push({
          ...this.look(one.status),
          key: `group-${one.miner.id}`,
          title: area ? this.t("group_title", { count: alike.length, area }) : this.t("group_title_plain", { count: alike.length }),
          line: this.t("group_offline", { time: one.status.since ? f.moment(hass, one.status.since) : "" }),
          open: () => this.showAll(),
          action: {
            label: this.t("show_count", { count: alike.length }),
            icon: "mdi:format-list-bulleted",
            run: () => this.showAll(),
          },
        });
        continue;
      }
      left.delete(one);
      rows.push({
        ...this.look(one.status),
        key: one.miner.id,
        title: nameOf(one.miner),
        line: one.status.longLine,
        // Its page says what to do
        open: () => (this.config.pages ? openMinerPage(one.miner.id) : moreInfo(this, one.miner.entities["sensor.status"] ?? one.miner.entities["binary_sensor.problem"])),
        action: remedy(hass, one.miner, one.status),
      });
    }
    return rows;
  }

  /** Where all miners are: a page of the settings is for administrators alone. */
  private showAll(): void {
    const { more } = this.config;
    if (more || this.hass.user?.is_admin) navigate(more ?? "/config/integrations/integration/hmm");
    else moreInfo(this, modelOf(this.hass).fleet?.entities["sensor.problems"]);
  }

  private look(status: Status): Pick<Problem, "tone" | "form" | "icon" | "rank"> {
    return { tone: status.tone, form: status.form, icon: status.icon, rank: status.rank };
  }

  private poolProblem(hass: Hass, model: Model, pool: HmmDevice, status: PoolStatus): Problem {
    return {
      key: pool.id,
      title: poolName(hass, model.pools, pool),
      line: status.line,
      tone: status.tone,
      form: status.form,
      icon: status.icon,
      rank: status.tone === "err" ? 3 : 7,
      open: () => openDevice(hass, this, pool),
    };
  }

  private problemRow(problem: Problem): TemplateResult {
    const { key, action } = problem;
    const failure = this.failure(key);
    return html`<div class="prob ${problem.tone}">
      <div class="in">
        <button class="to" @click=${problem.open}>
          ${circle(problem.tone, problem.form, problem.icon)}
          <span class="tx"><span class="p clamp" title=${problem.title}><bdi>${problem.title}</bdi></span><span class="q"><bdi>${problem.line}</bdi></span></span>
        </button>
        ${this.isAsking(key, action) ? nothing : actionButton(this.host, key, action, "sm tone")}
      </div>
      ${this.questionOf(key, action)}
      ${failure ? html`<p class="fail" role="alert">${failure}</p>` : nothing}
    </div>`;
  }

  private privacyRow(): TemplateResult {
    return html`<div class="tile big line">
      ${circle("info", "tint", "mdi:eye-off")}
      <span class="tx"><span class="p">${this.t("hidden")}</span><span class="q">${this.t("hidden_help")}</span></span>
      <button class="btn sm" aria-label=${this.t("show_private")} @click=${() => setPrivate(false)}>${icon("mdi:eye", "small")}${this.t("show")}</button>
    </div>`;
  }

  private hashrate(hass: Hass, model: Model, all: One[]): TemplateResult {
    const { total, expected } = totalsOf(hass, model, all);
    if (total === undefined) return html`<div class="hero"><span>${this.t("no_reading")}</span></div>`;
    const ratio = expected ? total / expected : undefined;
    return html`<div class="hero">
        <button class="big-n" @click=${() => moreInfo(this, model.fleet?.entities["sensor.hashrate"])}>${big(f.hashrate(hass, total))}</button>
        ${expected ? html`<bdi class="sec">${this.t("expected", { hashrate: f.join(f.hashrate(hass, expected)) })}</bdi>` : nothing}
      </div>
      ${ratio === undefined
        ? nothing
        : html`<div class="meter ${ratio < 0.9 ? "warn" : "ok"}" aria-hidden="true"><i style="inline-size:${Math.min(100, ratio * 100)}%"></i></div>`}`;
  }

  private cells(hass: Hass, model: Model, all: One[]): (Stat | undefined | false)[] {
    const { fleet } = model;
    const power = f.readPower(stateOf(hass, fleet, "sensor.power")) ?? sumOf(all.map(({ readings }) => readings.power));
    const efficiency = f.numeric(stateOf(hass, fleet, "sensor.efficiency"));
    const cost = perDay(hass, stateOf(hass, fleet, "sensor.cost_rate"));
    const earned = perDay(hass, stateOf(hass, fleet, "sensor.revenue_rate"));
    const soonest = stateOf(hass, fleet, "sensor.soonest_block");
    const days = f.readDays(soonest);
    const price = f.numeric(stateOf(hass, fleet, "sensor.price"));
    const online = all.filter(({ status }) => status.group !== "offline" && !status.isWaiting && !isOff(status)).length;
    const only = all.length === 1 ? all[0] : undefined;
    return [
      cost
        ? { label: this.t("cost"), value: quantity([cost.text, this.t("unit_a_day")]) }
        : needsPrice(fleet) && { label: this.t("cost"), value: this.t("no_price"), isWord: true },
      earned
        ? { label: this.t("revenue"), value: quantity([earned.text, this.t("unit_a_day")]) }
        : days !== undefined && {
            label: this.t("odds"),
            value: html`<span class="num">≈&nbsp;${f.longTime(hass, days, (time) => this.t("over", { time }))}</span>`,
            title: typeof soonest?.attributes.coin === "string" ? soonest.attributes.coin : undefined,
          },
      power !== undefined && { label: this.t("power"), value: f.join(f.power(hass, power)) },
      efficiency !== undefined && { label: this.t("efficiency"), value: quantity([f.number(hass, efficiency, 1, true), "J/TH"]) },
      only
        ? only.readings.temperatureText !== "" && { label: this.t("chip"), value: only.readings.temperatureText }
        : { label: this.t("online"), value: html`<span class="num">${f.number(hass, online)} <small>${this.t("of_total", { total: all.length })}</small></span>` },
      price !== undefined && { label: this.t("price"), value: quantity(f.perKwh(hass, price)) },
    ];
  }

  /** Whose cost counts and whose revenue does not. */
  private notCounted(hass: Hass, model: Model): TemplateResult | typeof nothing {
    const revenue = stateOf(hass, model.fleet, "sensor.revenue_rate");
    const { not_counted: count, not_counted_miners: names } = revenue?.attributes ?? {};
    if (typeof count !== "number" || !count || f.numeric(revenue) === undefined) return nothing;
    return html`<p class="without sec"><bdi>${plural(hass, "revenue_without", count, { name: Array.isArray(names) ? String(names[0]) : "" })}</bdi></p>`;
  }

  private highlights(hass: Hass, model: Model): TemplateResult | typeof nothing {
    const share = stateOf(hass, model.fleet, "sensor.best_share");
    const best = f.readDifficulty(share);
    const { found, shares } = share?.attributes ?? {};
    const [first] = Array.isArray(shares) ? shares : [];
    const finder = model.miners.find(({ device }) => device.config_entries?.includes(first?.entry_id));
    const at = f.readTime(found);
    const by = [finder ? nameOf(finder) : String(share?.attributes.miner ?? ""), at ? f.day(hass, at) : ""].filter(Boolean).join(" · ");
    const blocks = model.pools
      .map((pool) => ({ pool, at: f.readTime(stateOf(hass, pool, "sensor.last_block")?.state) }))
      .filter((found): found is { pool: HmmDevice; at: Date } => found.at !== undefined)
      .sort((a, b) => b.at.getTime() - a.at.getTime());
    const [block] = blocks;
    const entry = model.fleet?.device.config_entries?.[0];
    const price = needsPrice(model.fleet) && hass.user?.is_admin === true && entry !== undefined;
    if (best === undefined && !block && !price) return nothing;
    return html`<div class="hl">
      ${price
        ? html`<button class="tile big" @click=${() => navigate(`/config/integrations/integration/hmm#config_entry=${entry}`)}>
            ${circle("neu", "tint", "mdi:cash-plus")}
            <span class="tx"><span class="p">${this.t("set_price")}</span><span class="q">${this.t("set_price_help")}</span></span>
          </button>`
        : nothing}
      ${best === undefined
        ? nothing
        : html`<button class="tile big" title=${f.number(hass, best)} @click=${() => moreInfo(this, share?.entity_id)}>
            ${circle("neu", "tint", "mdi:trophy-variant")}
            <span class="tx"><span class="p">${this.t("best_share_value", { value: f.join(f.difficulty(hass, best)) })}</span><span class="q e"><bdi>${by}</bdi></span></span>
          </button>`}
      ${block
        ? html`<button class="tile big" @click=${() => openDevice(hass, this, block.pool)}>
            ${circle("neu", "tint", "mdi:cube-outline")}
            <span class="tx"><span class="p">${this.t("last_block")}</span><span class="q e"><bdi>${poolName(hass, model.pools, block.pool)}</bdi> · ${f.ago(hass, block.at)}</span></span>
          </button>`
        : nothing}
    </div>`;
  }
}

const ORDER = ["overheated", "fault", "offline", "no_pool", "no_shares", "not_mining", "slow", "warning", "mining", "well", "starting", "resting", "unknown"];

/** H/s of all, and what they should be: the fleet's own sums, else those of its miners. */
function totalsOf(hass: Hass, model: Model, all: One[]): { total: number | undefined; expected: number | undefined } {
  const sumOfExpected = () => {
    // What is off on purpose is not expected; a sum with an unknown part is none
    const due = all.filter(({ status }) => status.group !== "resting").map(({ readings }) => readings.expected);
    return due.every((expected) => expected !== undefined) ? sumOf(due) : undefined;
  };
  return {
    total: f.readHashrate(stateOf(hass, model.fleet, "sensor.hashrate")) ?? sumOf(all.map(({ readings }) => readings.hashrate)),
    expected: f.readHashrate(stateOf(hass, model.fleet, "sensor.hashrate_expected")) ?? sumOfExpected(),
  };
}

/** Without a price the fleet has no sensor of it. */
function needsPrice(fleet: HmmDevice | undefined): boolean {
  return fleet !== undefined && !("sensor.price" in fleet.entities);
}

function isOff(status: Status): boolean {
  return status.reason === "plug_off";
}

function isSameCause(hass: Hass, one: One, other: One): boolean {
  const [a, b] = [one.status, other.status];
  return (
    a.group === b.group &&
    areaOf(hass, one.miner) === areaOf(hass, other.miner) &&
    Math.abs((a.since?.getTime() ?? 0) - (b.since?.getTime() ?? 0)) <= SAME_TIME
  );
}

