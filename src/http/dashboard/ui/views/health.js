// Data health of a model: which features are no longer as they were in the reference, what broke
// the contract, and how good the predictions were. What one feature shows is in health/.

import { get, path, query } from "../api.js";
import { announce, h, keyed, replace, setText, show, uniqueId } from "../dom.js";
import { count, duration, plural, share } from "../format.js";
import { badge, choice, driftState, empty, facts, modelHead, notice, section } from "../parts.js";
import { poll } from "../poll.js";
import { keepQuery } from "../routes.js";
import { onSession, whyNot } from "../session.js";
import { contract as contractPart, quality as qualityPart } from "./health/contract.js";
import { featureDetail } from "./health/detail.js";
import { items, ranked } from "./health/figures.js";
import { featureList } from "./health/list.js";
import { quoted } from "./shell.js";
import { liveVersion } from "./traffic.js";

/** Between two looks. The server looks at most so often itself. */
const SECONDS = 10;
/** Between two looks at which version gets most of the traffic. */
const SERVING_SECONDS = 30;

const SOURCES = [
  ["request", "Requests"],
  ["batch", "Files"],
];
const WINDOWS = [
  ["short", "Short window"],
  ["long", "Long window"],
];
const ORDERS = { attention: "what needs attention", drift: "drift", importance: "importance", violations: "violations", name: "name" };

const one = (options, value, otherwise) => (options.some(([name]) => name === value) ? value : otherwise);

export function mount(root, { params: { name, query: asked }, title }) {
  title(`Data health of ${name}`);
  const state = {
    model: name,
    wanted: asked.version ?? null,
    source: one(SOURCES, asked.source, "request"),
    window: one(WINDOWS, asked.window, "short"),
    order: Object.hasOwn(ORDERS, asked.order ?? "") ? asked.order : "attention",
    opened: asked.feature ?? null,
    filter: "",
    serving: null,
    reports: null,
  };
  const problem = h("div", null);
  const body = h("div", { class: "stack" });
  replace(root, modelHead(name, "health"), problem, body);
  let page = null;
  let asking = [];

  async function look(signal) {
    const model = path("api/models", name);
    const [drift, contract, quality] = await Promise.all([
      get(path(model, "drift") + query({ source: state.source }), { signal }),
      get(path(model, "contract"), { signal }),
      get(path(model, "quality"), { signal }),
    ]);
    state.reports = { drift: drift.versions, contract: contract.versions, quality: quality.versions };
    replace(problem);
    page.draw();
  }

  async function serving(signal) {
    const { models } = await get("api/overview", { signal });
    const model = models.find((each) => each.name === name);
    state.serving = model ? liveVersion(model) : null;
    page.draw();
  }

  function start() {
    stop();
    const reason = whyNot("metrics");
    if (reason !== null) return replace(body, notice("warning", "Data health takes the role metrics. ", reason));
    page = healthPage(state, () => asking[0].again());
    replace(body, page.element);
    const failed = (error) => {
      replace(problem, notice(error.status === 404 ? "bad" : "warning", error.message));
      page.failed();
    };
    asking = [poll(SECONDS, look, failed), poll(SERVING_SECONDS, serving)];
  }

  function stop() {
    asking.forEach((each) => each.stop());
    asking = [];
    page?.destroy();
    page = null;
  }

  const end = onSession(start);
  start();
  return () => {
    end();
    stop();
  };
}

/** Versions of which anything is known, and the one to show. */
export function versionsOf({ reports, serving, wanted }) {
  const found = new Set(Object.values(reports).flatMap(Object.keys));
  if (serving !== null) found.add(String(serving));
  const all = [...found].sort((a, b) => Number(b) - Number(a));
  const fallback = serving !== null ? String(serving) : (all[0] ?? null);
  return { all, shown: wanted !== null && found.has(wanted) ? wanted : fallback };
}

