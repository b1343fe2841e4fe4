// What a form must ask for: inputs with their shapes, the names of their features, and the rules
// that a contract has for them.

import { isFloat, isText, zero } from "./datatype.js";

/** More columns without names are no table, as the server has it. */
const MOST_COLUMNS = 1000;

export const product = (dims) => dims.reduce((all, dim) => all * dim, 1);

/** Shape with N for the rows and ? for other open dimensions. */
export function shapeText(shape, rowAxis) {
  const names = shape.map((dim, axis) => (dim >= 0 ? String(dim) : axis === 0 && rowAxis ? "N" : "?"));
  return `[${names.join(", ")}]`;
}

/**
 * The inputs of a model as the form sees them:
 * {place, name, datatype, shape, hasRows, inner, width, features, isTable}
 * `inner` is the shape of a row (of everything, without rows), `width` its elements or null while
 * a dimension is open, `features` the names of its columns as contracts and drift call them.
 */
export function inputs(metadata) {
  const only = metadata.inputs.length === 1;
  return metadata.inputs.map((input, place) => {
    const hasRows = input.shape.length > 0 && input.shape[0] < 0;
    const inner = hasRows ? input.shape.slice(1) : input.shape;
    const width = inner.every((dim) => dim >= 0) ? product(inner) : null;
    const columns = input.parameters?.features?.map(String) ?? null;
    const own = columns !== null && columns.length === width ? columns : null;
    return {
      place,
      name: input.name,
      datatype: input.datatype,
      shape: input.shape,
      hasRows,
      inner,
      width,
      columns: own,
      features: featureNames(input.name, inner, width, own, only),
    };
  });
}

function featureNames(name, inner, width, columns, only) {
  if (width === null || inner.length > 1 || width > MOST_COLUMNS) return null;
  if (columns !== null) return only ? columns : columns.map((column) => `${name}.${column}`);
  if (width === 1) return [name];
  return Array.from({ length: width }, (_, column) => `${name}[${column}]`);
}

/** Whether a contract demands anything of a feature. */
export const isRuled = ({ rules: own }) => Object.keys(own ?? {}).length > 0;

/** The rules of a contract's report by the names of features. */
export function rules(report, version) {
  const found = new Map();
  for (const feature of report?.versions?.[version]?.features ?? []) {
    if (isRuled(feature)) found.set(feature.name, { ...feature.rules, mode: feature.mode });
  }
  return found;
}

/** A rule in words, for the hint below a field. */
export function ruleText(rule) {
  if (!rule || rule.mode === "off") return "";
  const parts = [];
  if (rule.min !== undefined && rule.max !== undefined) parts.push(`${rule.min} to ${rule.max}`);
  else if (rule.min !== undefined) parts.push(`at least ${rule.min}`);
  else if (rule.max !== undefined) parts.push(`at most ${rule.max}`);
  if (rule.more_allowed !== undefined) parts.push(`one of ${rule.allowed.length + Number(rule.more_allowed)} values`);
  if (rule.pattern !== undefined) parts.push(`pattern ${rule.pattern}`);
  if (rule.max_length !== undefined) parts.push(`up to ${rule.max_length} characters`);
  if (rule.nullable === false || rule.nan === false) parts.push("not empty");
  if (rule.inf === false) parts.push("finite");
  return parts.join(", ");
}

/** Whether a shape of one row may be an image: {height, width, channels, order} or null. */
export function image(input, sample = null) {
  if (isText(input.datatype) || input.datatype === "BOOL" || input.columns !== null) return null;
  const fixed = sample ?? input.inner;
  const inner = input.inner.map((dim, axis) => (dim < 0 ? (fixed[axis] ?? dim) : dim));
  const open = (dim) => dim < 0 || (dim >= 4 && dim <= 4096);
  const colours = (dim) => dim === 1 || dim === 3 || dim === 4;
  if (inner.length === 3) {
    if (colours(inner[0]) && open(inner[1]) && open(inner[2])) {
      return size(inner[1], inner[2], inner[0], "planes");
    }
    if (colours(inner[2]) && open(inner[0]) && open(inner[1])) {
      return size(inner[0], inner[1], inner[2], "pixels");
    }
    return null;
  }
  if (inner.length === 2) {
    return open(inner[0]) && open(inner[1]) ? size(inner[0], inner[1], 1, "planes") : null;
  }
  // A square that was made flat, of floats or bytes: tables are seldom so wide.
  const side = Math.sqrt(inner[0] ?? 0);
  const flat = isFloat(input.datatype) || input.datatype === "UINT8";
  if (inner.length === 1 && flat && Number.isInteger(side) && side >= 8 && side <= 1024) {
    return size(side, side, 1, "flat");
  }
  return null;
}

/** What an open size of an image is until somebody says otherwise. */
const SIDE = 224;

function size(height, width, channels, order) {
  return {
    height: height < 0 ? SIDE : height,
    width: width < 0 ? SIDE : width,
    channels,
    order,
  };
}

/** The shape of one row that an image of this size has. */
export function imageShape({ height, width, channels, order }, rank) {
  if (order === "flat") return [height * width];
  if (rank === 2) return [height, width];
  return order === "planes" ? [channels, height, width] : [height, width, channels];
}

/** Ways to edit an input, the best first. */
export function ways(input, { mostFields = 24 } = {}) {
  const found = [];
  const asImage = image(input);
  const single = input.width === 1;
  const few = input.width !== null && input.width >= 1 && input.width <= mostFields;
  const named = input.columns !== null && input.width <= 200;
  if (asImage === null && (single || few || named)) found.push("fields");
  if (asImage !== null && isSurely(asImage, input)) found.push("image");
  const bytes = !isText(input.datatype) && input.datatype !== "BOOL" && input.inner.length === 1;
  const wide = input.width === null || input.width > mostFields;
  if (bytes && wide && input.columns === null && !isFloat(input.datatype)) found.push("file");
  found.push("json");
  if (asImage !== null && !found.includes("image")) found.push("image");
  return found;
}

// Sequences have two axes as well, and tables may be as wide as a square.
function isSurely({ height, width, order }, { inner }) {
  if (order === "flat") return height <= MOST_DRAWN;
  return inner.length === 3 || (inner[0] === inner[1] && height >= 8 && height === width && inner[0] > 0);
}

/** Larger images are not drawn by hand. */
export const MOST_DRAWN = 64;

/** A tensor of nothing, where there is no example. */
export function blank(input, rows = 1) {
  const inner = input.inner.map((dim) => (dim < 0 ? 1 : dim));
  const shape = input.hasRows ? [rows, ...inner] : inner;
  return { shape, data: Array.from({ length: product(shape) }, () => zero(input.datatype)) };
}

/** The same tensor with another number of rows: further ones repeat the last. */
export function withRows(tensor, rows) {
  const [had, ...inner] = tensor.shape;
  const size = product(inner);
  const data = tensor.data.slice(0, rows * size);
  const last = had > 0 ? tensor.data.slice((had - 1) * size, had * size) : [];
  const lacks = last.length === size && size > 0 ? rows * size - data.length : 0;
  for (let place = 0; place < lacks; place += 1) data.push(last[place % size]);
  return { shape: [rows, ...inner], data };
}
