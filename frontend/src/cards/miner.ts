// One miner: as a tile beside stock tiles, or in detail.

import { css, html, nothing, type TemplateResult } from "lit";
import { check, identify, pause, remedy, restart, type Action } from "../actions";
import { HistoryCard } from "../followed";
import * as f from "../format";
import { type CardConfig, type Hass, moreInfo, openDevice } from "../hass";
import type { Point } from "../history";
import { type HmmDevice, isKnown, type Model, modelOf, nameOf, stateOf } from "../model";
import { actionButton, bestShareAt, big, circle, costOf, degrees, icon, poolOf, powerText, quantity, readingsOf, stats, type Readings } from "../parts";
import { explain } from "../reasons";
import { say, type Status, statusOf } from "../status";
import { styles } from "../styles";
import { minerTile } from "./miners";

interface MinerConfig extends CardConfig {
  device_id?: string;
  layout?: "compact" | "detailed";
}

export class HmmMinerCard extends HistoryCard<MinerConfig> {
  static styles = [
    styles,
    css`
      ha-card.compact { min-height: 56px; display: flex; }
      .compact .tile { min-height: 0; flex: 1; }
      .bar { padding: 4px 14px; }
      .bar:last-child { padding-bottom: 12px; }
      .bar .r { display: flex; justify-content: space-between; gap: 12px; font-size: 12px; line-height: 16px; }
      .bar .meter { margin: 4px 0; }
      .row { display: flex; align-items: center; gap: 10px; min-height: 52px; padding: 0 14px; width: 100%; border-top: 1px solid var(--hmm-line); }
      .row > ha-icon { color: var(--hmm-text-2); }
      .foot { padding: 8px 10px 10px; display: flex; flex-direction: column; gap: 8px; border-top: 1px solid var(--hmm-line); }
      .foot .ask { padding: 0; }
      .foot .reason { margin: 0; }
      .axis { display: flex; justify-content: space-between; padding: 2px 14px 4px; font-size: 12px; line-height: 16px; direction: ltr; color: var(--hmm-text-2); }
      hmm-spark { display: block; height: 52px; margin-top: 4px; }
      .fail { padding: 0 14px 8px; font-size: 12px; }
    `,
  ];

  static getStubConfig(hass: Hass): Partial<MinerConfig> {
    return { device_id: modelOf(hass).miners[0]?.id ?? "", layout: "detailed" };
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const miner = this.device(model, "miner");
    if (!miner) return this.without(model, "pick_miner");
    const status = statusOf(hass, miner);
    const isDetailed = this.config.layout === "detailed";
    this.ticks = isDetailed ? 15 : 60;
    return isDetailed ? this.detailed(hass, model, miner, status) : minerTile(hass, this, miner, status);
  }

  private detailed(hass: Hass, model: Model, miner: HmmDevice, status: Status): TemplateResult {
    const readings = readingsOf(hass, miner);
    const name = nameOf(miner);
    const fix = remedy(hass, miner, status) ?? this.wattsOf(hass, miner);
    // Also one that restarts
    const isOffline = status.group === "offline" || stateOf(hass, miner, "sensor.status")?.state === "off" || stateOf(hass, miner, "binary_sensor.online")?.state === "off";
    return html`<ha-card role="article" aria-label=${name}>
      <div class="tile big">
        ${circle(status.tone, status.form, status.icon)}
        <div class="tx"><h2 class="p e" title=${name}><bdi>${name}</bdi></h2><span class="q e"><bdi>${this.subtitle(hass, miner, status)}</bdi></span></div>
        <button class="ib" aria-label=${this.t("details", { name })} @click=${() => openDevice(hass, this, miner)}>${icon("mdi:dots-vertical")}</button>
      </div>
      ${this.reason(hass, miner, status, fix)}
      ${this.hero(hass, miner, readings, status)}
      ${this.line(hass, miner, readings)}
      ${this.temperature(hass, miner, status)}
      ${stats(this.figuresOf(hass, model, miner, readings, isOffline))}
      ${this.poolRow(hass, model, miner)}
      ${this.controls(hass, miner, status, isOffline, fix)}
    </ha-card>`;
  }

