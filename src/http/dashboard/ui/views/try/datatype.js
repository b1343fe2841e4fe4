// The datatypes of the protocol: which texts are elements of them, and how elements are written.
//
// An element is a text: of BYTES itself, of all others its token in JSON. Only so does every
// INT64 survive.

import { Token, numberOf } from "./json.js";

const whole = (bits, signed) => ({
  kind: "whole",
  least: signed ? -(1n << BigInt(bits - 1)) : 0n,
  most: (1n << BigInt(signed ? bits - 1 : bits)) - 1n,
});

const TYPES = {
  BOOL: { kind: "flag" },
  UINT8: whole(8, false),
  UINT16: whole(16, false),
  UINT32: whole(32, false),
  UINT64: whole(64, false),
  INT8: whole(8, true),
  INT16: whole(16, true),
  INT32: whole(32, true),
  INT64: whole(64, true),
  FP16: { kind: "float", most: 65504 },
  FP32: { kind: "float", most: 3.4028234663852886e38 },
  FP64: { kind: "float", most: Number.MAX_VALUE },
  BYTES: { kind: "text" },
};

/** "flag", "whole", "float" or "text". */
export function kindOf(datatype) {
  return (TYPES[datatype] ?? TYPES.BYTES).kind;
}

export const isWhole = (datatype) => kindOf(datatype) === "whole";
export const isFloat = (datatype) => kindOf(datatype) === "float";
export const isText = (datatype) => kindOf(datatype) === "text";

/** The least and the greatest whole number of a datatype, as BigInt. */
export function bounds(datatype) {
  const { least, most } = TYPES[datatype];
  return { least, most };
}

/** What an input has where nothing is known. */
export function zero(datatype) {
  return { flag: "false", whole: "0", float: "0", text: "" }[kindOf(datatype)];
}

const WHOLE = /^[+-]?\d+$/;
const FLOAT = /^([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/;
const NOT_FINITE = { nan: "NaN", inf: "Infinity", infinity: "Infinity", null: "null" };

/** What somebody typed as an element: {element} or {problem}. */
export function typed(datatype, text) {
  const kind = kindOf(datatype);
  if (kind === "text") return { element: text };
  const trimmed = text.trim();
  if (kind === "flag") return typedFlag(trimmed);
  return kind === "whole" ? typedWhole(datatype, trimmed) : typedFloat(datatype, trimmed);
}

function typedFlag(text) {
  const word = text.toLowerCase();
  if (word === "true" || word === "1") return { element: "true" };
  if (word === "false" || word === "0") return { element: "false" };
  return { problem: "expected true or false" };
}

function typedWhole(datatype, text) {
  if (!WHOLE.test(text)) return { problem: "expected a whole number" };
  const number = BigInt(text.replace(/^\+/, ""));
  const { least, most } = bounds(datatype);
  if (number < least || number > most) {
    return { problem: `${datatype} goes from ${least} to ${most}` };
  }
  return { element: number.toString() };
}

function typedFloat(datatype, text) {
  // A number that is missing is NaN, which JSON writes as null.
  if (text === "") return { element: "null" };
  const bare = text.replace(/^[+-]/, "").toLowerCase();
  if (Object.hasOwn(NOT_FINITE, bare)) {
    const word = NOT_FINITE[bare];
    if (word !== "Infinity") return { element: "null" };
    return { element: text.startsWith("-") ? "-Infinity" : "Infinity" };
  }
  const [, sign, before, after, power] = FLOAT.exec(text) ?? [];
  if (before === undefined || before + (after ?? "") === "") {
    return { problem: "expected a number, as 0.25 or 1e-3" };
  }
  const places = (after ?? "").replace(/0+$/, "");
  const fraction = places ? `.${places}` : "";
  const element = `${sign === "-" ? "-" : ""}${before.replace(/^0+(?=\d)/, "") || "0"}${fraction}${power ?? ""}`;
  if (Math.abs(Number(element)) > TYPES[datatype].most) {
    return { problem: `${datatype} goes up to ${TYPES[datatype].most}` };
  }
  return { element };
}

/** A value of `json.js` as an element: {element} or {problem}. */
export function fromJson(datatype, value) {
  const text = isText(datatype);
  if (value === null) {
    return text ? { element: "" } : typed(datatype, isFloat(datatype) ? "" : "null");
  }
  if (typeof value === "string") {
    return text ? { element: value } : { problem: "expected a number, came a text" };
  }
  if (typeof value === "boolean") {
    return kindOf(datatype) === "flag"
      ? { element: String(value) }
      : { problem: "expected no truth value" };
  }
  if (!(value instanceof Token)) return { problem: "expected no object" };
  if (text) return { problem: 'expected a text in quotes, as "a"' };
  if (isWhole(datatype) && !WHOLE.test(value.text)) {
    const number = numberOf(value.text);
    if (Number.isSafeInteger(number)) return typed(datatype, String(number));
  }
  return typed(datatype, value.text);
}

/** An element as JSON. */
export function toJson(datatype, element) {
  return isText(datatype) ? JSON.stringify(element) : element;
}

/** An element as a field shows it. */
export function shown(datatype, element) {
  return !isText(datatype) && element === "null" ? "" : element;
}

/** A number as an element of a datatype; whole ones are rounded and kept within its bounds. */
export function fromNumber(datatype, number) {
  if (kindOf(datatype) === "flag") return number >= 0.5 ? "true" : "false";
  if (!isWhole(datatype)) {
    const short = Number.parseFloat(number.toPrecision(6));
    return Number.isFinite(short) ? String(short) : "null";
  }
  const { least, most } = bounds(datatype);
  const rounded = BigInt(Math.round(number));
  return String(rounded < least ? least : rounded > most ? most : rounded);
}
