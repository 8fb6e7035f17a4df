// Cards that the first screen can wait for: an element that fetches its card once it is on a page, and hands it on
// what Home Assistant gives it. How large it will be has to be known before.

import type { HmmCard } from "./card";
import { type CardConfig, type Hass, pageHass } from "./hass";
import { text } from "./texts";

type Config = CardConfig & { layout?: string };

export interface CardClass {
  new (): HmmCard;
  getStubConfig?(...given: unknown[]): object;
}

export interface Size {
  /** Pixels, as far as they can be known before the card is there. */
  height(config: Config, hass: Hass | undefined): number;
  grid(config: Config): object;
}

const GIVEN = ["hass", "preview", "context"] as const;
const ROW = 50;

/** An element of Home Assistant for a card that `load` returns. */
export function lazy(name: string, load: () => Promise<CardClass>, { height, grid }: Size): CustomElementConstructor {
  const loadOnce = async (): Promise<CardClass> => {
    const card = await load();
    const inner = `${name}-inner`;
    if (!customElements.get(inner)) customElements.define(inner, card);
    return card;
  };
  class Lazy extends HTMLElement {
    static async getStubConfig(...given: unknown[]): Promise<object> {
      // Home Assistant adds the type to a card, but not to a feature of a tile
      return { type: `custom:${name}`, ...(await loadOnce()).getStubConfig?.(...given) };
    }

    private config: Config | undefined;
    given: Partial<Record<(typeof GIVEN)[number], unknown>> = {};
    private card: HmmCard | undefined;

    setConfig(config: Config): void {
      if (!config || typeof config !== "object") throw new Error("No configuration");
      this.config = config;
      this.card?.setConfig(config);
    }

    connectedCallback(): void {
      this.style.display = "block";
      if (this.card) return;
      this.reserve();
      void loadOnce().then((card) => this.take(card), (error) => {
        console.error("HMM card", error);
        // Home Assistant was restarting, or was updated. A browser does not fetch a file again that it did not get
        this.textContent = text(pageHass(), "broken");
        this.style.padding = "16px";
        this.setAttribute("role", "alert");
      });
    }

    give(key: (typeof GIVEN)[number], value: unknown): void {
      this.given[key] = value;
      if (this.card) Object.assign(this.card, { [key]: value });
    }

    getCardSize(): number {
      return Math.ceil(height(this.config!, this.given.hass as Hass | undefined) / ROW);
    }

    getGridOptions(): object {
      return grid(this.config!);
    }

    private take(card: CardClass): void {
      if (this.card) return;
      this.card = new card();
      this.card.style.height = "100%";
      if (this.config) this.card.setConfig(this.config);
      Object.assign(this.card, this.given);
      this.append(this.card);
      // Its first drawing takes the place; what is still missing of it, it reserves itself
      void this.card.updateComplete.then(() => (this.style.cssText = "display:block"));
    }

    /** The place of the card, so that nothing moves when it comes. */
    private reserve(): void {
      const pixels = this.config ? height(this.config, this.given.hass as Hass | undefined) : 0;
      if (pixels) this.style.cssText += `min-height:${pixels}px;box-sizing:border-box;border:1px solid var(--divider-color);border-radius:var(--ha-card-border-radius,12px)`;
    }
  }
  for (const key of GIVEN) {
    Object.defineProperty(Lazy.prototype, key, {
      set(this: Lazy, value: unknown) {
        this.give(key, value);
      },
      get(this: Lazy) {
        return this.given[key];
      },
    });
  }
  return Lazy as unknown as CustomElementConstructor;
}