  private subtitle(hass: Hass, miner: HmmDevice, status: Status): string {
    const share = f.readTime(stateOf(hass, miner, "sensor.last_share")?.state);
    if (status.group === "mining" && share) return `${status.word} · ${this.t("last_share", { ago: f.ago(hass, share) })}`;
    if (status.since && status.group !== "mining") {
      return `${status.word} · ${f.duration(hass, (Date.now() - status.since.getTime()) / 1000)}`;
    }
    return status.word;
  }

  /** Ask for the power draw of a miner that has no meter: without it there is no cost. */
  private wattsOf(hass: Hass, miner: HmmDevice): Action | undefined {
    const entity = miner.entities["number.power_draw"];
    if (!entity || whyMissing(hass, miner, "power") !== "power_not_metered") return undefined;
    return { label: this.t("enter_watts"), icon: "mdi:pencil", run: () => moreInfo(this, entity) };
  }

  private reason(hass: Hass, miner: HmmDevice, status: Status, fix: Action | undefined): TemplateResult | typeof nothing {
    const missing = fix && !status.line ? whyMissing(hass, miner, "power") : undefined;
    const words = status.advice || status.longLine || (missing ? this.t("watts_needed") : "");
    const failure = this.failure("fix");
    if (!words && !failure) return nothing;
    return html`<div class="reason ${missing ? "off" : status.tone}" role="status">
        ${icon(missing ? "mdi:information-outline" : status.icon)}<p><bdi>${words}</bdi></p>${this.isAsking("fix", fix) ? nothing : actionButton(this.host, "fix", fix, "tone")}
      </div>
      ${this.questionOf("fix", fix)}
      ${failure ? html`<p class="fail" role="alert">${failure}</p>` : nothing}`;
  }

  private hero(hass: Hass, miner: HmmDevice, readings: Readings, status: Status): TemplateResult {
    const { hashrate, expected } = readings;
    const note =
      expected === undefined || !expected
        ? ""
        : hashrate && status.group !== "resting"
          ? this.t("expected_percent", {
              percent: f.join([f.number(hass, (hashrate / expected) * 100), "%"]),
              hashrate: f.join(f.hashrate(hass, expected)),
            })
          : this.t("expected", { hashrate: f.join(f.hashrate(hass, expected)) });
    const shown =
      hashrate === undefined
        ? html`<span>${this.t("no_reading")}</span>`
        : html`<button class="big-n" @click=${() => moreInfo(this, miner.entities["sensor.hashrate"])}>${big(f.hashrate(hass, hashrate))}</button>`;
    return html`<div class="hero">${shown}${note ? html`<bdi class="sec">${note}</bdi>` : nothing}</div>`;
  }

  private line(hass: Hass, miner: HmmDevice, { expected }: Readings): TemplateResult | typeof nothing {
    const state = stateOf(hass, miner, "sensor.hashrate");
    if (!state || !this.hass.config.components.includes("history")) return nothing;
    void import("../spark");
    return html`<hmm-spark
        aria-hidden="true"
        .connection=${this.hass.connection}
        .entity=${state.entity_id}
        .expected=${expected && expected / f.factorOf(state)}
      ></hmm-spark>
      <div class="axis" aria-hidden="true"><span>${this.t("hours_ago")}</span><span>${this.t("now")}</span></div>`;
  }

