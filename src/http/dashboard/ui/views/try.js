// Try it: a request made by hand, its answer, and the same request as code.

import { fetchFrom, get, path, query, url } from "../api.js";
import { announce, copy, h, replace, setAttribute, setText, show, toast } from "../dom.js";
import { count, ms, plural } from "../format.js";
import { empty, guarded, modelHead, notice, section } from "../parts.js";
import { keepQuery } from "../routes.js";
import { may, onSession, session, whyNot } from "../session.js";
import { answer as answerOf, raw } from "./try/answer.js";
import { code } from "./try/code.js";
import { number, select } from "./try/control.js";
import { isFloat, zero } from "./try/datatype.js";
import * as faults from "./try/faults.js";
import { form as formOf } from "./try/form.js";
import { read as readJson } from "./try/json.js";
import { tensorOf } from "./try/matrix.js";
import { LENGTH, decode, encode } from "./try/request.js";
import { blank, inputs as inputsOf, product, rules as rulesOf } from "./try/signature.js";

/** Between the last change and the code of it. */
const PAUSE_MS = 250;

export function mount(root, { params, title }) {
  const { name } = params;
  const abort = new AbortController();
  const body = h("div", { class: "stack" });
  title(`Try ${name}`);
  replace(root, modelHead(name, "try"), body);
  let page = null;
  let version = params.query.version ?? null;

  async function open() {
    page?.stop();
    page = null;
    replace(body, empty("Loading…"));
    const reason = whyNot("predict");
    if (reason !== null) {
      const button = guarded("predict", "Predict", () => {});
      return replace(body, notice("warning", "Trying a model takes the role predict. ", reason), h("div", { class: "row" }, button.element));
    }
    try {
      const found = await load(name, version, abort.signal);
      if (abort.signal.aborted) return;
      page = tryPage({ name, version, ...found, pick });
      replace(body, page.element);
    } catch (error) {
      if (!abort.signal.aborted) replace(body, notice("bad", `${error.message}. `, error.status === 503 ? "The model’s page says why. " : "", version !== null && h("button", { type: "button", class: "link", onclick: () => pick(null) }, "Ask whichever version serves instead.")));
    }
  }

  function pick(next) {
    version = next;
    keepQuery({ version });
    open();
  }

  // What was typed stays as long as it can be sent.
  const end = onSession(() => page && may("predict") || open());
  open();
  return () => {
    end();
    abort.abort();
    page?.stop();
  };
}

/** What the form is made of: {metadata, example, rules, versions, problem}. */
async function load(name, version, signal) {
  const model = path("v2/models", name);
  const metadata = await get(version === null ? model : path(model, "versions", version), { signal });
  const [example, contract] = await Promise.all([
    metadata.inputs.some(({ datatype }) => datatype === "FP16") ? NO_EXAMPLE : exampleOf(name, version, signal),
    // Without the role for metrics there are no hints, and the form works all the same.
    may("metrics") ? contractOf(name, signal).catch(() => null) : null,
  ]);
  const answering = version ?? example.version ?? metadata.versions?.at(-1);
  return { metadata, example, rules: rulesOf(contract, answering) };
}

/** JSON cannot say one. */
const NO_EXAMPLE = { version: null, source: "signature", tensors: new Map(), problem: "FP16 travels as binary data only" };

/** The report of the contract, with whole numbers of 64 bits as they are. */
async function contractOf(name, signal) {
  const response = await fetchFrom("GET", path("api/models", name, "contract"), { signal });
  return readJson(await response.text());
}

/** {version, source, tensors by name, problem} of the server's example. */
async function exampleOf(name, version, signal) {
  try {
    const response = await fetchFrom("GET", path("api/models", name, "example") + query({ version }), { signal });
    const document = readJson(await response.text());
    const tensors = new Map();
    for (const input of document.request.inputs) tensors.set(input.name, input);
    return { version: String(document.version), source: document.source, tensors, problem: null };
  } catch (error) {
    if (signal.aborted) throw error;
    return { version, source: "signature", tensors: new Map(), problem: error.message };
  }
}

/** The example's tensor for an input, or nothing but zeros. */
export function startOf(input, example) {
  const given = example.tensors.get(input.name);
  const shape = given?.shape?.map(Number);
  const fits = shape?.length === input.shape.length && input.shape.every((dim, axis) => dim < 0 || dim === shape[axis]);
  if (!fits || !Array.isArray(given.data)) return blank(input);
  const text = (value) => (Array.isArray(value) ? value.flatMap(text) : [value]);
  const { tensor } = tensorOf(input.datatype, asText(input.datatype, given.data.flatMap(text)), shape);
  return tensor ?? { shape, data: new Array(product(shape)).fill(zero(input.datatype)) };
}

function asText(datatype, values) {
  const words = values.map((value) => {
    if (typeof value === "string") return JSON.stringify(value);
    return value === null ? (isFloat(datatype) ? "null" : '""') : String(value);
  });
  return `[${words.join(",")}]`;
}

