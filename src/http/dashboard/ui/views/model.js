// One model: what serves and why not, how traffic is shared, how fast it is and was, what it is
// made of; and the controls that change it. Parts are in model/, one a file; this file asks for
// what they show.

import { get, path } from "../api.js";
import { announce, h, keyed, replace, setText, show, toast, uniqueId } from "../dom.js";
import { empty, modelHead, notice } from "../parts.js";
import { poll } from "../poll.js";
import { keepQuery, to } from "../routes.js";
import { may, onSession, whyNot } from "../session.js";
import { control } from "./model/control.js";
import { engine } from "./model/engine.js";
import { gate } from "./model/gate.js";
import { history, historyPlots } from "./model/history.js";
import { comparison, provenance, signature, warnings } from "./model/provenance.js";
import { strip } from "./model/strip.js";
import { versions } from "./model/versions.js";
import { shares } from "./overview/fallback.js";
import { watch } from "./overview/news.js";

// Seconds between looks at what is now, at all that is known of the model, and at one version.
const NOW = 2;
const ALL = 15;
const VERSION = 10;
const HISTORY = { hour: 10, week: 60 };
const IDS = 60;

export function mount(root, { params: { name, query } }) {
  const page = layout(name, query);
  replace(root, page.head, page.notices.element, page.gone, page.body);
  const state = { name, model: null, now: null, shares: {}, speeds: {}, shown: Number(query.version) || null, detail: null, ids: { contract: {}, reference: {} } };
  const news = watch((text, kind) => (kind ? toast(text, kind) : announce(text)));

  const draw = () => {
    show(page.body, state.model !== null);
    if (state.model === null) return;
    state.shares = state.now?.traffic ?? shares(state.model);
    page.update(state);
  };
  const look = looker(name, state, page, news, draw);
  const asksNow = poll(NOW, look.now, (error) => page.notices.failed(error, state));
  const asksVersion = poll(VERSION, look.version);
  const asksIds = poll(IDS, look.ids);
  const asksHistory = poll(HISTORY.hour, look.history);
  const choose = (version) => {
    state.shown = version;
    state.detail = null;
    keepQuery({ version });
    draw();
    asksVersion.again();
  };
  page.listen({
    model: () => state.model,
    choose,
    changed: () => {
      look.forget();
      asksNow.again();
    },
    span: () => asksHistory.again(),
  });
  const ends = onSession(() => {
    draw();
    asksNow.again();
    asksHistory.again();
  });
  return () => {
    [asksNow, asksVersion, asksIds, asksHistory].forEach((asking) => asking.stop());
    ends();
    page.destroy();
  };
}

// What is asked for. /api/models is long where there are many models, so that it is only asked
// for when the short overview says that something is new, and every now and then.
function looker(name, state, page, news, draw) {
  let known = "";
  let since = -Infinity;
  const all = async (signal) => {
    const { models } = await get("api/models", { signal });
    const found = models.find((model) => model.name === name) ?? null;
    since = performance.now() / 1000;
    const other = found?.serving !== state.model?.serving;
    state.model = found;
    page.found(found !== null);
    // What else is known of it can wait for its next turn.
    if (other) await version(signal).catch(() => {});
  };
  const now = async (signal) => {
    const figures = may("metrics");
    const found = figures ? (await get("api/overview", { signal })).models.find((model) => model.name === name) : null;
    state.now = found ?? null;
    if (found) news([found]);
    const { now: _, recent: __, at: ___, ...rest } = found ?? {};
    const signature = JSON.stringify([rest.serving, rest.versions, rest.traffic, rest.shadow, rest.loaded_at, rest.problem, rest.dormant]);
    if (!figures || signature !== known || performance.now() / 1000 - since > ALL) {
      await all(signal);
      known = signature;
    }
    page.notices.update(state);
    draw();
  };
  const version = async (signal) => {
    const wanted = shownVersion(state);
    if (wanted === null) return;
    try {
      const detail = await get(path("api/models", name, "versions", wanted), { signal });
      if (wanted === shownVersion(state)) state.detail = detail;
    } catch (error) {
      if (error.status !== 404) throw error;
      state.detail = null;
    }
    draw();
  };
  return { now, version, forget: () => (known = ""), ids: (signal) => identities(name, state, signal).then(draw), history: (signal) => past(name, state, page, signal).then(draw).then(() => HISTORY[page.span()]) };
}

// Ids of contract and reference are with the reports; who may not read those sees none.
async function identities(name, state, signal) {
  if (!may("metrics")) return;
  const [contracts, references] = await Promise.all(["contract", "drift"].map((what) => get(path("api/models", name, what), { signal }).catch(() => null)));
  const byVersion = (report, key) => Object.fromEntries(Object.entries(report?.versions ?? {}).map(([version, one]) => [version, one[key]]));
  state.ids = { contract: byVersion(contracts, "id"), reference: byVersion(references, "reference") };
}