  private temperature(hass: Hass, miner: HmmDevice, status: Status): TemplateResult {
    const bars = [["sensor.temperature", "chip"], ["sensor.temperature_regulator", "regulator"]] as const;
    return html`${bars.map(([key, label]) => {
      const state = stateOf(hass, miner, key);
      const value = f.numeric(state);
      if (!state || (value === undefined && key !== "sensor.temperature")) return nothing;
      const limit = limitOf(hass, miner, key, status);
      const unit = String(state.attributes.unit_of_measurement ?? "°C");
      const peak = peakOf(this.pointsOf(state.entity_id), value);
      const words = [
        value === undefined
          ? this.t("no_reading").toLocaleLowerCase(hass.locale.language)
          : limit === undefined
            ? degrees(hass, state)
            : this.t("of_limit", { value: f.number(hass, value), limit: f.join([f.number(hass, limit), unit]) }),
        peak === undefined || Math.round(peak) <= Math.round(value ?? -Infinity) ? "" : this.t("peak", { value: f.join([f.number(hass, peak), unit]) }),
        limit === undefined && value !== undefined && key === "sensor.temperature" ? this.t("limit_not_reported") : "",
      ].filter(Boolean).join(" · ");
      const ratio = limit && value !== undefined ? value / limit : undefined;
      const tone = ratio === undefined ? "" : ratio >= 1 ? "err" : "ok";
      return html`<div class="bar">
        <div class="r"><span>${this.t(label)}</span><bdi class="num">${words}</bdi></div>
        ${ratio === undefined ? nothing : html`<div class="meter ${tone}" aria-hidden="true"><i style="inline-size:${Math.min(100, ratio * 100)}%"></i>${peak === undefined ? nothing : html`<b style="inset-inline-start:calc(${Math.min(100, (100 * peak) / limit!)}% - 2px)"></b>`}</div>`}
      </div>`;
    })}`;
  }

  private figuresOf(hass: Hass, model: Model, miner: HmmDevice, readings: Readings, isOffline: boolean) {
    const why = (key: string) => {
      const missing = whyMissing(hass, miner, key);
      return missing ? say(hass, `selector.sentence.options.${missing}`) || undefined : undefined;
    };
    const cost = costOf(hass, model, miner, readings.power);
    const { bestShare } = readings;
    const at = bestShare === undefined ? undefined : bestShareAt(hass, miner, bestShare);
    const best = bestShare !== undefined && {
      label: this.t("best_share"),
      value: quantity(f.difficulty(hass, bestShare)),
      title: [f.number(hass, bestShare), at ? f.day(hass, at) : ""].filter(Boolean).join(" · "),
    };
    // A record is a fact of the past; the rest would only say that there is no reading
    if (isOffline && readings.power === undefined) return [best];
    return [
      { label: this.t("power"), value: readings.power === undefined ? this.t("not_reported") : powerText(hass, readings), isWord: readings.power === undefined, title: why("power") },
      readings.efficiency !== undefined
        ? { label: this.t("efficiency"), value: quantity([f.number(hass, readings.efficiency, 1, true), "J/TH"]) }
        : "sensor.efficiency" in miner.entities && { label: this.t("efficiency"), value: "–", title: why("efficiency") ?? this.t("none_now") },
      cost !== undefined && { label: this.t("cost"), value: quantity([cost, this.t("unit_a_day")]) },
      best,
    ];
  }

  private poolRow(hass: Hass, model: Model, miner: HmmDevice): TemplateResult | typeof nothing {
    const pool = poolOf(hass, model, miner);
    if (!pool) return nothing;
    const { name, account } = pool;
    const rejects = f.numeric(stateOf(hass, miner, "sensor.reject_rate"));
    const latency = stateOf(hass, miner, "sensor.response_time");
    const facts = [
      isKnown(latency) ? hass.formatEntityState(latency) : "",
      rejects === undefined ? "" : `${f.percent(hass, 100 - rejects)} ${this.t("accepted")}`,
    ].filter(Boolean);
    return html`<button class="row" @click=${() => (account ? openDevice(hass, this, account) : moreInfo(this, miner.entities["sensor.active_pool"]))}>
      ${icon("mdi:server-network")}
      <span class="tx"><span class="p e"><bdi>${name}</bdi></span>${facts.length ? html`<span class="q sec"><bdi>${facts.join(" · ")}</bdi></span>` : nothing}</span>
      ${icon("mdi:chevron-right", "flip")}
    </button>`;
  }

