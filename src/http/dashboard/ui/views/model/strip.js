// The figures of now, side by side under a model's name.

import { h, keyed, setAttribute, setText } from "../../dom.js";
import { ago, bytes, count, ms, rate, share, time } from "../../format.js";
import { badge, driftState, versionState } from "../../parts.js";
import { to } from "../../routes.js";

/** {element, update({name, model, now, live})}: `model` of /api/models, `now` of /api/overview or null. */
export function strip() {
  const element = h("dl", { class: "strip" });
  const state = badge("off", "");
  const drift = badge("off", "");
  const driftLink = h("a", { class: "plain" }, drift.element);
  const update = ({ name, model, now, live: number }) => {
    const live = model.versions.find(({ version }) => version === number);
    const [kind, word] = model.dormant ? ["off", "asleep"] : overall(model);
    state.update(kind, word);
    drift.update(...driftState(now?.drift?.state));
    setAttribute(driftLink, "href", to.health(name));
    const moment = now?.now;
    const tiles = [
      ["State", state.element],
      ["Live version", number === null ? "none" : `v${number}`],
      ["Last swap", live ? ago(live.loaded_at_unix) : "–", live ? time(live.loaded_at_unix) : null],
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
  return last ? versionState(last.state, last.stage) : ["off", "no version"];
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
