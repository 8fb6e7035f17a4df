// What autotune measured: hashrate against power, and the profiles worth keeping.

import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { HmmCard, Question } from "../card";
import type { PointsData, TunedPoint } from "../charts";
import * as f from "../format";
import { type CardConfig, type Hass, type HassState, moreInfo } from "../hass";
import { type HmmDevice, isKnown, listOf, type Model, modelOf, nameOf, stateOf } from "../model";
import { circle, readingsOf } from "../parts";
import { styles } from "../styles";

interface TuningConfig extends CardConfig {
  device_id?: string;
}

interface Profile {
  name: string;
  hashrate: number | undefined;
  power: number | undefined;
  temperature: number | undefined;
}

const MOST_PROFILES = 12;
const BUSY = new Set(["queued", "settling", "measuring", "returning"]);

export class HmmTuningCard extends HmmCard<TuningConfig> {
  static styles = [
    styles,
    css`
      hmm-points { display: block; min-height: 240px; margin: 0 8px; }
      .scroll { overflow-x: auto; }
      table { width: 100%; border-collapse: collapse; }
      th { font-weight: 500; font-size: 12px; color: var(--hmm-text-2); padding: 8px; border-block: 1px solid var(--hmm-line); text-align: end; }
      td { height: 48px; padding: 0 8px; border-bottom: 1px solid var(--hmm-line); white-space: nowrap; text-align: end; }
      th:first-child, td:first-child { text-align: start; padding-inline-start: 14px; }
      td:first-child { font-weight: 500; white-space: normal; overflow-wrap: anywhere; }
      tr:last-child td { border-bottom: 0; }
      @container (max-width: 480px) { .wide { display: none; } }
    `,
  ];
  static properties = { ...HmmCard.properties, profiles: { state: true } };

  declare profiles: Profile[] | undefined;
  private question = new Question();

  static getStubConfig(hass: Hass): Partial<TuningConfig> {
    const { miners } = modelOf(hass);
    return { device_id: (miners.find((miner) => "sensor.autotune" in miner.entities) ?? miners[0])?.id ?? "" };
  }

  protected updated(_changed: PropertyValues): void {
    void this.load();
  }

  /** Read the profiles; again when the modes of the miner or its autotune changed. */
  private async load(): Promise<void> {
    const id = String(this.config?.device_id ?? "");
    const entities = Object.values(this.hass?.entities ?? {}).filter(({ device_id, translation_key }) => device_id === id && (translation_key === "mode" || translation_key === "autotune"));
    const key = JSON.stringify([id, entities.map(({ entity_id }) => [this.hass.states[entity_id]?.state, this.hass.states[entity_id]?.attributes.options])]);
    if (!entities.length) return;
    const ask = () => this.hass.callService("hmm", "get_tuning", {}, { device_id: id }, false, true);
    await this.question.ask(key, ask, (answer) => (this.profiles = answer ? profilesOf((answer as { response?: unknown }).response) : undefined));
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const miner = this.device(model, "miner");
    if (!miner) return this.without(model, "pick_miner");
    const tune = stateOf(hass, miner, "sensor.autotune");
    const points = this.points(hass, miner, tune);
    const isBusy = BUSY.has(tune?.state ?? "");
    return html`<ha-card role="article" aria-label=${nameOf(miner)}>
      <button class="tile big" @click=${() => moreInfo(this, miner.entities["sensor.autotune"] ?? miner.entities["select.mode"])}>
        ${circle(isBusy ? "info" : "neu", isBusy ? "ring" : "tint", "mdi:tune-variant")}
        <span class="tx"><span class="p e" role="heading" aria-level="2"><bdi>${nameOf(miner)}</bdi></span><span class="q clamp">${this.line(hass, tune)}</span></span>
      </button>
      ${points.length > 1 ? this.chart(hass, points) : nothing}
      ${this.table(hass, miner)}
    </ha-card>`;
  }

  private line(hass: Hass, tune: HassState | undefined): string {
    if (!isKnown(tune)) return this.t("not_tuned");
    const { step, steps, finishes } = tune.attributes;
    const at = f.readTime(finishes);
    const parts = [hass.formatEntityState(tune)];
    if (BUSY.has(tune.state) && steps) parts.push(this.t("step_of", { step: f.number(hass, Number(step) || 0), steps: f.number(hass, Number(steps)) }));
    if (BUSY.has(tune.state) && at) parts.push(this.t("ready_at", { time: f.moment(hass, at) }));
    return parts.join(" · ");
  }

