// Cards that draw what was in the last 24 hours; apart from the others, which the first screen waits for.

import type { PropertyValues } from "lit";
import { HmmCard } from "./card";
import type { CardConfig } from "./hass";
import { historiesOf, type Point } from "./history";

/** A reading each 30 s moves nothing that can be seen. */
const PAUSE = 60_000;

export abstract class HistoryCard<C extends CardConfig = CardConfig> extends HmmCard<C> {
  private wanted = new Set<string>();
  private following = new Map<string, () => void>();
  private later: ReturnType<typeof setTimeout> | undefined;

  /** What an entity was, as far as it is known by now; the card is drawn again when there is more. */
  protected pointsOf(entity: string | undefined): readonly Point[] {
    if (!entity || this.preview || !this.hass.config.components.includes("history")) return [];
    this.wanted.add(entity);
    return historiesOf(this.hass.connection).of(entity);
  }

  protected willUpdate(_changed: PropertyValues): void {
    this.wanted.clear();
  }

  protected updated(_changed: PropertyValues): void {
    for (const [entity, stop] of this.following) {
      if (this.wanted.has(entity)) continue;
      stop();
      this.following.delete(entity);
    }
    for (const entity of this.wanted) {
      if (this.following.has(entity)) continue;
      let isFirst = true;
      const stop = historiesOf(this.hass.connection).follow(entity, () => {
        if (isFirst) this.requestUpdate();
        else this.later ??= setTimeout(() => {
          this.later = undefined;
          this.requestUpdate();
        }, PAUSE);
        isFirst = false;
      });
      this.following.set(entity, stop);
    }
  }

  disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.later);
    this.later = undefined;
    for (const stop of this.following.values()) stop();
    this.following.clear();
  }
}
