// Rows for stock tiles (mode, pause) and badges with the words of the fleet card.

import { css, html, nothing, type TemplateResult } from "lit";
import { pause } from "../actions";
import { HmmCard } from "../card";
import * as f from "../format";
import { type CardConfig, type Hass, moreInfo } from "../hass";
import { isKnown, minerOf, type Model, stateOf } from "../model";
import { actionButton, icon } from "../parts";
import { needsAttention, statusOf } from "../status";
import { styles } from "../styles";
import { plural } from "../texts";

interface Context {
  entity_id?: string;
}

abstract class Feature extends HmmCard {
  static properties = { ...HmmCard.properties, context: { attribute: false } };
  static styles = [styles, css`.btn { width: 100%; } .seg { min-height: var(--feature-height, 42px); }`];
  declare context: Context | undefined;
}

export class HmmModeFeature extends Feature {
  protected draw(hass: Hass): TemplateResult {
    const miner = minerOf(this.hass, this.context?.entity_id);
    return html`${miner ? this.modeControl(hass, miner) : nothing}`;
  }
}

export class HmmPauseFeature extends Feature {
  protected draw(hass: Hass): TemplateResult {
    const miner = minerOf(this.hass, this.context?.entity_id);
    return html`${miner ? actionButton(this.host, "pause", pause(hass, miner), "") : nothing}`;
  }
}

interface BadgeConfig extends CardConfig {
  show?: "problems" | "mining" | "best_share";
}

export class HmmFleetBadge extends HmmCard<BadgeConfig> {
  static styles = [
    styles,
    css`
      .pill {
        display: inline-flex; align-items: center; gap: 8px; height: 36px; padding: 0 12px; border-radius: 18px;
        background: var(--hmm-card); border: 1px solid var(--ha-card-border-color, var(--hmm-line)); font-size: 12px;
        color: var(--hmm-text); white-space: nowrap;
      }
      .pill ha-icon { color: var(--c); }
    `,
  ];

  static getStubConfig(): Partial<BadgeConfig> {
    return { show: "mining" };
  }

  protected draw(hass: Hass, model: Model): TemplateResult {
    const statuses = model.miners.map((miner) => statusOf(hass, miner));
    const problems = statuses.filter(needsAttention).length;
    switch (this.config.show) {
      case "problems":
        // Above 0 alone
        return problems ? this.pill("err", "mdi:alert", plural(hass, "problems_count", problems), "sensor.problems", model) : html``;
      case "best_share": {
        const best = f.readDifficulty(stateOf(hass, model.fleet, "sensor.best_share"));
        return best === undefined ? html`` : this.pill("neu", "mdi:trophy-variant", f.join(f.difficulty(hass, best)), "sensor.best_share", model);
      }
      default: {
        const count = statuses.filter(({ group }) => group === "mining").length;
        const state = stateOf(hass, model.fleet, "sensor.miners_online");
        const words = this.t("mining_of", { count: f.number(hass, count), total: f.number(hass, statuses.length) });
        return this.pill("ok", "mdi:pickaxe", words, isKnown(state) ? "sensor.miners_online" : "", model);
      }
    }
  }

  private pill(tone: string, name: string, words: string, key: string, model: Model): TemplateResult {
    return html`<button class="pill ${tone}" @click=${() => moreInfo(this, model.fleet?.entities[key])}>${icon(name, "small")}<bdi>${words}</bdi></button>`;
  }
}
