// What all cards have in common: they draw again only if something changed that they used, and never throw.

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { type Action, modeName, wordsOf } from "./actions";
import type { CardConfig, Hass } from "./hass";
import { type HmmDevice, isKnown, type Kind, listOf, modelOf, type Model, stateOf } from "./model";
import { type Host, question } from "./parts";
import { onPrivate, veiled } from "./status";
import { styles } from "./styles";
import { loadTexts, text, type TextKey } from "./texts";

const CONFIRM_SECONDS = 60;
const TICK_SECONDS = 15;
const AGAIN = 30_000;
/** After a drawing a card rests so many times as long as it took, but no longer than this (ms), before it follows the states again. */
const [REST, MOST_REST] = [20, 1000];
let isAsked = false;

/** Load the integration's own sentences once for the page; `localize` changes when they are there. */
function loadSentences(hass: Hass): void {
  if (isAsked) return;
  isAsked = true;
  for (const category of ["entity", "selector"]) void hass.loadBackendTranslation(category, "hmm").catch(() => undefined);
}

/** A state machine's view: remembers which states were looked at while drawing. */
function watched(hass: Hass, used: Set<string>): Hass {
  const states = new Proxy(hass.states, {
    get(target, id: string) {
      used.add(id);
      return target[id];
    },
  });
  return Object.create(hass, { states: { value: states } }) as Hass;
}

interface Running {
  label: string;
  entity: string | undefined;
  before: string | undefined;
  until: number;
}

/** Why it did not work, until the state of its entity is another one. */
interface Failure {
  words: string;
  entity: string | undefined;
  before: string | undefined;
}

/** What stays so however often it is asked; Home Assistant logs each time. */
const REFUSED = ["unauthorized", "home_assistant_error", "service_validation_error"];

/** Asks Home Assistant once for each key; again half a minute after it failed, since it may just have started. */
export class Question {
  private key = "";
  private again = Infinity;
  private next = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** How long (ms) another key waits, and what lets it be asked for then: what changes comes in many parts. */
  constructor(private pause = 0, private later: () => void = () => undefined) {}

  async ask<T>(key: string, question: () => Promise<T>, take: (answer: T | undefined) => void): Promise<void> {
    const now = Date.now();
    if (key === this.key && now < this.again) return;
    if (now < this.next) {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.later();
      }, this.next - now);
      return;
    }
    this.next = now + this.pause;
    this.key = key;
    this.again = Infinity;
    const answer = await question().catch((error: { code?: string }) => {
      if (key === this.key && !REFUSED.includes(error?.code ?? "")) this.again = Date.now() + AGAIN;
      return undefined;
    });
    // Another one may have been asked since
    if (key === this.key) take(answer);
  }
}

export abstract class HmmCard<C extends CardConfig = CardConfig> extends LitElement {
  static properties = { hass: { attribute: false }, config: { state: true }, preview: { attribute: false } };
  static styles = [styles];

  declare hass: Hass;
  declare config: C;
  /** A test or the editor: no subscription, no clock. */
  declare preview: boolean;
  /** After how many seconds it is drawn again although nothing changed: what it says of times. */
  protected ticks = 60;
  private drawnAt = 0;
  private restUntil = 0;
  private soon: ReturnType<typeof setTimeout> | undefined;

  private used = new Set<string>();
  private running = new Map<string, Running>();
  private failures = new Map<string, Failure>();
  private stop: (() => void)[] = [];

  setConfig(config: C): void {
    if (!config || typeof config !== "object") throw new Error("No configuration");
    this.config = config;
  }

  connectedCallback(): void {
    super.connectedCallback();
    this.stop.push(onPrivate(() => this.requestUpdate()));
    const clock = setInterval(() => {
      const isDue = Date.now() - this.drawnAt > (this.ticks - 1) * 1000;
      if ((isDue || this.running.size) && !document.hidden) this.requestUpdate();
    }, TICK_SECONDS * 1000);
    this.stop.push(() => clearInterval(clock));
    // What it missed while it was away
    this.requestUpdate();
  }

  disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.stop.splice(0)) stop();
    clearTimeout(this.soon);
    this.soon = undefined;
  }

  protected shouldUpdate(changed: PropertyValues): boolean {
    // Home Assistant goes on telling states to a card that is hidden: it would follow and ask for ever
    if (!this.isConnected) return false;
    const before = changed.get("hass") as Hass | undefined;
    if (!before || changed.size > 1) return true;
    const { hass } = this;
    if ((["entities", "devices", "areas", "locale", "localize", "config"] as const).some((key) => before[key] !== hass[key])) return true;
    if (![...this.used].some((id) => before.states[id] !== hass.states[id])) return false;
    const rest = this.restUntil - performance.now();
    if (rest <= 0) return true;
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.requestUpdate();
    }, rest);
    return false;
  }

  protected update(changed: PropertyValues): void {
    const began = performance.now();
    const focused = this.shadowRoot?.activeElement as HTMLElement | null | undefined;
    super.update(changed);
    // What was moved has lost it
    if (focused?.isConnected && this.shadowRoot?.activeElement !== focused) focused.focus({ preventScroll: true });
    const now = performance.now();
    this.restUntil = now + Math.min(MOST_REST, REST * (now - began));
  }

  protected render(): TemplateResult | typeof nothing {
    if (!this.hass || !this.config) return nothing;
    loadSentences(this.hass);
    const texts = loadTexts(this.hass.locale.language);
    if (texts) {
      void texts.then(() => this.requestUpdate());
      return nothing;
    }
    this.used.clear();
    this.drawnAt = Date.now();
    const hass = watched(this.hass, this.used);
    this.isStillAsked = false;
    try {
      const drawing = this.draw(hass, modelOf(this.hass));
      // It would come back by itself with its action
      if (!this.isStillAsked) this.asking = undefined;
      return drawing;
    } catch (error) {
      console.error("HMM card", error);
      return html`<ha-card><div class="empty" role="alert">${text(this.hass, "broken")}</div></ha-card>`;
    }
  }

  /** Draw the card from the states that it reads of this `hass`. */
  protected abstract draw(hass: Hass, model: Model): TemplateResult;

  protected t(key: TextKey, values: Record<string, string | number> = {}): string {
    return text(this.hass, key, values);
  }

  /** The device that was chosen, if it is one that the card is for. */
  protected device(model: Model, kind: Kind): HmmDevice | undefined {
    const device = model.byId.get(String(this.config.device_id ?? ""));
    return device?.kind === kind ? device : undefined;
  }

  /** What stands in place of that device. */
  protected without(model: Model, pick: TextKey): TemplateResult {
    const id = String(this.config.device_id ?? "");
    return this.message(this.t(id && !model.byId.has(id) ? "gone" : pick));
  }

  protected message(words: string): TemplateResult {
    return html`<ha-card><div class="empty">${words}</div></ha-card>`;
  }

  // ---- doing something

  /** What waits for the answer to its question. */
  protected asking: string | undefined;
  private isStillAsked = false;

  protected get host(): Host {
    return {
      busy: (key) => this.busy(key),
      ask: (key) => {
        this.asking = key;
        this.requestUpdate();
        void this.updateComplete.then(() => this.shadowRoot?.querySelector<HTMLElement>(".cancel")?.focus());
      },
      start: (key, action) => void this.perform(key, action.busy ?? action.label, action.entity, async () => action.run()),
    };
  }

  /** Whether a question stands in place of its button: it may have lost its action since it was asked. */
  protected isAsking(key: string, action: Action | undefined): boolean {
    const isAsking = this.asking === key && Boolean(action?.confirm);
    this.isStillAsked ||= isAsking;
    return isAsking;
  }

  /** The question about an action, if it is asked. */
  protected questionOf(key: string, action: Action | undefined): TemplateResult | typeof nothing {
    if (!action?.confirm || !this.isAsking(key, action)) return nothing;
    const done = () => {
      this.asking = undefined;
      this.requestUpdate();
      void this.updateComplete.then(() => this.shadowRoot?.querySelector<HTMLElement>(`[data-key="${key}"]`)?.focus());
    };
    return question(this.hass, action.confirm, action, done, () => {
      done();
      this.host.start(key, action);
    });
  }

  /** What a button says while it is at work, undefined if it is not. */
  protected busy(key: string): string | undefined {
    const running = this.running.get(key);
    if (!running) return undefined;
    if (!this.hasChanged(running)) {
      if (Date.now() <= running.until) return running.label;
      this.failures.set(key, { ...running, words: this.t("no_confirmation") });
    }
    this.running.delete(key);
    return undefined;
  }

  protected failure(key: string): string | undefined {
    const failure = this.failures.get(key);
    if (failure && this.hasChanged(failure)) this.failures.delete(key);
    return veiled(this.hass, this.failures.get(key)?.words ?? "") || undefined;
  }

  private stateNow(entity: string | undefined): string | undefined {
    return entity && this.hass.states[entity]?.state;
  }

  private hasChanged({ entity, before }: Pick<Failure, "entity" | "before">): boolean {
    return this.stateNow(entity) !== before;
  }

  /** Do something; the button says `label` until the state of `entity` changed or a minute is over. */
  protected async perform(key: string, label: string, entity: string | undefined, action: () => Promise<unknown>): Promise<void> {
    const before = this.stateNow(entity);
    this.failures.delete(key);
    this.running.set(key, { label, entity, before, until: Date.now() + CONFIRM_SECONDS * 1000 });
    this.requestUpdate();
    try {
      await action();
      if (!entity) this.running.delete(key);
    } catch (error) {
      const reason = await wordsOf(this.hass, error);
      this.running.delete(key);
      this.failures.set(key, { words: this.t("failed", { reason }), entity, before });
    }
    this.requestUpdate();
  }

  /** The modes of a miner: segments up to four, else a list. */
  protected modeControl(hass: Hass, miner: HmmDevice): TemplateResult | typeof nothing {
    const mode = stateOf(hass, miner, "select.mode");
    const options = listOf(mode, "options");
    if (!isKnown(mode) || options.length < 2) return nothing;
    const choose = (option: string) => {
      if (option === mode.state) return;
      void this.perform("mode", option, mode.entity_id, () =>
        hass.callService("select", "select_option", { option }, { entity_id: mode.entity_id }),
      );
    };
    const pending = this.busy("mode");
    const label = this.t("mode");
    const name = (option: string) => (pending === option ? `${modeName(hass, option)} …` : modeName(hass, option));
    return this.choice(label, options, mode.state, pending, name, choose, 4);
  }

  /** One of several: segments up to so many, else a list. */
  protected choice(
    label: string,
    options: string[],
    chosen: string,
    pending: string | undefined,
    name: (option: string) => string,
    choose: (option: string) => void,
    segments: number,
  ): TemplateResult {
    if (options.length > segments) {
      return html`<select class="modes" aria-label=${label} .value=${pending ?? chosen} @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}>
        ${options.map((option) => html`<option value=${option} ?selected=${option === (pending ?? chosen)}>${name(option)}</option>`)}
      </select>`;
    }
    const move = (event: KeyboardEvent) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll("button")];
      const now = buttons.indexOf(event.target as HTMLButtonElement);
      const flipped = getComputedStyle(this).direction === "rtl" && event.key.match(/Left|Right/u) ? -step : step;
      buttons[(now + flipped + buttons.length) % buttons.length]?.focus();
    };
    const current = options.includes(chosen) ? chosen : options[0];
    return html`<div class="seg" role="radiogroup" aria-label=${label} @keydown=${move}>
      ${options.map(
        (option) => html`<button role="radio" title=${name(option)} aria-checked=${option === chosen ? "true" : "false"} tabindex=${option === current ? 0 : -1} @click=${() => choose(option)}>${name(option)}</button>`,
      )}
    </div>`;
  }
}
