// A tensor as a text of JSON numbers: flat, or nested as its shape says.

import { h, setAttribute, setText, show, uniqueId } from "../../dom.js";
import { count } from "../../format.js";
import { fromJson, toJson } from "./datatype.js";
import { read as readJson } from "./json.js";
import { product, shapeText } from "./signature.js";

/** The text of a tensor: an inner list a line. */
export function written(datatype, { shape, data }) {
  const words = data.map((element) => toJson(datatype, element));
  const line = shape.length > 1 ? shape.at(-1) : 0;
  if (line < 2 || data.length === line) return `[${words.join(", ")}]`;
  const lines = [];
  for (let at = 0; at < words.length; at += line) lines.push(words.slice(at, at + line).join(", "));
  return `[${lines.join(",\n ")}]`;
}

/** A text of JSON as {shape (by its nesting), values}, or {problem}. */
export function parsed(text) {
  let value;
  try {
    value = readJson(text);
  } catch (error) {
    return { problem: `This is not JSON: ${error.message}.` };
  }
  if (!Array.isArray(value)) return { shape: [], values: [value] };
  const shape = [];
  let level = value;
  for (;;) {
    shape.push(level.length);
    if (level.length === 0 || !level.every(Array.isArray)) break;
    const [{ length }] = level;
    const ragged = level.findIndex((inner) => inner.length !== length);
    if (ragged >= 0) return { problem: `The lists differ in length: one has ${length}, another ${level[ragged].length}.` };
    level = level.flat();
  }
  if (level.some(Array.isArray)) return { problem: "Numbers and lists are mixed." };
  return { shape, values: level };
}

/** A text as a tensor of this shape: {tensor} or {problem, element}. Flat lists fit any shape. */
export function tensorOf(datatype, text, shape) {
  const found = parsed(text);
  if (found.problem) return found;
  const wanted = product(shape);
  const flat = found.shape.length <= 1;
  if (found.values.length !== wanted) {
    return { problem: `Shape [${shape.join(", ")}] holds ${count(wanted)} values, there are ${count(found.values.length)}.` };
  }
  if (!flat && found.shape.join() !== shape.join()) {
    return { problem: `It is nested as [${found.shape.join(", ")}], expected [${shape.join(", ")}] or a flat list.` };
  }
  const data = [];
  for (const [place, value] of found.values.entries()) {
    const { element, problem } = fromJson(datatype, value);
    if (problem) return { problem: `Value ${place + 1}: ${problem}.`, element: place };
    data.push(element);
  }
  return { tensor: { shape, data } };
}

/** "1, 3, 48" as a shape that fits the declared one: {shape} or {problem}. */
export function shapeOf(text, declared, rows) {
  const words = text.replace(/[[\]\s]/g, "").split(",").filter((word) => word !== "");
  if (!words.every((word) => /^\d{1,9}$/.test(word))) return { problem: "Expected whole numbers with commas between." };
  const shape = words.map(Number);
  if (shape.length !== declared.length) return { problem: `Expected ${declared.length} sizes, came ${shape.length}.` };
  const wrong = declared.findIndex((dim, axis) => dim >= 0 && dim !== shape[axis]);
  if (wrong >= 0) return { problem: `Size ${wrong + 1} must be ${declared[wrong]}.` };
  if (rows !== null && shape[0] !== rows) return { problem: `The first size is the number of rows, which is ${rows}.` };
  return { shape };
}

/** The editor of an input as JSON. */
export function matrixEditor({ input, tensor, changed }) {
  const id = uniqueId("matrix");
  const text = h("textarea", { id, class: "matrix", rows: 6, spellcheck: "false", autocapitalize: "off", value: written(input.datatype, tensor) });
  const open = input.inner.some((dim) => dim < 0);
  const shapeId = `${id}-shape`;
  const shape = h("input", { id: shapeId, type: "text", autocomplete: "off", value: tensor.shape.join(", ") });
  const said = h("span", { class: "hint", id: `${id}-hint` });
  const problem = h("span", { class: "fault", id: `${id}-fault`, hidden: true });
  [text, shape].forEach((control) => setAttribute(control, "aria-describedby", `${id}-hint ${id}-fault`));

  const fault = (message) => {
    setText(problem, message);
    show(problem, Boolean(message));
    setAttribute(text, "aria-invalid", message ? "true" : null);
  };
  const rows = input.hasRows ? tensor.shape[0] : null;
  const read = () => {
    const wanted = open ? shapeOf(shape.value, input.shape, rows) : { shape: tensor.shape };
    return wanted.problem ? wanted : tensorOf(input.datatype, text.value, wanted.shape);
  };
  // What somebody nested says its shape.
  const follow = () => {
    if (!open) return;
    const found = parsed(text.value);
    if (found.shape?.length === input.shape.length) shape.value = found.shape.join(", ");
  };
  const check = () => {
    const { problem: wrong, tensor: right } = read();
    fault(wrong ?? null);
    setText(said, right ? `${input.datatype} ${shapeText(input.shape, input.hasRows)}: ${count(right.data.length)} values` : `${input.datatype} ${shapeText(input.shape, input.hasRows)}`);
    changed();
  };
  text.addEventListener("input", () => {
    follow();
    check();
  });
  shape.addEventListener("input", check);
  const element = h(
    "div",
    { class: "field wide" },
    h("label", { for: id }, `${input.name}: values`),
    text,
    open ? h("div", { class: "inline" }, h("label", { for: shapeId }, "Shape"), shape) : null,
    said,
    problem,
  );
  return {
    element,
    read() {
      const found = read();
      return found.problem ? { faults: [{ element: found.element ?? null, message: found.problem }] } : found;
    },
    fault: (place, message) => fault(message),
    clear: () => fault(null),
    focus: () => text.focus(),
    start: check,
  };
}
