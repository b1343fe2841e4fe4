// The same request from elsewhere: curl, Python with nothing but its standard library, JSON.
// Keys are never written out: they stand as $ONNXD_KEY.

import { toJson } from "./datatype.js";
import { LENGTH } from "./request.js";

/** A text as one word of a shell. */
export function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text as Python writes one. */
export function pythonText(text) {
  // What JSON escapes, Python reads in the same way.
  return JSON.stringify(text);
}

/** `request` is what `request.js` made, `url` where it goes, `key` whether a key is needed. */
export function curl({ url, tensors, outputs = [], request, key }) {
  const lines = [`curl -sS ${quoted(url)}`, `  -H 'content-type: ${request.headers["content-type"]}'`];
  if (request.blob !== null) lines.push(`  -H '${LENGTH}: ${request.headers[LENGTH]}'`);
  if (key) lines.push('  -H "x-api-key: $ONNXD_KEY"');
  // Data in the command itself has a limit, and quotes in it would need care.
  lines.push("  --data-binary @-");
  const command = lines.join(" \\\n");
  // Only what asks for binary outputs has more than inputs.
  const text = outputs.some(({ datatype }) => datatype === "FP16") ? `${request.json}\n` : json(tensors);
  if (request.blob === null) return `${command} <<'REQUEST'\n${text}REQUEST\n`;
  return `base64 -d <<'REQUEST' | ${command}\n${base64(request.body)}\nREQUEST\n`;
}

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/.{76}(?=.)/g, "$&\n");
}

const LINE = 100;

/** Elements as Python writes them, a few on a line. */
function pythonList({ datatype, data }, indent) {
  const words = data.map((element) => pythonElement(datatype, element));
  const whole = `[${words.join(", ")}]`;
  if (whole.length <= LINE) return whole;
  const lines = [];
  let line = "";
  for (const word of words) {
    if (line.length + word.length > LINE) {
      lines.push(line.trimEnd());
      line = "";
    }
    line += `${word}, `;
  }
  lines.push(line.trimEnd());
  return `[\n${lines.map((each) => `${indent}    ${each}\n`).join("")}${indent}]`;
}

function pythonElement(datatype, element) {
  if (datatype === "BYTES") return pythonText(element);
  const words = { null: "nan", NaN: "nan", Infinity: "inf", "-Infinity": "-inf", true: "True", false: "False" };
  return words[element] ?? element;
}

export function python({ url, tensors, outputs = [], request, key }) {
  const binary = request.blob !== null || outputs.some((output) => output.datatype === "FP16");
  const special = tensors.some(
    (tensor) => tensor.datatype !== "BYTES" && tensor.data.some((each) => /^(null|NaN|-?Infinity)$/.test(each)),
  );
  const inputs = tensors.map((tensor) => {
    const data = pythonList(tensor, "        ");
    return `    {
        "name": ${pythonText(tensor.name)},
        "datatype": "${tensor.datatype}",
        "shape": [${tensor.shape.join(", ")}],
        "data": ${data},
    },`;
  });
  return [
    "import json",
    special ? "from math import inf, nan" : null,
    key ? "import os" : null,
    binary ? "import struct" : null,
    "import urllib.error",
    "import urllib.request",
    "",
    `url = ${pythonText(url)}`,
    "inputs = [",
    ...inputs,
    "]",
    ...(binary ? pythonBinary(outputs) : PLAIN),
    key ? 'headers["x-api-key"] = os.environ["ONNXD_KEY"]' : null,
    "",
    "try:",
    "    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:",
    ...(binary ? READ_BINARY : READ),
    "except urllib.error.HTTPError as error:",
    "    raise SystemExit(error.read().decode())",
    "",
  ]
    .filter((line) => line !== null)
    .join("\n");
}

const PLAIN = [
  'body = json.dumps({"inputs": inputs}).encode()',
  'headers = {"Content-Type": "application/json"}',
];

const READ = [
  '        for output in json.load(answer)["outputs"]:',
  '            print(output["name"], output["shape"], output["data"])',
];

function pythonBinary(outputs) {
  const wanted = outputs.map(({ name, datatype }) =>
    datatype === "FP16"
      ? `    {"name": ${pythonText(name)}, "parameters": {"binary_data": True}},`
      : `    {"name": ${pythonText(name)}},`,
  );
  return [
    "outputs = [",
    ...wanted,
    "]",
    "",
    "# FP16 travels as binary data only, behind the JSON.",
    'blob = b""',
    "for tensor in inputs:",
    '    if tensor["datatype"] == "FP16":',
    '        numbers = tensor.pop("data")',
    '        tensor["parameters"] = {"binary_data_size": 2 * len(numbers)}',
    '        blob += struct.pack(f"<{len(numbers)}e", *numbers)',
    'head = json.dumps({"inputs": inputs, "outputs": outputs}).encode()',
    "body = head + blob",
    `headers = {"${LENGTH}": str(len(head))}`,
  ];
}

const READ_BINARY = [
  "        content = answer.read()",
  `        end = int(answer.headers.get("${LENGTH}", len(content)))`,
  '        for output in json.loads(content[:end])["outputs"]:',
  '            if "data" not in output:',
  '                size = output["parameters"]["binary_data_size"]',
  '                output["data"] = struct.unpack(f"<{size // 2}e", content[end : end + size])',
  "                end += size",
  '            print(output["name"], output["shape"], output["data"])',
];

/** The request as JSON for people: an input a paragraph. */
export function json(tensors) {
  const inputs = tensors.map(({ name, datatype, shape, data }) => {
    const words = data.map((element) => toJson(datatype, element)).join(", ");
    return `    {
      "name": ${JSON.stringify(name)},
      "datatype": "${datatype}",
      "shape": [${shape.join(", ")}],
      "data": [${words}]
    }`;
  });
  return `{\n  "inputs": [\n${inputs.join(",\n")}\n  ]\n}\n`;
}