function tryPage({ name, version, metadata, example, rules, pick }) {
  const inputs = inputsOf(metadata);
  const outputs = new Map(metadata.outputs.map((output) => [output.name, output]));
  const starts = () => inputs.map((input) => startOf(input, example));
  const model = path("v2/models", name);
  const where = path(version === null ? model : path(model, "versions", version), "infer");
  const snippets = code();
  const summary = h("div", { class: "faults", role: "alert", tabindex: "-1" });
  const result = h("div", { class: "stack" }, empty("Nothing was sent yet."));
  let timer = null;
  let abort = new AbortController();

  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(showCode, PAUSE_MS);
  };
  const form = formOf({ inputs, tensors: starts(), rules, changed });
  const rows = number("Rows", form.rows(), { least: 1, most: 1000, whole: true }, (next) => {
    form.setRows(Math.min(next, form.mostRows()));
    tellRows();
  });
  const most = h("span", { class: "hint" });
  const tellRows = () => {
    rows.control.value = String(form.rows());
    setText(most, `1 to ${count(form.mostRows())}`);
  };
  show(rows.element, form.hasRows);
  show(most, form.hasRows);
  tellRows();

  function showCode() {
    const found = form.read();
    if (!found.tensors) return snippets.set(null);
    const request = encode(found.tensors, metadata.outputs);
    snippets.set({ url: url(where), request, tensors: found.tensors, outputs: metadata.outputs, key: session().keys });
    tellRows();
  }

  // ---- Sending

  const send = h("button", { type: "submit", class: "button primary" }, "Predict");
  const reset = h("button", { type: "button", class: "button", onclick: () => again() }, "Back to the example");
  const again = () => {
    form.setTensors(starts());
    replace(summary);
    tellRows();
  };

  // A disabled button would lose the focus.
  function busy(is) {
    setAttribute(send, "aria-disabled", is && "true");
    setText(send, is ? "Predicting…" : "Predict");
  }

  async function submit() {
    if (send.getAttribute("aria-disabled")) return;
    form.clear();
    replace(summary);
    const found = form.read();
    if (found.faults) return tell(found.faults, "The request was not sent:");
    // What is sent is what the code says, without the pause.
    clearTimeout(timer);
    showCode();
    const request = encode(found.tensors, metadata.outputs);
    busy(true);
    abort = new AbortController();
    const started = performance.now();
    try {
      const response = await fetchFrom("POST", where, { body: request.body, headers: { ...request.headers, "onnxd-timing": "true" }, signal: abort.signal });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const roundTrip = performance.now() - started;
      const headers = (header) => response.headers.get(header);
      const end = headers(LENGTH);
      const text = new TextDecoder().decode(bytes.subarray(0, end === null ? bytes.length : Number(end)));
      const answer = decode(bytes, end);
      const asJson = h("details", { class: "figures" }, h("summary", null, "The answer as JSON"), h("pre", { tabindex: "0", "aria-label": "The answer as JSON" }, raw(text)), h("button", { type: "button", class: "button small", onclick: async () => (await copy(text)) && toast("The whole answer is in the clipboard.") }, "Copy all of it"));
      replace(result, answerOf({ ...answer, roundTrip, headers }, outputs), asJson);
      announce(`Version ${answer.version} answered in ${ms(roundTrip)}.`);
    } catch (error) {
      if (abort.signal.aborted) return;
      replace(result, empty("There is no answer."));
      const broken = error.document?.violations && (error.document.total ?? error.document.violations.length);
      tell(faults.of(error, inputs), broken ? `The contract of the model is broken by ${plural(broken, "value")}:` : "There is no answer:", broken || undefined);
    } finally {
      busy(false);
    }
  }

  /** Shows faults at their fields, and all of them in a list that leads there. */
  function tell(found, head, total = found.length) {
    // The first one of a field is shown there, all are in the list.
    const seen = new Set();
    for (const { place, element, message } of found) {
      const key = `${place}/${element}`;
      if (place === null || seen.has(key)) continue;
      seen.add(key);
      form.fault(place, element, message);
    }
    const items = found.slice(0, 20).map(({ place, element, message }) => {
      const leads = place !== null && h("button", { type: "button", class: "link", onclick: () => form.focus(place, element) }, message);
      return h("li", null, leads || message);
    });
    const further = total > items.length ? h("li", null, `and ${count(total - items.length)} more`) : null;
    replace(summary, notice("bad", h("p", null, head), h("ul", null, items, further)));
    summary.focus();
  }

  // ---- The page

  const versions = { "": "as requests are routed", ...Object.fromEntries((metadata.versions ?? []).map((each) => [` ${each}`, `version ${each}`])) };
  const versionPick = select("Version", versions, version === null ? "" : ` ${version}`, (next) => pick(next === "" ? null : next.trim()));
  const origin = example.source === "golden" ? "The form begins with the first golden example of the model." : "The model has no golden example: the form begins with zeros and empty texts.";
  const formElement = h(
    "form",
    {
      class: "stack",
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    h("p", { class: "hint" }, example.problem === null ? origin : `There is no example (${example.problem}): the form begins with zeros.`),
    form.element,
    summary,
    h("div", { class: "row actions" }, rows.element, most, reset, send),
  );
  const element = h(
    "div",
    { class: "columns try" },
    section("Request", { aside: versionPick.element }, formElement),
    h("div", { class: "stack" }, section("Answer", {}, result), snippets.element),
  );
  showCode();
  return {
    element,
    stop() {
      clearTimeout(timer);
      abort.abort();
    },
  };
}
