import { css } from "lit";

// Tones are mixed from the theme so that they keep their contrast on its card (3 : 1 for graphics); text stays text.
export const styles = css`
  :host {
    --hmm-text: var(--primary-text-color, #141414);
    --hmm-text-2: var(--secondary-text-color, #5e5e5e);
    --hmm-card: var(--ha-card-background, var(--card-background-color, #fff));
    --hmm-line: var(--divider-color, #0000001f);
    --hmm-err: color-mix(in srgb, var(--error-color, #db4437) 84%, var(--hmm-text));
    --hmm-warn: color-mix(in srgb, var(--warning-color, #ffa600) 62%, var(--hmm-text));
    --hmm-ok: color-mix(in srgb, var(--success-color, #43a047) 88%, var(--hmm-text));
    --hmm-info: color-mix(in srgb, var(--info-color, #039be5) 84%, var(--hmm-text));
    --hmm-neu: color-mix(in srgb, var(--state-icon-color, #44739e) 80%, var(--hmm-text));
    --hmm-off: var(--hmm-text-2);
    --hmm-fill: color-mix(in srgb, var(--hmm-text) 7%, transparent);
    display: block;
  }
  ha-card {
    height: 100%;
    overflow: hidden;
    color: var(--hmm-text);
    font-size: 14px;
    line-height: 20px;
    font-variant-numeric: tabular-nums;
    container-type: inline-size;
  }
  * { box-sizing: border-box; }
  h2, h3, p { margin: 0; font: inherit; }
  .ok { --c: var(--hmm-ok); } .info { --c: var(--hmm-info); } .warn { --c: var(--hmm-warn); }
  .err { --c: var(--hmm-err); } .off { --c: var(--hmm-off); } .neu { --c: var(--hmm-neu); }
  button {
    font: inherit; color: inherit; border: 0; background: none; padding: 0; margin: 0; text-align: start;
    cursor: pointer; -webkit-tap-highlight-color: transparent;
  }
  button[aria-disabled="true"] { cursor: default; opacity: .6; }
  :focus-visible { outline: 2px solid var(--primary-color, #009ac7); outline-offset: -2px; }
  ha-icon { display: block; --mdc-icon-size: 24px; flex: none; pointer-events: none; }
  .small { --mdc-icon-size: 18px; }
  .sec { color: var(--hmm-text-2); }
  .e { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
  .num { white-space: nowrap; unicode-bidi: isolate; }
  .sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .line { border-top: 1px solid var(--hmm-line); }

  .tile { display: flex; align-items: center; gap: 10px; min-height: 54px; padding: 0 10px; width: 100%; }
  .tile.big { min-height: 56px; padding-block: 8px; }
  button.tile:hover { background: color-mix(in srgb, var(--hmm-text) 4%, transparent); }
  .ic {
    width: 36px; height: 36px; border-radius: 18px; flex: none; display: grid; place-items: center;
    color: var(--c); background: color-mix(in srgb, var(--c) 20%, transparent);
  }
  .ic.solid { background: var(--c); color: var(--hmm-card); }
  .ic.ring { background: none; box-shadow: inset 0 0 0 2px var(--c); }
  .tx { flex: 1; min-width: 0; display: block; }
  .tx .p { display: block; font-weight: 500; letter-spacing: .1px; }
  .tx .q { display: block; font-size: 12px; line-height: 16px; letter-spacing: .4px; }
  .tx .q.sec { letter-spacing: .2px; }
  .clamp {
    white-space: normal; display: -webkit-box !important; -webkit-box-orient: vertical; -webkit-line-clamp: 2;
    overflow: hidden; overflow-wrap: anywhere;
  }

  .btn {
    display: inline-flex; align-items: center; justify-content: center; gap: 8px; height: 42px; padding: 0 14px;
    border-radius: 12px; background: var(--hmm-fill); font-weight: 500; white-space: nowrap; min-width: 0;
  }
  .btn.sm { height: 36px; padding: 0 12px; position: relative; }
  .btn.sm::after { content: ""; position: absolute; inset: -4px 0; }
  .btn.tone { background: color-mix(in srgb, var(--c) 18%, transparent); }
  .btn.tone ha-icon { color: var(--c); }
  .btns { display: flex; gap: 8px; flex-wrap: wrap; }
  .btns .btn { flex: 1; }
  .ib {
    width: 40px; height: 40px; border-radius: 20px; display: grid; place-items: center; color: var(--hmm-text-2);
    flex: none; position: relative;
  }
  .ib::after { content: ""; position: absolute; inset: -2px; }
  .seg { display: flex; min-height: 42px; border-radius: 12px; background: var(--hmm-fill); overflow: hidden; }
  .seg button {
    flex: 1; min-width: 0; padding: 0 6px; border-radius: 12px; text-align: center; overflow: hidden;
    text-overflow: ellipsis; white-space: nowrap; min-height: 42px;
  }
  .seg button:is([aria-checked="true"], [aria-pressed="true"]) {
    background: color-mix(in srgb, var(--primary-color, #009ac7) 24%, var(--hmm-card)); font-weight: 500;
    box-shadow: inset 0 0 0 1px var(--primary-color, #009ac7);
  }
  select.modes {
    font: inherit; color: inherit; width: 100%; height: 42px; border: 0; border-radius: 12px; background: var(--hmm-fill);
    padding: 0 12px;
  }
  select.modes option { background: var(--hmm-card); }
  .reason {
    display: flex; gap: 10px; align-items: center; margin: 0 10px 8px; padding: 8px 8px 8px 12px; border-radius: 12px;
    background: color-mix(in srgb, var(--c) 14%, transparent);
  }
  .reason > ha-icon { color: var(--c); }
  .reason p { flex: 1; min-width: 0; line-height: 18px; overflow-wrap: anywhere; }

  .ask { padding: 8px 10px 10px; }
  .ask .reason { margin: 0 0 8px; }

  .hero { padding: 12px 14px 0; display: flex; align-items: baseline; gap: 4px 8px; flex-wrap: wrap; }
  .big-n { font-size: 28px; line-height: 36px; white-space: nowrap; unicode-bidi: isolate; }
  .big-n small { font-size: 16px; }
  .meter { position: relative; height: 6px; border-radius: 3px; background: var(--hmm-fill); margin: 8px 14px 4px; }
  .meter i { position: absolute; inset-block: 0; inset-inline-start: 0; border-radius: 3px; background: var(--c, var(--hmm-neu)); }
  .meter b { position: absolute; inset-block: -3px; width: 2px; background: var(--hmm-text); }
  .stats {
    display: grid; grid-template-columns: repeat(var(--n, 3), auto); justify-content: space-between;
    gap: 10px 12px; padding: 10px 14px 12px; margin: 0;
  }
  .stats dt { font-size: 12px; line-height: 16px; letter-spacing: .2px; color: var(--hmm-text-2); }
  .stats dd { margin: 0; font-size: 16px; line-height: 22px; font-weight: 500; overflow-wrap: anywhere; }
  .stats dd small { font-size: 12px; font-weight: 400; }
  .stats dd.word { font-size: 14px; }
  .empty { padding: 16px; color: var(--hmm-text-2); }
  .flip:dir(rtl) { transform: scaleX(-1); }
  @container (max-width: 419px) {
    .stats { grid-template-columns: repeat(var(--narrow, 3), 1fr); }
    .seg button { flex: 1 1 auto; }
    .reason { flex-wrap: wrap; }
    .reason p { flex-basis: 70%; }
    .reason .btn { width: 100%; }
  }
`;
