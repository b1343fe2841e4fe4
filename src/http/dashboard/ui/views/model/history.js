// A model over the last hour or week: requests, latency, stages, batches, memory; swaps marked.

import { get, path, query } from "../../api.js";
import { barPlot } from "../../bars.js";
import { h, keyed, show } from "../../dom.js";
import { bytes, clock, count, day, ms, number, plain, plural, rate, time } from "../../format.js";
import { badge, choice, empty, section } from "../../parts.js";
import { timePlot } from "../../plot.js";
import { keepQuery } from "../../routes.js";

const SPANS = [
  ["hour", "Hour"],
  ["week", "Week"],
];
const STAGES = [
  ["decode", "c3"],
  ["queue", "c2"],
  ["infer", "c1"],
  ["encode", "c4"],
];
const DASHES = ["solid", "dashed", "dotted"];
const MOST_VERSIONS = 5;
const MOST_EVENTS = 12;

/** Asks for a span: "hour" or "week". */
export function history(name, span, signal) {
  return get(path("api/models", name, "history") + query({ span }), { signal });
}

/** {element, update(history), destroy, span()}; `changed()` is called when another span was chosen. */
export function historyPlots(start, changed) {
  let span = start === "week" ? "week" : "hour";
  const pick = choice("Span of the plots", SPANS, span, (chosen) => {
    span = chosen;
    keepQuery({ span: chosen === "hour" ? null : chosen });
    changed();
  });
  const plots = makePlots();
  const byVersion = versionsPlot();
  const happened = events();
  const latency = latencyBars();
  const element = section(
    "Over time",
    { aside: pick.element, className: "wide" },
    h(
      "div",
      { class: "plots" },
      plots.map(({ title, plot }) => figure(title, plot.element)),
      byVersion.element,
      figure("Latencies of the whole span", latency.element),
      happened.element,
    ),
  );
  const update = (found) => {
    const marks = found.events.map(mark).sort((a, b) => a.at - b.at);
    plots.forEach(({ plot, values }) =>
      plot.set({ at: found.at, values: values(found), step: found.step_seconds, marks }),
    );
    byVersion.update(found, marks);
    happened.update(found.events);
    latency.update(found.latency);
  };
  const destroy = () => {
    plots.forEach(({ plot }) => plot.destroy());
    byVersion.destroy();
    latency.destroy();
  };
  return { element, update, destroy, span: () => span };
}

function figure(title, ...content) {
  return h("div", { class: "figure" }, h("h3", null, title), content);
}

function makePlots() {
  const one = (title, format, lines, values, more = {}) => ({
    title,
    values,
    plot: timePlot({ title, format, lines, sync: "model", ...more }),
  });
  return [
    one(
      "Requests per second",
      rate,
      [
        { label: "answered or not", color: "c1", fill: true },
        { label: "of them errors", color: "c2", dash: "dashed" },
      ],
      (found) => [found.requests_per_second, found.errors_per_second],
    ),
    one(
      "Latency",
      ms,
      [
        { label: "p50", color: "c1" },
        { label: "p99", color: "c2", dash: "dashed" },
      ],
      (found) => [found.p50_ms, found.p99_ms],
    ),
    one(
      "Stages, mean of a request",
      ms,
      STAGES.map(([label, color], index) => ({ label, color, dash: DASHES[index % 3] })),
      (found) => STAGES.map(([stage]) => found.stages_ms[stage]),
    ),
    one(
      "Rows of a run, mean",
      (value) => number(value, 3),
      [{ label: "rows", color: "c3" }],
      (found) => [found.batch_rows],
      { top: 1 },
    ),
    one(
      "Queue",
      (value) => number(value, 3),
      [{ label: "waiting requests", color: "c2" }],
      (found) => [found.queue_depth],
    ),
    one("Memory", bytes, [{ label: "of the plans", color: "c4", fill: true }], (found) => [
      found.memory_bytes,
    ]),
  ];
}

// Its lines are known when the answer is there, so the plot is made anew when versions come or go.
function versionsPlot() {
  const element = h(
    "div",
    { class: "figure", hidden: true },
    h("h3", null, "Requests per second by version"),
  );
  let plot = null;
  let known = "";
  const update = (found, marks) => {
    const all = Object.keys(found.versions)
      .sort((a, b) => b - a)
      .slice(0, MOST_VERSIONS);
    show(element, all.length > 1);
    // A model that never served has none.
    if (all.length === 0) return;
    if (all.join() !== known) {
      known = all.join();
      plot?.destroy();
      plot?.element.remove();
      plot = timePlot({
        title: "Requests per second by version",
        format: rate,
        sync: "model",
        lines: all.map((version, index) => ({
          label: `v${version}`,
          color: `c${index + 1}`,
          dash: DASHES[index % 3],
        })),
      });
      element.append(plot.element);
    }
    plot.set({
      at: found.at,
      values: all.map((version) => found.versions[version]),
      step: found.step_seconds,
      marks,
    });
  };
  return { element, update, destroy: () => plot?.destroy() };
}

const WORDS = {
  live: ["good", "serves"],
  failed: ["bad", "was refused"],
  rolled_back: ["warning", "was rolled back"],
  unloaded: ["off", "was unloaded"],
};

function mark({ at, version, what }) {
  const sign = { live: "", failed: "✕ ", rolled_back: "↩ ", unloaded: "○ " }[what] ?? "";
  return {
    at,
    kind: what === "failed" || what === "rolled_back" ? "bad" : "info",
    label: `${sign}v${version}`,
  };
}

function events() {
  const list = h("ol", { class: "events" });
  const nothing = empty("None in this span.");
  const element = h("div", { class: "figure" }, h("h3", null, "Swaps and failures"), list, nothing);
  const create = ({ at, version, what, reason }) => {
    const [kind, word] = WORDS[what] ?? ["info", what];
    return h(
      "li",
      null,
      h(
        "time",
        { datetime: new Date(at * 1000).toISOString(), title: time(at) },
        `${day(at).slice(5)} ${clock(at)}`,
      ),
      badge(kind, `v${version} ${word}`).element,
      reason && h("span", { class: "muted" }, reason),
    );
  };
  const update = (all) => {
    const newest = [...all].sort((a, b) => b.at - a.at).slice(0, MOST_EVENTS);
    keyed(list, newest, ({ at, version, what }) => `${at} ${version} ${what}`, create);
    show(nothing, newest.length === 0);
  };
  return { element, update };
}

function latencyBars() {
  const plot = barPlot({
    title: "Requests by their latency",
    series: [{ label: "requests" }],
    format: count,
    bin: "Up to",
    height: 190,
  });
  const update = ({ bounds_ms: bounds, counts }) => {
    const total = counts.reduce((sum, value) => sum + value, 0);
    plot.set(latencyBins(bounds, counts), `${plural(total, "request")} in all`);
  };
  return { element: plot.element, update, destroy: plot.destroy };
}

/** Bins between the first and the last that has something, with one more on each side. */
export function latencyBins(bounds, counts) {
  const bins = counts.map((value, index) => ({
    key: String(index),
    label: plain(index < bounds.length ? ms(bounds[index]) : `>${ms(bounds.at(-1))}`),
    values: [value],
    note: index < bounds.length ? `above ${ms(index ? bounds[index - 1] : 0)}` : "",
  }));
  const first = counts.findIndex((value) => value > 0);
  const last = counts.findLastIndex((value) => value > 0);
  return first < 0 ? bins : bins.slice(Math.max(0, first - 1), last + 2);
}