  private points(hass: Hass, miner: HmmDevice, tune: HassState | undefined): TunedPoint[] {
    const given = tune?.attributes.points;
    const found: TunedPoint[] = [];
    for (const point of (Array.isArray(given) ? given.slice(0, 60) : []) as Record<string, unknown>[]) {
      const [hashrate, power] = [Number(point?.hashrate), Number(point?.power)];
      if (hashrate > 0 && power > 0) found.push({ hashrate, power, kind: point.verdict === "good" ? "measured" : "refused" });
    }
    for (const { name, hashrate, power } of this.profiles ?? []) {
      if (hashrate && power) found.push({ hashrate, power, name, kind: "profile" });
    }
    const { hashrate, power } = readingsOf(hass, miner);
    if (hashrate && power && found.length) found.push({ hashrate: hashrate / 1e12, power, name: this.t("now"), kind: "now" });
    return found;
  }

  private chart(hass: Hass, points: TunedPoint[]): TemplateResult {
    void import("../charts");
    const data: PointsData = { points, label: this.t("points_label", { count: points.length }), number: (value) => f.number(hass, value, 2) };
    return html`<hmm-points .data=${data}></hmm-points>`;
  }

  private table(hass: Hass, miner: HmmDevice): TemplateResult | typeof nothing {
    const profiles = this.profiles ?? [];
    if (!profiles.length) return this.profiles ? html`<div class="empty line">${this.t("no_profiles")}</div>` : nothing;
    const mode = stateOf(hass, miner, "select.mode");
    const options = listOf(mode, "options");
    const apply = (name: string) =>
      void this.perform(name, this.t("applying"), mode?.entity_id, () => hass.callService("select", "select_option", { option: name }, { entity_id: mode?.entity_id }));
    const isDone = (name: string) => mode?.state === name || this.busy(name) !== undefined;
    return html`<div class="scroll"><table>
      <thead><tr><th scope="col">${this.t("profile")}</th><th scope="col">TH/s</th><th scope="col">${this.t("power")}</th><th scope="col">J/TH</th><th scope="col" class="wide">${this.t("chip")}</th><th><span class="sr">${this.t("apply")}</span></th></tr></thead>
      <tbody>${profiles.slice(0, MOST_PROFILES).map(
        ({ name, hashrate, power, temperature }) => html`<tr>
          <td><bdi>${name}</bdi></td>
          <td>${hashrate ? f.number(hass, hashrate, 2, true) : "–"}</td>
          <td>${power ? f.join(f.power(hass, power)) : "–"}</td>
          <td>${hashrate && power ? f.number(hass, power / hashrate, 1, true) : "–"}</td>
          <td class="wide">${temperature ? f.degrees(hass, temperature) : "–"}</td>
          <td>${options.includes(name) ? html`<button class="btn sm" aria-disabled=${isDone(name) ? "true" : nothing} aria-label=${`${this.t("apply")}: ${name}`} @click=${() => isDone(name) || apply(name)}>${this.busy(name) ?? this.t(mode?.state === name ? "applied" : "apply")}</button>` : nothing}</td>
        </tr>`,
      )}</tbody>
    </table></div>
    ${profiles.map(({ name }) => (this.failure(name) ? html`<p class="empty line" role="alert">${this.failure(name)}</p>` : nothing))}`;
  }
}

/** The profiles in the response of `hmm.get_tuning`. */
export function profilesOf(response: unknown): Profile[] {
  const [miner] = ((response as { miners?: unknown[] })?.miners ?? []) as Record<string, unknown>[];
  const positive = (value: unknown) => (typeof value === "number" && value > 0 ? value : undefined);
  return (Array.isArray(miner?.profiles) ? miner.profiles : []).map((profile: Record<string, unknown>) => {
    const measured = (profile?.measured ?? {}) as Record<string, unknown>;
    return { name: String(profile?.name ?? ""), hashrate: positive(measured.hashrate), power: positive(measured.power), temperature: positive(measured.temperature) };
  });
}
