// What the contract found, and the rows that it kept for a look; and how good predictions were, as
// far as truths have come, beside what their scores promise.

import { fetchFrom, path } from "../../api.js";
import { confirm, h, keyed, replace, setText, show } from "../../dom.js";
import { count, number, share, time } from "../../format.js";
import { empty, facts, guarded, notice, section, table } from "../../parts.js";
import { tomlText } from "../shell.js";
import { codeText } from "../try/faults.js";
import { total } from "./figures.js";

/** Rows of the table without the others being asked for. */
const MOST = 20;

/** {element, set(report, {model, hasProfile})}: `report` of one version, or null. */
export function contract() {
  const nothing = h("p", { class: "empty" });
  const known = facts();
  const shell = table({ caption: "Violations of the contract by code", columns: [{ title: "Feature" }, { title: "What is wrong" }, { title: "Mode" }, { title: "Values", number: true }] });
  const more = h("p", { class: "hint" });
  const kept = quarantine();
  const element = section("Contract", {}, h("div", { class: "stack" }, nothing, known.element, shell.element, more, kept.element));

  function row({ feature, code, mode }) {
    const times = h("span", null);
    const what = [h("code", null, code), h("span", { class: "muted" }, ` ${codeText(code)}`)];
    return { element: shell.row(feature || "(the request)", what, mode, times), update: (entry) => setText(times, count(entry.times)) };
  }

  function set(report, { model, hasProfile }) {
    [known.element, shell.element, more, kept.element].forEach((each) => show(each, report !== null));
    show(nothing, report === null);
    if (report === null) {
      const suggested = hasProfile ? "“onnxd profile” wrote a suggestion, contract.suggested.toml, beside the profile" : "“onnxd profile” suggests one from the training data";
      return setText(nothing, `This version has no contract, so any value of the right type reaches the model. ${suggested}; as contract.toml beside model.onnx it is in force.`);
    }
    const found = violations(report);
    known.update([
      ["Rows checked", count(report.rows)],
      ["Answers checked", report.answered ? count(report.answered) : null],
      ["Violations", count(found.reduce((sum, { times }) => sum + times, 0))],
      ["Mode", report.mode],
      ["Contract", report.id],
    ]);
    show(shell.element, found.length > 0);
    keyed(shell.body, found.slice(0, MOST), ({ feature, code }) => JSON.stringify([feature, code]), row);
    setText(more, found.length === 0 ? (report.rows === 0 ? "No row was checked yet." : "No value broke it.") : found.length > MOST ? `and ${count(found.length - MOST)} more` : "");
    kept.set(model, report.features.some(({ mode }) => mode === "quarantine") || report.mode === "quarantine");
  }
  return { element, set };
}

/** Each feature and code with how often, the most frequent first. */
export function violations(report) {
  return report.features
    .filter((feature) => total(feature.violations) > 0)
    .flatMap((feature) => Object.entries(feature.violations).map(([code, times]) => ({ feature: feature.name, mode: feature.mode, code, times })))
    .filter(({ times }) => times > 0)
    .sort((a, b) => b.times - a.times || (a.feature < b.feature ? -1 : 1));
}

// ---- Quarantine

function quarantine() {
  let model = null;
  const list = h("div", null);
  const open = guarded("operate", "Show rows of the quarantine", () => ask());
  const hide = h("button", { type: "button", class: "button small", hidden: true }, "Hide them");
  const none = h("p", { class: "hint" }, "No rule has mode quarantine, so refused rows are not kept.");
  const element = h("div", { class: "stack quarantine" }, h("div", { class: "row" }, open.element, hide), none, list);
  hide.addEventListener("click", () => {
    replace(list);
    open.element.querySelector("button").focus();
    show(hide, false);
  });

  async function ask() {
    await confirm({
      title: "Show rows of callers?",
      lines: ["The quarantine holds data that callers sent and the contract refused. Where the contract has values = true, it shows the values themselves, which may be personal data."],
      action: "Show them",
      run: load,
    });
  }

  async function load() {
    const response = await fetchFrom("GET", path("api/models", model, "quarantine"), { headers: { accept: "application/x-ndjson" } });
    const rows = linesOf(await response.text());
    show(hide, true);
    replace(list, rows.length === 0 ? empty("The quarantine is empty.") : rowsOf(rows));
  }

  return {
    element,
    set(name, keeps) {
      model = name;
      show(none, !keeps);
      show(open.element, keeps);
    },
  };
}