  private controls(hass: Hass, miner: HmmDevice, status: Status, isOffline: boolean, fix: Action | undefined): TemplateResult | typeof nothing {
    const again = isOffline ? check(hass, miner) : restart(hass, miner);
    const other = isOffline ? this.page(miner) : status.group === "overheated" ? identify(hass, miner) : pause(hass, miner);
    const shown = [other, fix?.label === again?.label ? undefined : again].filter((action): action is Action => action !== undefined);
    const mode = this.modeControl(hass, miner);
    if (!shown.length && mode === nothing && !this.busy("foot0") && !this.busy("foot1")) return nothing;
    const asked = shown.findIndex((action, index) => this.isAsking(`foot${index}`, action));
    return html`<div class="foot">
      ${this.byHand(hass, miner)}
      ${mode}
      ${asked >= 0
        ? this.questionOf(`foot${asked}`, shown[asked])
        : html`<div class="btns">${shown.map((action, index) => actionButton(this.host, `foot${index}`, action, ""))}</div>`}
      ${["foot0", "foot1", "mode"].map((key) => (this.failure(key) ? html`<p class="sec" role="alert">${this.failure(key)}</p>` : nothing))}
    </div>`;
  }

  /** What was set by hand stands against a strategy for a while: say until when, and how to end it. */
  private byHand(hass: Hass, miner: HmmDevice): TemplateResult | typeof nothing {
    const control = stateOf(hass, miner, "sensor.controlled_by");
    if (control?.state !== "manual") return nothing;
    const button = miner.entities["button.resume_automatic"];
    const action: Action | undefined = button === undefined ? undefined : {
      label: this.t("automatic"),
      icon: "mdi:calendar-sync",
      entity: control.entity_id,
      run: () => hass.callService("button", "press", {}, { entity_id: button }),
    };
    const until = f.readTime(control.attributes.until);
    const words = explain(hass, control.attributes) || (until ? this.t("by_hand_until", { time: f.moment(hass, until) }) : this.t("row_by_hand"));
    return html`<div class="reason neu">${icon("mdi:hand-back-right")}<p><bdi>${words}</bdi></p>${actionButton(this.host, "automatic", action, "tone")}</div>
      ${this.failure("automatic") ? html`<p class="sec" role="alert">${this.failure("automatic")}</p>` : nothing}`;
  }

  private page(miner: HmmDevice): Action | undefined {
    const url = miner.device.configuration_url;
    if (!url || !/^https?:\/\//u.test(url)) return undefined;
    return { label: this.t("open_page"), icon: "mdi:open-in-new", run: () => void window.open(url, "_blank", "noreferrer") };
  }
}

/** The most in 24 hours, now included. */
function peakOf(points: readonly Point[], now: number | undefined): number | undefined {
  const known = [...points.map(([, value]) => value), now].filter((value): value is number => value !== undefined);
  return points.length ? Math.max(...known) : undefined;
}

/** The key of why a value of a miner is unknown. */
function whyMissing(hass: Hass, miner: HmmDevice, key: string): string | undefined {
  const missing = stateOf(hass, miner, "sensor.status")?.attributes.missing as Record<string, string> | null | undefined;
  return missing?.[key];
}

/** From what on it is too hot: what the miner says when it stopped, else from what on HMM warns. */
function limitOf(hass: Hass, miner: HmmDevice, key: string, status: Status): number | undefined {
  const said = stateOf(hass, miner, "sensor.status")?.attributes;
  if (key === "sensor.temperature" && status.reason === "overheat" && typeof said?.limit === "number" && said.limit > 0) return said.limit;
  const state = stateOf(hass, miner, key);
  const limit = state?.attributes.limit;
  if (typeof limit !== "number" || limit <= 0) return undefined;
  // The state is in the user's unit, the limit is not
  return state?.attributes.unit_of_measurement === "°F" ? limit * 1.8 + 32 : limit;
}
