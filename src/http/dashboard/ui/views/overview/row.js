// A model's row in the overview. What updates every two seconds goes into elements that stay.

import { sparkline } from "../../bars.js";
import { h, keyed, setAttribute, setText, show, uniqueId } from "../../dom.js";
import { ago, count, ms, rate, share, time } from "../../format.js";
import { badge, driftState, versionState } from "../../parts.js";
import { to } from "../../routes.js";
import { liveVersion, trafficBar } from "../traffic.js";
import { level } from "./models.js";

const MOST_MESSAGES = 3;

export const COLUMNS = [
  { title: "Model" },
  { title: "State" },
  { title: "Live", hint: "The version that gets most of the requests which name none" },
  { title: "Traffic", hint: "Shares of the versions of requests that name none" },
  {
    title: "Requests/s",
    number: true,
    hint: "Over the last ten to twenty seconds; the line is the last five minutes",
  },
  { title: "p50", number: true, hint: "Half of the requests took no longer" },
  { title: "p99", number: true, hint: "99 of 100 requests took no longer" },
  {
    title: "Errors",
    number: true,
    hint: "Share of requests that were not answered as they should",
  },
  { title: "Queue", number: true, hint: "Requests that wait for a worker" },
  { title: "Drift" },
  { title: "Last swap", hint: "When a version last came into service or was taken back" },
];

/** Makes a row: {element, update(model)}; `row` makes the <tr> (parts.js table). */
export function modelRow(row, { name }) {
  const named = nameCell(name);
  const state = stateCell();
  const live = h("span", { class: "live" });
  const traffic = trafficBar();
  const load = loadCell();
  const figures = [
    figure((now) => ms(now?.p50_ms)),
    figure((now) => ms(now?.p99_ms)),
    errors(),
    queue(),
  ];
  const drift = driftCell();
  const swapped = h("time", null);
  const element = row(
    named.element,
    state.element,
    live,
    traffic.element,
    load.element,
    ...figures.map((cell) => cell.element),
    drift.element,
    swapped,
  );
  const update = (model) => {
    setAttribute(element, "class", ["", "warning", "bad"][level(model.attention)] || null);
    named.update(model.attention);
    state.update(model);
    const version = liveVersion(model);
    setText(live, version === null ? "none" : `v${version}`);
    traffic.update(model.traffic, model.shadow);
    load.update(model);
    figures.forEach((cell) => cell.update(model));
    drift.update(model.drift);
    moment(swapped, model.loaded_at);
  };
  return { element, update };
}

function nameCell(name) {
  const list = h("ul", { class: "attention" });
  const more = h("p", { class: "small muted", hidden: true });
  const link = h("a", { href: to.model(name), class: "name" }, name === "" ? "(no name)" : name);
  const create = ({ level: one, message }) =>
    h(
      "li",
      { class: one },
      h("span", { class: "sign", "aria-hidden": "true" }, one === "bad" ? "✕" : "▲"),
      h("span", null, message),
    );
  const update = (attention) => {
    keyed(
      list,
      attention.slice(0, MOST_MESSAGES),
      ({ level: one, message }) => `${one} ${message}`,
      create,
    );
    setText(more, `and ${attention.length - MOST_MESSAGES} more`);
    show(more, attention.length > MOST_MESSAGES);
    show(list, attention.length > 0);
  };
  return { element: h("div", null, link, list, more), update };
}

function stateCell() {
  const state = badge("off", "");
  const others = h("ul", { class: "others" });
  const element = h("div", null, state.element, others);
  const update = (model) => {
    const [kind, word] = model.dormant ? ["off", "asleep"] : versionState(model.state);
    state.update(
      kind,
      word,
      model.dormant
        ? "It left memory because nobody asked for it; the next request wakes it."
        : null,
    );
    const moving = model.versions.filter(
      (version) => version.stage !== null && version.stage !== undefined,
    );
    keyed(
      others,
      moving,
      ({ version }) => version,
      ({ version }) => {
        const one = badge("busy", "");
        return {
          element: h("li", { class: "small" }, one.element),
          update: ({ stage }) => one.update("busy", `v${version} ${stage}`),
        };
      },
    );
  };
  return { element, update };
}

function loadCell() {
  const text = h("span", null);
  const line = sparkline();
  const update = (model) => {
    setText(text, rate(model.now?.requests_per_second));
    line.set(model.recent ?? []);
  };
  return { element: h("span", { class: "load" }, line.element, text), update };
}

function figure(format) {
  const element = h("span", null);
  return { element, update: ({ now }) => setText(element, format(now)) };
}

function errors() {
  const element = h("span", null);
  const update = ({ now }) => {
    const value = now?.error_share;
    setText(element, share(value));
    setAttribute(element, "class", value > 0.01 ? "much" : null);
  };
  return { element, update };
}

function queue() {
  const element = h("span", null);
  return { element, update: (model) => setText(element, count(model.queue_depth)) };
}

function driftCell() {
  const state = badge("off", "");
  const id = uniqueId("drift");
  const detail = h("span", { id, class: "small muted" });
  const update = (drift) => {
    state.update(...driftState(drift?.state));
    setText(detail, drift?.state === "drifted" ? `${share(drift.drifted_inputs)} of inputs` : "");
  };
  return { element: h("div", null, state.element, " ", detail), update };
}

function moment(element, at) {
  setText(element, ago(at));
  setAttribute(element, "datetime", at ? new Date(at * 1000).toISOString() : null);
  setAttribute(element, "title", at ? time(at) : null);
}
