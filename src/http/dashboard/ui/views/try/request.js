// The request of a form, written by hand: JSON.stringify would round what INT64 can hold. FP16
// travels as binary data only, behind the JSON.

import { toJson } from "./datatype.js";
import { Token, read } from "./json.js";

/** The header that says where the JSON of a body with binary data ends. */
export const LENGTH = "Inference-Header-Content-Length";

/**
 * What is sent: {json, blob, body, headers}. `tensors` are [{name, datatype, shape, data}] with
 * elements as `datatype.js` has them; `outputs` the metadata of the outputs.
 */
export function encode(tensors, outputs = []) {
  const blobs = [];
  const inputs = tensors.map((tensor) => {
    const head = `"name":${JSON.stringify(tensor.name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape}]`;
    if (tensor.datatype !== "FP16") return `{${head},"data":[${elements(tensor)}]}`;
    const bytes = halves(tensor.data);
    blobs.push(bytes);
    return `{${head},"parameters":{"binary_data_size":${bytes.length}}}`;
  });
  const wanted = outputs.some((output) => output.datatype === "FP16")
    ? `,"outputs":[${outputs.map(wantedOutput).join(",")}]`
    : "";
  const json = `{"inputs":[${inputs.join(",")}]${wanted}}`;
  const headers = { "content-type": "application/json" };
  if (blobs.length === 0) return { json, blob: null, body: json, headers };
  const head = new TextEncoder().encode(json);
  const blob = joined(blobs);
  headers["content-type"] = "application/octet-stream";
  headers[LENGTH] = String(head.length);
  return { json, blob, body: joined([head, blob]), headers };
}

function elements({ datatype, data }) {
  return data.map((element) => toJson(datatype, element)).join(",");
}

function wantedOutput({ name, datatype }) {
  const binary = datatype === "FP16" ? ',"parameters":{"binary_data":true}' : "";
  return `{"name":${JSON.stringify(name)}${binary}}`;
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Elements of FP16 as two bytes each, the lower one first. */
export function halves(data) {
  const view = new DataView(new ArrayBuffer(data.length * 2));
  data.forEach((element, place) => {
    view.setUint16(place * 2, half(element === "null" ? NaN : Number(element)), true);
  });
  return new Uint8Array(view.buffer);
}

/** The bits of the nearest half-precision number; of two, the even one. */
export function half(number) {
  if (Number.isNaN(number)) return 0x7e00;
  const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0;
  const size = Math.abs(number);
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | even(size * 2 ** 24);
  const power = Math.floor(Math.log2(size));
  // The logarithm may be off by one at powers of two.
  const exponent = size >= 2 ** (power + 1) ? power + 1 : size < 2 ** power ? power - 1 : power;
  return sign | (((exponent + 15) << 10) + even((size / 2 ** exponent - 1) * 1024));
}

function even(number) {
  const below = Math.floor(number);
  const rest = number - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** The number that these bits of half precision stand for. */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * An answer: {version, outputs: [{name, datatype, shape, data}]} with elements as texts. `length`
 * is the header that says where its JSON ends, if binary data follows.
 */
export function decode(bytes, length) {
  const end = length === null || length === undefined ? bytes.length : Number(length);
  const document = read(new TextDecoder().decode(bytes.subarray(0, end)));
  let at = end;
  const outputs = document.outputs.map((output) => {
    const shape = output.shape.map(Number);
    const size = Number(output.parameters?.binary_data_size ?? 0);
    const data =
      output.data === undefined
        ? fromHalves(bytes.subarray(at, at + size))
        : output.data.map(asElement);
    at += size;
    return { name: output.name, datatype: output.datatype, shape, data };
  });
  return { version: document.model_version, outputs };
}

// Of what is asked for, FP16 alone comes as binary data.
function fromHalves(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 1 }, (_, place) =>
    String(fromHalf(view.getUint16(place * 2, true))),
  );
}

function asElement(value) {
  if (value === null) return "null";
  return value instanceof Token ? value.text : String(value);
}
