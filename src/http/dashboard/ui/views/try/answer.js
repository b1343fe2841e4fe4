// The answer of a model: probabilities of classes as bars, everything as tables, times by stage.

import { h, replace, uniqueId } from "../../dom.js";
import { shareBars } from "../../bars.js";
import { count, ms, number, plural, share } from "../../format.js";
import { badge, notice, table } from "../../parts.js";
import { isFloat, isText } from "./datatype.js";
import { numberOf } from "./json.js";
import { product } from "./signature.js";
import { breakdown, meaning } from "./timing.js";

const MOST_CLASSES = 1000;
const MOST_SHOWN = 10;
const MOST_ROWS = 50;
const MOST_COLUMNS = 32;

/** Whether an output looks like probabilities of classes: each row of 2 to 1,000 sums to one. */
export function isProbabilities({ datatype, shape, data }) {
  const classes = shape.at(-1) ?? 0;
  if (!isFloat(datatype) || classes < 2 || classes > MOST_CLASSES || data.length === 0) return false;
  for (let at = 0; at < data.length; at += classes) {
    let sum = 0;
    for (const element of data.slice(at, at + classes)) {
      const value = numberOf(element);
      if (!(value >= -1e-6 && value <= 1 + 1e-6)) return false;
      sum += value;
    }
    if (Math.abs(sum - 1) > 0.01) return false;
  }
  return true;
}

/** Classes of one row, the likeliest first: [{label, value}]. */
export function ranked(data, labels) {
  return data.map((element, place) => ({ label: labels?.[place] ?? String(place), value: numberOf(element), place })).sort((a, b) => b.value - a.value || a.place - b.place);
}

/** The labels of an output's classes, or null. */
export function labelsOf(output, metadata) {
  const labels = metadata?.parameters?.labels;
  return labels && labels.length === output.shape.at(-1) ? labels.map(String) : null;
}

/** An element for people: floats short, everything else as it is. */
export function readable(datatype, element) {
  if (isText(datatype)) return element === "" ? "(empty)" : element;
  if (!isFloat(datatype)) return element;
  const value = numberOf(element);
  return Number.isFinite(value) ? number(value, 5) : element;
}

/** {element} for an answer {version, outputs, roundTrip, headers: get(name)}; `metadata` by output name. */
export function answer({ version, outputs, roundTrip, headers }, metadata) {
  const many = outputs.length > 0;
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "row" }, badge("good", `version ${version} answered in ${ms(roundTrip)}`).element),
    warnings(headers),
    outputs.map((output) => outputOf(output, metadata.get(output.name))),
    many ? null : notice("info", "The answer has no outputs."),
    times(headers("server-timing"), roundTrip),
  );
}

function warnings(header) {
  const found = [];
  const broken = Number(header("onnxd-contract-violations") ?? 0);
  const repaired = Number(header("onnxd-contract-repaired") ?? 0);
  if (broken > 0) found.push(notice("warning", `${plural(broken, "value breaks", "values break")} the contract, which only warns of it.`));
  if (repaired > 0) found.push(notice("warning", `The contract repaired ${plural(repaired, "value")} before the model saw the rows.`));
  return found;
}

function outputOf(output, metadata) {
  const id = uniqueId("output");
  const labels = labelsOf(output, metadata);
  const head = h("div", { class: "section-head" }, h("h3", { id }, output.name), h("span", { class: "hint" }, `${output.datatype} [${output.shape.join(", ")}]`));
  const body = isProbabilities(output) ? classes(output, labels) : valuesOf(output, labels);
  return h("div", { class: "output", role: "group", "aria-labelledby": id }, head, body);
}

// ---- Classes

function classes(output, labels) {
  const width = output.shape.at(-1);
  const rows = output.data.length / width;
  const bars = shareBars({ label: `${output.name}: probabilities` });
  const rest = h("p", { class: "hint" });
  const pick = (row) => {
    const found = ranked(output.data.slice(row * width, (row + 1) * width), labels);
    const most = found.slice(0, MOST_SHOWN);
    const left = found.slice(MOST_SHOWN).reduce((sum, { value }) => sum + value, 0);
    // Made anew for another row: labels may be equal, places are not.
    bars.set(most.map(({ label, value, place }, index) => ({ key: place, label, value, strong: index === 0 })));
    replace(rest, found.length > most.length ? `${plural(found.length - most.length, "further class", "further classes")}: ${share(Math.max(0, left))} together` : "");
  };
  pick(0);
  return [
    rows > 1 ? rowChoice(rows, pick) : null,
    bars.element,
    rest,
    h("details", { class: "figures" }, h("summary", null, "All numbers"), valuesOf(output, labels)),
  ];
}

function rowChoice(rows, pick) {
  const id = uniqueId("row");
  const options = Array.from({ length: Math.min(rows, 1000) }, (_, row) => h("option", { value: row }, `Row ${row + 1}`));
  const select = h("select", { id, onchange: () => pick(Number(select.value)) }, options);
  return h("div", { class: "row" }, h("label", { for: id }, "Show"), select);
}

// ---- Tables

function valuesOf(output, labels) {
  const { datatype, shape, data } = output;
  if (data.length === 1) return h("p", { class: "single" }, readable(datatype, data[0]));
  const rows = shape[0] ?? 1;
  const width = shape.length > 1 ? product(shape.slice(1)) : 1;
  // One row of many numbers is read downwards.
  if (rows === 1 && width > 1) return downwards(output, labels);
  const columns = Math.min(width, MOST_COLUMNS);
  const names = Array.from({ length: columns }, (_, column) => (width === 1 ? output.name : (labels?.[column] ?? String(column))));
  const aside = isText(datatype) ? {} : { number: true };
  const { element, body, row } = table({ caption: `${output.name}: values`, columns: [{ title: "Row" }, ...names.map((title) => ({ title, ...aside }))] });
  for (let at = 0; at < Math.min(rows, MOST_ROWS); at += 1) {
    const cells = data.slice(at * width, at * width + columns);
    body.append(row(String(at + 1), ...cells.map((each) => readable(datatype, each))));
  }
  return [element, cut(rows * width, Math.min(rows, MOST_ROWS) * columns)];
}

function downwards({ name, datatype, data }, labels) {
  const aside = isText(datatype) ? {} : { number: true };
  const { element, body, row } = table({ caption: `${name}: values`, columns: [{ title: labels ? "Class" : "Place" }, { title: "Value", ...aside }] });
  const shown = data.slice(0, MOST_ROWS);
  shown.forEach((each, place) => body.append(row(labels?.[place] ?? String(place), readable(datatype, each))));
  return [h("div", { class: "scroll" }, element), cut(data.length, shown.length)];
}

const cut = (all, shown) => (all > shown ? h("p", { class: "hint" }, `The first ${count(shown)} of ${count(all)} values; “Copy all of it” below the JSON has the others.`) : null);

// ---- Times

function times(header, roundTrip) {
  const found = breakdown(header, roundTrip);
  if (found.length === 0) return null;
  const bars = shareBars({ label: "Time by stage" });
  const most = Math.max(roundTrip, ...found.map((each) => each.ms)) || 1;
  bars.set(found.map((each) => ({ key: each.stage, label: meaning(each.stage), value: each.ms / most, text: ms(each.ms) })));
  return h("div", { class: "output" }, h("h3", null, "Where the time went"), bars.element, h("p", { class: "hint" }, `${ms(roundTrip)} from the click to the answer`));
}

/** An answer's text for people to copy: as it came, cut where it is very long. */
export function raw(text) {
  const MOST = 20000;
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