/** Lines of NDJSON, the newest first. */
export function linesOf(text) {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line))
    .sort((a, b) => b.unix_ms - a.unix_ms);
}

function rowsOf(rows) {
  const { element, body, row } = table({ caption: "Rows of the quarantine", cards: true, columns: [{ title: "When" }, { title: "Row", number: true }, { title: "What is wrong" }, { title: "Values" }] });
  for (const { unix_ms: at, of, row: place, violations: wrong, values } of rows) {
    const found = wrong.map(({ feature, code, expected, value }) => h("li", null, `${feature}: ${codeText(code)}, expected ${expected}${value === undefined ? "" : `, came ${value}`}`));
    body.append(row(time(at / 1000), `${of === "answer" ? "answer " : ""}${count(place + 1)}`, h("ul", null, found), valuesOf(values)));
  }
  return [notice("warning", "These are data of callers."), h("div", { class: "scroll" }, element)];
}

function valuesOf(values) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return "not shown by this contract";
  const list = facts(entries.map(([name, value]) => [name, String(value)]));
  return h("details", null, h("summary", null, `${count(entries.length)} values`), list.element);
}

const FIGURES = [
  ["accuracy", "Accuracy", share],
  ["precision", "Precision", share],
  ["recall", "Recall", share],
  ["f1", "F1", number],
  ["auc", "AUC", number],
  ["calibration_error", "Calibration error", number],
  ["log_loss", "Log loss", number],
  ["brier", "Brier score", number],
  ["mean_absolute_error", "Mean absolute error", number],
  ["root_mean_squared_error", "Root mean squared error", number],
];

/** {element, set(report, {model, predictions})}: `report` of one version, or null. */
export function quality() {
  const known = facts();
  const shell = table({ caption: "Quality of predictions", columns: [{ title: "Figure" }, { title: "Came true", number: true }, { title: "Estimated", number: true }] });
  const blind = notice(
    "info",
    "The estimate is what calibrated scores promise, over all predictions and before any truth is known. It notices a model that becomes unsure. It is blind to concept drift: it cannot notice that scores no longer mean what they meant. Where the two part, believe what came true.",
  );
  const nothing = h("div", { class: "stack" });
  const hint = h("p", { class: "hint" });
  const element = section("Quality", {}, h("div", { class: "stack" }, nothing, known.element, shell.element, hint, blind));

  function row([, title, format]) {
    const cells = [h("span", null), h("span", null)];
    return {
      element: shell.row(title, ...cells),
      update: ([, , , realised, estimated]) => {
        setText(cells[0], format(realised));
        setText(cells[1], format(estimated));
      },
    };
  }

  function set(report, { model, predictions = [] }) {
    [known.element, hint].forEach((each) => show(each, report !== null));
    const rows = FIGURES.map(([name, title, format]) => [name, title, format, report?.realised?.[name], report?.estimated?.[name]]).filter(([, , , realised, estimated]) => realised !== undefined || estimated !== undefined);
    show(shell.element, rows.length > 0);
    show(blind, report?.estimated !== undefined);
    if (report === null) return unwatched(nothing, predictions);
    replace(nothing);
    known.update([
      ["Predictions", count(report.predictions)],
      ["Truths that came", count(report.outcomes)],
      ["Coverage", share(report.coverage)],
    ]);
    keyed(shell.body, rows, ([name]) => name, row);
    setText(hint, report.outcomes === 0 ? `No truth has come yet: POST /api/models/${model}/feedback takes them, by the token or the id of a prediction.` : "Since this version was loaded.");
  }
  return { element, set };
}

function unwatched(element, predictions) {
  const score = predictions.find((name) => name.includes(".")) ?? predictions[0] ?? "probabilities.positive";
  const text = `[quality]\nscore = ${tomlText(score)}\n`;
  if (element.dataset.shown === text && element.children.length > 0) return;
  element.dataset.shown = text;
  replace(
    element,
    h("p", null, "Nobody watches how good the predictions of this version are. In model.toml, say which prediction is meant (score for the probability of one of two classes, label for a class, value for a number), and send truths as they become known:"),
    h("pre", { tabindex: "0", "aria-label": "What model.toml needs" }, text),
  );
}