async function past(name, state, page, signal) {
  page.figures(may("metrics"));
  if (!may("metrics")) return;
  const found = await history(name, page.span(), signal);
  page.history(found);
  state.speeds = Object.fromEntries(Object.entries(found.versions).map(([version, speeds]) => [version, speeds.at(-1) ?? null]));
}

function shownVersion({ shown, model }) {
  if (!model) return shown;
  const numbers = model.versions.map(({ version }) => version);
  if (shown !== null && numbers.includes(shown)) return shown;
  return model.serving ?? numbers.at(-1) ?? null;
}

function layout(name, query) {
  const on = {};
  const told = notices(name);
  const parts = {
    strip: strip(),
    control: control(name, () => on.model(), () => on.changed()),
    comparison: comparison(),
    chooser: chooser((version) => on.choose(version)),
    gate: gate(),
    warnings: warnings(),
    engine: engine(),
    provenance: provenance(),
    signature: signature(),
    history: historyPlots(query.span, () => on.span()),
  };
  parts.versions = versions({
    promote: (version) => parts.control.promote(version),
    shadow: (version) => parts.control.shadow(version),
    details: (version) => {
      on.choose(version);
      parts.chooser.focus();
    },
  });
  const noFigures = h("div", { class: "wide", hidden: true }, notice("info", "History and figures need the role metrics."));
  const gone = h("div", { hidden: true }, empty("There is no model of this name (any more). ", h("a", { href: to.overview() }, "All models"), "."));
  const body = h("div", { class: "columns", hidden: true }, h("div", { class: "wide" }, parts.strip.element), parts.versions.element, parts.control.element, parts.comparison.element, noFigures, parts.history.element, parts.chooser.element, parts.warnings.element, parts.gate.element, parts.engine.elements, parts.provenance.element, parts.signature.element);
  const update = (state) => {
    const shown = shownVersion(state);
    const known = state.model.versions.find(({ version }) => version === shown) ?? null;
    const detail = state.detail?.version === shown ? state.detail : known;
    parts.strip.update(state);
    parts.versions.update({ ...state, shown });
    parts.control.update(state);
    parts.comparison.update(state.model);
    parts.chooser.update(state.model, shown);
    parts.warnings.update(detail);
    parts.gate.update(detail);
    parts.engine.update(detail);
    parts.provenance.update(detail, { contract: state.ids.contract[shown], reference: state.ids.reference[shown] });
    parts.signature.update(detail);
  };
  return {
    head: modelHead(name, "model"),
    notices: told,
    gone,
    body,
    update,
    listen: (listeners) => Object.assign(on, listeners),
    found: (is) => show(gone, !is),
    figures: (may) => {
      show(noFigures, !may);
      show(parts.history.element, may);
    },
    history: parts.history.update,
    span: parts.history.span,
    destroy: () => {
      parts.history.destroy();
      parts.engine.destroy();
    },
  };
}

// Which version the lower half of the page is about.
function chooser(choose) {
  const id = uniqueId("version");
  const select = h("select", { id, onchange: () => choose(Number(select.value)) });
  const element = h("div", { class: "chooser wide" }, h("h2", null, h("label", { for: id }, "Details of")), select);
  const update = ({ versions: all, serving }, shown) => {
    keyed(select, [...all].reverse(), ({ version }) => version, ({ version }) => {
      const option = h("option", { value: String(version) });
      return { element: option, update: ({ state }) => setText(option, `version ${version}${version === serving ? ", live" : state === "READY" ? "" : `, ${state.toLowerCase()}`}`) };
    });
    if (shown !== null && select.value !== String(shown)) select.value = String(shown);
  };
  const focus = () => {
    select.focus({ preventScroll: true });
    element.scrollIntoView({ block: "start" });
  };
  return { element, update, focus };
}

// What needs attention, above everything else.
function notices(name) {
  const element = h("div", { class: "stack", role: "status", hidden: true });
  const tell = (entries) => {
    keyed(element, entries, ([kind, text]) => `${kind} ${text}`, ([kind, text]) => notice(kind, text));
    show(element, entries.length > 0);
  };
  const update = ({ now, model }) => {
    const entries = (now?.attention ?? []).map(({ level, message }) => [level, message]);
    if (!now && model?.problem) entries.push(["bad", model.problem]);
    if (!may("metrics")) entries.push(["info", `Figures are left out. ${whyNot("metrics")}`]);
    if (model?.dormant) entries.push(["info", `${name} left memory because nobody asked for it; the next request wakes it.`]);
    tell(entries);
  };
  // What is there stays; the header says that it is old.
  const failed = (error, { model }) => {
    if (model === null) tell([["bad", error.message]]);
  };
  return { element, update, failed };
}
