// The form of a request: fields row by row, and an editor of its own for what is no table.

import { h, replace, uniqueId } from "../../dom.js";
import { choice } from "../../parts.js";
import { bytesEditor } from "./bytes.js";
import { field } from "./field.js";
import { imageEditor } from "./image.js";
import { matrixEditor } from "./matrix.js";
import { image, ways, withRows } from "./signature.js";

const EDITORS = { image: imageEditor, file: bytesEditor, json: matrixEditor };
const TITLES = { fields: "Fields", image: "Image", file: "File", json: "Numbers" };

/** Fields of a page at most, and editors of images and files. */
const MOST_FIELDS = 600;
const MOST_EDITORS = 8;

/**
 * {element, read, fault, clear, focus, rows, setRows, mostRows, setTensors}. `read()` gives
 * {tensors: [{name, datatype, shape, data}]} or {faults: [{place, element, message}]}.
 */
export function form({ inputs, tensors, rules, changed }) {
  const element = h("div", { class: "stack" });
  const parts = inputs.map((input, place) => ({ input, place, way: ways(input)[0], tensor: tensors[place], fields: [], editor: null }));
  const batched = parts.filter(({ input }) => input.hasRows);
  let rows = batched[0]?.tensor.shape[0] ?? 1;

  function build() {
    replace(element, rowFields(), fixedFields(), parts.filter(({ way }) => way !== "fields").map(card));
    parts.forEach(({ editor }) => editor?.start?.());
  }

  // ---- Fields

  function rowFields() {
    const shown = batched.filter(({ way }) => way === "fields");
    shown.forEach((part) => (part.fields = []));
    if (shown.length === 0) return null;
    return Array.from({ length: rows }, (_, row) => group(rows > 1 ? `Row ${row + 1}` : "Values", shown, row));
  }

  function fixedFields() {
    const shown = parts.filter(({ input, way }) => way === "fields" && !input.hasRows);
    shown.forEach((part) => (part.fields = []));
    return shown.length === 0 ? null : group(batched.length > 0 ? "For all rows" : "Values", shown, 0);
  }

  function group(title, shown, row) {
    const fields = shown.flatMap((part) => fieldsOf(part, row));
    return h("fieldset", { class: "fields" }, h("legend", null, title), h("div", { class: "grid" }, fields));
  }

  function fieldsOf(part, row) {
    const { input, tensor } = part;
    return input.features?.length === input.width ? input.features.map(one) : Array.from({ length: input.width }, (_, column) => one(`${input.name}[${column}]`, column));

    function one(label, column) {
      const value = tensor.data[row * input.width + column];
      const made = field({ label, datatype: input.datatype, rule: rules.get(label), value, changed });
      part.fields.push(made);
      return made.element;
    }
  }

  // ---- Everything else

  function card(part) {
    const { input, way, tensor } = part;
    const id = uniqueId("input");
    const options = ways(input).map((name) => [name, TITLES[name]]);
    const rule = rules.get(input.features?.[0]);
    part.editor = EDITORS[way]({ input, tensor, rule, changed });
    const head = h("div", { class: "section-head" }, h("h3", { id }, input.name), options.length > 1 ? choice(`${input.name}: edit as`, options, way, (next) => change(part, next)).element : null);
    return h("div", { class: "input-card", role: "group", "aria-labelledby": id }, head, part.editor.element);
  }

  function change(part, way) {
    keep();
    part.way = way;
    build();
    part.editor?.focus();
    changed();
  }

  // ---- Reading

  function readPart({ input, way, tensor, fields, editor }) {
    if (way !== "fields") return editor.read();
    const faults = [];
    const data = fields.map((each, element) => {
      const found = each.read();
      if (found.problem) faults.push({ element, message: found.problem });
      return found.element;
    });
    return faults.length > 0 ? { faults } : { tensor: { shape: tensor.shape, data } };
  }

  function read() {
    const faults = [];
    const found = parts.map((part) => {
      const { tensor, faults: wrong = [] } = readPart(part);
      faults.push(...wrong.map((fault) => ({ ...fault, place: part.place, message: `${label(part, fault.element)}: ${fault.message}` })));
      return { name: part.input.name, datatype: part.input.datatype, ...tensor };
    });
    return faults.length > 0 ? { faults } : { tensors: found };
  }

  function label({ input, way }, element) {
    const feature = element === null || !input.features ? input.name : input.features[element % input.width];
    return way === "fields" && rows > 1 && input.hasRows && element !== null ? `${feature} in row ${Math.floor(element / input.width) + 1}` : feature;
  }

  /** Keeps what was entered, as far as it is right. */
  function keep() {
    for (const part of parts) {
      const { tensor } = readPart(part);
      if (tensor) part.tensor = tensor;
    }
  }

  // ---- Faults

  function fieldOf(place, element) {
    const part = parts[place];
    if (!part) return null;
    if (part.way === "fields") {
      const made = part.fields[element ?? 0];
      return made && { show: made.fault, focus: () => made.control.focus() };
    }
    return { show: (message) => message && part.editor.fault(element, message), focus: () => part.editor.focus() };
  }

  function clear() {
    parts.forEach(({ way, fields, editor }) => (way === "fields" ? fields.forEach((each) => each.fault(each.read().problem ?? null)) : editor.clear()));
  }

  // ---- Rows

  function mostRows() {
    const fields = batched.filter(({ way }) => way === "fields").reduce((sum, { input }) => sum + input.width, 0);
    const editors = batched.some(({ way }) => way === "image" || way === "file");
    const byFields = fields > 0 ? Math.max(1, Math.floor(MOST_FIELDS / fields)) : 1000;
    return editors ? Math.min(MOST_EDITORS, byFields) : byFields;
  }

  function setRows(next) {
    keep();
    rows = next;
    batched.forEach((part) => (part.tensor = withRows(part.tensor, rows)));
    build();
    changed();
  }

  /** Other values, for example those of the example again; images keep their settings no longer. */
  function setTensors(next) {
    parts.forEach((part, place) => (part.tensor = next[place]));
    rows = batched[0]?.tensor.shape[0] ?? 1;
    // What a form cannot show, a text can.
    if (rows > mostRows()) parts.forEach((part) => (part.way = "json"));
    if (rows > 0) parts.filter(({ input, way, tensor }) => way === "image" && image(input, input.hasRows ? tensor.shape.slice(1) : tensor.shape) === null).forEach((part) => (part.way = "json"));
    build();
    changed();
  }

  setTensors(tensors);
  return {
    element,
    read,
    fault: (place, element_, message) => fieldOf(place, element_)?.show(message),
    focus: (place, element_) => fieldOf(place, element_)?.focus(),
    clear,
    hasRows: batched.length > 0,
    rows: () => rows,
    mostRows,
    setRows,
    setTensors,
  };
}
