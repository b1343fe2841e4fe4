// One feature: both distributions on the same bins, its score over time, and what is said of it.

import { get, path, query } from "../../api.js";
import { barPlot } from "../../bars.js";
import { h, replace, setText, show } from "../../dom.js";
import { count, number, share } from "../../format.js";
import { choice, facts, notice } from "../../parts.js";
import { timePlot } from "../../plot.js";
import { poll } from "../../poll.js";
import { codeText } from "../try/faults.js";
import { ruleText } from "../try/signature.js";
import { bars, isNumbered, sentences, shareOf, threshold } from "./figures.js";

const SECONDS = 10;

/** {element, update(item), destroy}. `context()` is {model, version, source, window, windows}. */
export function featureDetail(first, context) {
  const { name } = first;
  let item = first;
  let found = null;
  let span = "hour";
  const problem = h("div", null);
  const said = h("ul", { class: "sentences" });
  const numbered = h("p", { class: "hint", hidden: true }, "Categories are numbered, since they may be personal data. “values = true” in the contract shows them.");
  const shape = barPlot({ title: `${name}: reference and now`, series: [{ label: "reference", hollow: true }, { label: "now" }], format: share, height: 220 });
  const score = timePlot({
    title: `${name}: PSI over time`,
    format: (value) => number(value),
    lines: [
      { label: "PSI", color: "c1", width: 2 },
      { label: "expected without drift", color: "c5", dash: "dotted" },
      { label: "critical", color: "c2", dash: "dotted" },
      { label: "threshold", color: "bad", dash: "dashed" },
    ],
    // Between what is expected and what is critical, a score is noise.
    bands: [{ between: [2, 1], color: "c5" }],
    height: 196,
  });
  const spans = choice("Span", [["hour", "Hour"], ["week", "Week"]], span, (next) => {
    span = next;
    asking.again();
  });
  const of = h("p", { class: "hint" });
  const figures = facts();
  const contract = h("div", { class: "stack" });
  const element = h(
    "div",
    { class: "feature-detail" },
    problem,
    said,
    h(
      "div",
      { class: "columns" },
      h("div", null, h("h3", null, "Reference and now, on the same bins"), shape.element, numbered),
      h("div", null, h("div", { class: "section-head" }, h("h3", null, "Score over time"), spans.element), of, score.element),
    ),
    figures.element,
    contract,
  );

  async function look(signal) {
    const { model, version, source, window } = context();
    const where = path("api/models", model, "drift", "distribution") + query({ feature: name, version, source, window, span });
    found = await get(where, { signal });
    replace(problem);
    draw();
  }

  function draw() {
    const { source, window, windows } = context();
    const bins = found?.bins;
    const shown = found ? { ...item, scores: found.score } : item;
    const lines = item.state === null ? [] : sentences(shown, { window: found?.window ?? windows?.[window] ?? null, windowName: window, bins: bins?.length, source });
    sayLines(said, lines);
    figures.update(factsOf(shown, found));
    ofContract(contract, item);
    const files = source === "batch";
    setText(of, files ? "Scores over time are kept for requests only." : `Of requests, in the short window${window === "long" ? ": those of the long one are not kept" : ""}.`);
    [score, spans].forEach(({ element: each }) => show(each, !files));
    if (!found) return;
    shape.set(bars(bins));
    show(numbered, isNumbered(bins));
    score.set(seriesOf(found.history));
  }

  const failed = (error) => replace(problem, notice("warning", error.message));
  // Without a reference there is only the contract to show.
  const watched = first.state !== null;
  const asking = watched ? poll(SECONDS, look, failed) : { stop() {}, again() {} };
  show(element.querySelector(".columns"), watched);
  draw();
  return {
    element,
    update(next) {
      item = next;
      draw();
    },
    again: () => asking.again(),
    destroy() {
      asking.stop();
      shape.destroy();
      score.destroy();
    },
  };
}

/** History as the lines of the plot. */
export function seriesOf({ at, psi, expected, critical, step_seconds: step }) {
  const limits = at.map((_, place) =>
    expected[place] === null || critical[place] === null ? null : threshold({ psi_expected: expected[place], psi_critical: critical[place] }),
  );
  return { at, values: [psi, expected, critical, limits], step };
}

function sayLines(list, lines) {
  const had = [...list.children];
  if (had.length !== lines.length) return replace(list, lines.map((line) => h("li", null, line)));
  lines.forEach((line, index) => setText(had[index], line));
}

function factsOf({ scores, importance }, found) {
  const missing = found ? shareOf(found.bins, "missing") : null;
  const outside = found?.out_of_range ?? null;
  return [
    ["Values", scores && count(scores.values)],
    ["PSI", scores && number(scores.psi)],
    ["Wasserstein", scores?.wasserstein === undefined ? null : `${number(scores.wasserstein)} σ`],
    ["Kolmogorov–Smirnov", scores?.kolmogorov_smirnov === undefined ? null : number(scores.kolmogorov_smirnov)],
    ["Jensen–Shannon", scores && number(scores.jensen_shannon)],
    ["χ², p", scores?.chi_squared_p === undefined ? null : number(scores.chi_squared_p)],
    ["Missing", missing && `${share(missing.current)} (reference ${share(missing.reference)})`],
    ["Out of range", outside === null ? null : `${count(outside)} values${scores?.outside === undefined ? "" : ` (${share(scores.outside)})`}`],
    ["Importance", importance === null ? null : share(importance)],
    ["Reference", found && `${found.reference}, ${count(found.reference_rows)} rows`],
  ];
}

function ofContract(element, { mode, rules, violations, broken }) {
  const rule = [ruleText(rules ?? {}), rules?.allowed && !rules.more_allowed ? `one of ${rules.allowed.join(", ")}` : ""].filter(Boolean).join(", ");
  const signature = JSON.stringify([mode, rule, violations]);
  if (element.dataset.shown === signature) return;
  element.dataset.shown = signature;
  if (mode === null) return replace(element);
  const codes = Object.entries(violations).filter(([, times]) => times > 0);
  replace(
    element,
    h("h3", null, "Contract"),
    h("p", null, `Mode ${mode}${rule ? `: ${rule}` : ""}. `, broken === 0 ? "Nothing broke it." : ""),
    codes.length === 0 ? null : h("ul", { class: "codes" }, codes.map(([code, times]) => h("li", null, h("code", null, code), `, ${codeText(code)}: ${count(times)}`))),
  );
}
