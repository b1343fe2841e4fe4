// How good predictions were, as far as truths have come, beside what their scores promise.

import { h, keyed, replace, setText, show } from "../../dom.js";
import { count, number, share } from "../../format.js";
import { facts, notice, section, table } from "../../parts.js";
import { tomlText } from "../shell.js";

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

