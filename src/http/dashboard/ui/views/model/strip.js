// The figures of now, side by side under a model's name.

import { h, keyed, setAttribute, setText } from "../../dom.js";
import { ago, bytes, count, ms, rate, share, time } from "../../format.js";
import { badge, driftState, versionState } from "../../parts.js";
import { to } from "../../routes.js";

/**
 * {element, update({name, model, now, live, swapped})}: `model` of /api/models, `now` of
 * /api/overview or null, `swapped` when the history last had a swap.
 */
export function strip() {
  const element = h("dl", { class: "strip" });
  const state = badge("off", "");
  const drift = badge("off", "");
  const driftLink = h("a", { class: "plain" }, drift.element);
  const update = ({ name, model, now, live: number, swapped }) => {
    const live = model.versions.find(({ version }) => version === number);
    const [kind, word] = model.dormant ? ["off", "asleep"] : overall(model);
    state.update(kind, word);
    drift.update(...driftState(now?.drift?.state));
    setAttribute(driftLink, "href", to.health(name));
    const moment = now?.now;
    // Who may not see figures knows when its files were loaded.
    const swap = now ? Math.max(now.loaded_at ?? 0, swapped) : live?.loaded_at_unix;
    const tiles = [
      ["State", state.element],
      ["Live version", number === null ? "none" : `v${number}`],
      [now ? "Last swap" : "Loaded", ago(swap || null), swap ? time(swap) : null],
      now && ["Requests/s", rate(moment?.requests_per_second)],
      now && ["p50", ms(moment?.p50_ms)],
      now && ["p99", ms(moment?.p99_ms)],
      now && ["Errors", share(moment?.error_share)],
      now && ["In flight", count(now.in_flight)],
      ["Queue", count(now?.queue_depth ?? live?.queue_depth)],
      ["Memory", bytes(sum(model.versions.map(({ memory_bytes: size }) => size ?? 0)))],
      now && ["Drift", driftLink],
    ].filter(Boolean);
    keyed(element, tiles, ([title]) => title, tile);
  };
  return { element, update };
}

function tile([title]) {
  const value = h("dd", null);
  return {
    element: h("div", null, h("dt", null, title), value),
    update([, content, hint]) {
      if (!(content instanceof Node)) setText(value, content);
      else if (value.firstChild !== content) value.replaceChildren(content);
      setAttribute(value, "title", hint);
    },
  };
}

function overall({ serving, versions }) {
  if (serving !== null) return versionState("READY");
  const last = versions.at(-1);
  return last ? versionState(last.state, last.stage, last.reason) : ["off", "no version"];
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