function healthPage(state, again) {
  const controls = controlsOf(state, { again, draw });
  const summary = summaryOf();
  const inputs = listOf("Features", "input");
  const predictions = listOf("Predictions", "prediction");
  const contract = contractPart();
  const quality = qualityPart();
  const loading = empty("Loading…");
  const element = h("div", { class: "stack" }, loading, controls.element, summary.element, inputs.element, predictions.element, h("div", { class: "columns" }, contract.element, quality.element));
  const sections = [...element.children].filter((child) => child !== loading);
  let shown = null;
  sections.forEach((each) => show(each, false));

  function listOf(heading, role) {
    let detail = null;
    let before = { key: "", places: new Map() };
    // Scores move with each look, and rows must not move under the pointer.
    const calm = (found) => {
      const key = JSON.stringify([state.order, state.filter, found.length]);
      if (key === before.key && state.order === "drift" && list.element.matches(":hover")) {
        const { places } = before;
        return found.sort((a, b) => (places.get(a.name) ?? 0) - (places.get(b.name) ?? 0));
      }
      before = { key, places: new Map(found.map(({ name }, place) => [name, place])) };
      return found;
    };
    const list = featureList({
      caption: heading,
      weighs: role === "input",
      toggle,
      detail: (entry) => (detail = featureDetail(entry, () => ({ model: state.model, version: shown?.version, source: state.source, window: state.window, windows: shown?.report?.windows }))),
    });
    const counted = h("span", { class: "hint" });
    const none = h("p", { class: "empty", hidden: true });
    const made = section(heading, { aside: counted }, list.element, none);
    return {
      element: made,
      set(all) {
        const of = all.filter((item) => item.role === role);
        const fits = of.filter((item) => item.name.toLowerCase().includes(state.filter) || item.name === state.opened);
        list.set(calm(ranked(fits, state.order)), state.opened);
        setText(counted, summaryText(of, fits));
        setText(none, of.length === 0 ? "" : "No name has this text in it.");
        show(none, fits.length === 0);
        show(made, of.length > 0);
      },
      again: () => detail?.again(),
      destroy: () => list.destroy(),
    };
  }

  function toggle(name) {
    state.opened = state.opened === name ? null : name;
    keepQuery({ feature: state.opened });
    announce(state.opened === null ? `${name} is closed` : `${name} is open, its details follow`);
    draw();
  }

  function draw() {
    if (state.reports === null) return;
    show(loading, false);
    const { all, shown: version } = versionsOf(state);
    const before = JSON.stringify(shown && [shown.version, shown.source, shown.window]);
    const { drift, contract: contracts, quality: qualities } = state.reports;
    const report = drift[version] ?? null;
    shown = { version, report, source: state.source, window: state.window };
    const found = items(report, contracts[version] ?? null, state.window);
    sections.forEach((each) => show(each, true));
    [contract.element, quality.element].forEach((each) => show(each, version !== null));
    controls.set(all, version, found.length);
    summary.set(state, version, report);
    inputs.set(found);
    predictions.set(found);
    contract.set(contracts[version] ?? null, { model: state.model, hasProfile: report !== null });
    quality.set(qualities[version] ?? null, { model: state.model, predictions: found.filter(({ role }) => role === "prediction").map(({ name }) => name) });
    // The opened feature asks for itself, and now for something else.
    const changed = before !== "null" && before !== JSON.stringify([version, state.source, state.window]);
    if (changed) [inputs, predictions].forEach((list) => list.again());
  }

  return {
    element,
    draw,
    failed: () => show(loading, false),
    destroy() {
      inputs.destroy();
      predictions.destroy();
    },
  };
}

/** "12 of 200 shown · 2 drifted, 1 with too little data". */
function summaryText(of, fits) {
  const times = (state) => of.filter((item) => item.state === state).length;
  const drifted = times("drifted");
  const waiting = times("insufficient");
  const parts = [drifted > 0 ? `${count(drifted)} drifted` : null, waiting > 0 ? `${count(waiting)} with too little data` : null].filter(Boolean);
  const head = fits.length === of.length ? count(of.length) : `${count(fits.length)} of ${count(of.length)}`;
  return [head, parts.join(", ")].filter(Boolean).join(" · ");
}

// ---- Controls

