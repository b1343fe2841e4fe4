// Writes small ONNX files: enough of protocol buffers for a graph with constants.

import { Buffer } from "node:buffer";

function varint(value) {
  const bytes = [];
  let left = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left ? low | 0x80 : low);
  } while (left);
  return Buffer.from(bytes);
}

/** A field: a whole number, or bytes, or a text. */
function field(number, value) {
  if (typeof value === "number" || typeof value === "bigint") return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function floats(values) {
  return Buffer.from(Float32Array.from(values).buffer);
}

function message(...parts) {
  return Buffer.concat(parts.flat(Infinity));
}

const FLOAT = 1;
const INT64 = 7;
const STRING = 8;
const TYPES = { FLOAT, INT64, STRING };

/** An input or output; a dimension is a size or the name of a symbol. */
function value(name, type, shape) {
  const dimension = (size) => field(1, typeof size === "number" ? field(1, size) : field(2, size));
  const tensor = message(field(1, TYPES[type]), field(2, message(shape.map(dimension))));
  return message(field(1, name), field(2, field(1, tensor)));
}

/** `[name, shape, numbers]` as FP32. */
function constant([name, shape, numbers]) {
  return message(shape.map((size) => field(1, size)), field(2, FLOAT), field(8, name), field(9, floats(numbers)));
}

/** Attributes by name: whole numbers, texts, lists of texts, `Float32Array`s. */
function attribute([name, content]) {
  const of = (type, ...fields) => message(field(1, name), ...fields, field(20, type));
  if (typeof content === "number") return of(2, field(3, content));
  if (typeof content === "string") return of(3, field(4, content));
  if (content instanceof Float32Array) return of(6, field(7, floats(content)));
  return of(8, content.map((text) => field(9, text)));
}

function node({ operator, domain = "", inputs, outputs, attributes = {} }) {
  return message(
    inputs.map((name) => field(1, name)),
    outputs.map((name) => field(2, name)),
    field(3, `${operator}_${outputs[0]}`),
    field(4, operator),
    Object.entries(attributes).map((one) => field(5, attribute(one))),
    field(7, domain),
  );
}

/** `inputs` and `outputs` are `[name, "FLOAT" | "INT64" | "STRING", shape]`. */
export function onnx({ nodes, inputs, outputs, constants = [], producer = "dashboard tests" }) {
  const graph = message(
    nodes.map((one) => field(1, node(one))),
    field(2, "made"),
    constants.map((one) => field(5, constant(one))),
    inputs.map((one) => field(11, value(...one))),
    outputs.map((one) => field(12, value(...one))),
  );
  const opset = (domain, version) => field(8, message(field(1, domain), field(2, version)));
  return message(field(1, 8), field(2, producer), field(7, graph), opset("", 13), opset("ai.onnx.ml", 1));
}

/** y = the sum of the columns of x [N, columns]. */
export function sums(columns) {
  return onnx({
    nodes: [{ operator: "MatMul", inputs: ["x", "ones"], outputs: ["y"] }],
    inputs: [["x", "FLOAT", ["N", columns]]],
    outputs: [["y", "FLOAT", ["N", 1]]],
    constants: [["ones", [columns, 1], Array(columns).fill(1)]],
  });
}

/**
 * A text and a number to two classes, all names chosen by the caller: the first class for the first
 * category and small numbers.
 */
export function classifier({ text, number, categories, classes }) {
  const wide = categories.length + 1;
  const first = Array.from({ length: wide }, (_, at) => (at === 0 ? 2 : at === wide - 1 ? -0.02 : 0));
  const weights = [...first, ...first.map((weight) => -weight)];
  return onnx({
    nodes: [
      { operator: "OneHotEncoder", domain: "ai.onnx.ml", inputs: [text], outputs: ["hot"], attributes: { cats_strings: categories, zeros: 1 } },
      { operator: "Flatten", inputs: ["hot"], outputs: ["flat"], attributes: { axis: 1 } },
      { operator: "Concat", inputs: ["flat", number], outputs: ["row"], attributes: { axis: 1 } },
      {
        operator: "LinearClassifier",
        domain: "ai.onnx.ml",
        inputs: ["row"],
        outputs: ["label", "probabilities"],
        attributes: {
          classlabels_strings: classes,
          coefficients: Float32Array.from(weights),
          intercepts: Float32Array.from([0, 0]),
          multi_class: 0,
          post_transform: "SOFTMAX",
        },
      },
    ],
    inputs: [
      [text, "STRING", ["N", 1]],
      [number, "FLOAT", ["N", 1]],
    ],
    outputs: [
      ["label", "STRING", ["N"]],
      ["probabilities", "FLOAT", ["N", 2]],
    ],
  });
}