function controlsOf(state, { again, draw }) {
  const change = (name, value, asks) => {
    state[name] = value;
    keepQuery({ [name === "wanted" ? "version" : name]: value });
    draw();
    if (asks) again();
  };
  const source = choice("Where rows come from", SOURCES, state.source, (value) => change("source", value, true));
  const window = choice("Window", WINDOWS, state.window, (value) => change("window", value, false));
  const versionId = uniqueId("version");
  const version = h("select", { id: versionId, onchange: () => change("wanted", version.value, true) });
  const orderId = uniqueId("order");
  const order = h("select", { id: orderId, onchange: () => change("order", order.value, false) }, Object.entries(ORDERS).map(([value, text]) => h("option", { value }, text)));
  order.value = state.order;
  const filterId = uniqueId("filter");
  const filter = h("input", { id: filterId, type: "search", autocomplete: "off", spellcheck: "false" });
  filter.addEventListener("input", () => {
    state.filter = filter.value.trim().toLowerCase();
    draw();
  });
  const sorting = h("div", { class: "inline" }, h("label", { for: orderId }, "Sort by"), order);
  const finding = h("div", { class: "inline" }, h("label", { for: filterId }, "Find"), filter);
  const versions = h("div", { class: "inline" }, h("label", { for: versionId }, "Version"), version);
  const element = h("div", { class: "row health-controls" }, versions, source.element, window.element, sorting, finding);
  return {
    element,
    set(all, shown, features) {
      keyed(version, all, (each) => each, (each) => h("option", { value: each }, `version ${each}`));
      if (version.value !== shown && shown !== null) version.value = shown;
      show(versions, all.length > 0);
      [sorting, finding].forEach((each) => show(each, features > 1));
    },
  };
}

// ---- The whole

function summaryOf() {
  const state = badge("off", "");
  const known = facts();
  const missing = h("div", { class: "stack" });
  const windows = h("p", { class: "hint" });
  const element = section("Drift", { aside: state.element }, h("div", { class: "stack" }, missing, known.element, windows));

  function set({ model, source, window }, version, report) {
    state.update(...driftState(report?.state ?? null));
    show(known.element, report !== null);
    show(windows, report !== null);
    if (report === null) return noReference(missing, model, version, source);
    replace(missing);
    const seen = report.windows[window] ?? null;
    known.update([
      ["Drifted inputs, by importance", share(report.drifted_inputs)],
      ["Drifted predictions", share(report.drifted_predictions)],
      ["Rows in the window", seen ? count(seen.rows) : "none yet"],
      ["Of them counted", seen && seen.counted_rows !== seen.rows ? count(seen.counted_rows) : null],
      ["Length of the window", seen ? duration(seen.seconds) : null],
      ["Reference", report.reference],
      ["Rows of the reference", count(report.reference_rows)],
    ]);
    setText(windows, windowText(seen, source, report.state));
  }
  return { element, set };
}

function windowText(seen, source, state) {
  if (seen === null || seen.rows === 0) {
    return source === "batch" ? "No file was predicted in this window by a job or by /score, so there is nothing to compare." : "No request was counted in this window, so there is nothing to compare: send some, for example with Try it.";
  }
  if (source === "request" && !seen.full && state === "insufficient") return `Counting began less than ${duration(seen.seconds)} ago: a window is judged when its time has passed and it holds at least 200 values and 20 for each bin of a feature.`;
  if (seen.rows < 200) return `${plural(seen.rows, "row")} came in this window; at least 200 values and 20 for each bin of a feature are needed.`;
  return "Windows end now. A feature has drifted when it is above its threshold in three of the last five looks.";
}

function noReference(element, model, version, source) {
  const command = `onnxd profile ${quoted(`models/${model}`)} --data training.csv${version === null ? "" : ` --version ${version}`}`;
  const signature = `${command} ${source}`;
  if (element.dataset.shown === signature && element.children.length > 0) return;
  element.dataset.shown = signature;
  const why = version === null ? "No version of this model serves, so there is nothing to watch." : "This version has no reference, so nothing is compared. Write down what its training data looked like:";
  replace(
    element,
    h("p", null, why),
    version === null ? null : h("pre", { tabindex: "0", "aria-label": "The command" }, command),
    version === null ? null : h("p", { class: "hint" }, "It writes profile.json beside model.onnx: deploy it with the version. If there is one, look for mode = \"off\" below [drift] in model.toml."),
  );
}
