// One model: what serves and why not, how traffic is shared, how fast it is and was, what it is
// made of; and the controls that change it. Parts are in model/, one a file.

import { announce, h, keyed, replace, setText, show, toast, uniqueId } from "../dom.js";
import { empty, modelHead, notice, versionState } from "../parts.js";
import { poll } from "../poll.js";
import { keepQuery, to } from "../routes.js";
import { onSession } from "../session.js";
import { control } from "./model/control.js";
import { engine } from "./model/engine.js";
import { gate } from "./model/gate.js";
import { historyPlots } from "./model/history.js";
import { SECONDS, looker, shownVersion } from "./model/look.js";
import { notices } from "./model/notices.js";
import { comparison, provenance, signature, warnings } from "./model/provenance.js";
import { strip } from "./model/strip.js";
import { versions } from "./model/versions.js";
import { shares, watch } from "./overview/models.js";
import { liveVersion } from "./traffic.js";

export function mount(root, { params: { name, query } }) {
  const page = layout(name, query);
  replace(root, page.head, page.notices.element, page.gone, page.body);
  const state = {
    name,
    model: null,
    live: null,
    now: null,
    shares: {},
    speeds: {},
    swapped: 0,
    shown: Number(query.version) || null,
    detail: null,
    ids: { contract: {}, reference: {} },
  };
  const news = watch((text, kind) => (kind ? toast(text, kind) : announce(text)));

  const draw = () => {
    show(page.body, state.model !== null);
    if (state.model === null) return;
    state.shares = state.now?.traffic ?? shares(state.model);
    state.live = liveVersion({ serving: state.model.serving, traffic: state.shares });
    page.update(state);
  };
  const look = looker(name, state, page, news, draw);
  const asksNow = poll(SECONDS.now, look.now, (error) => page.notices.failed(error, state));
  const asksVersion = poll(SECONDS.version, look.version);
  const asksIds = poll(SECONDS.ids, look.ids);
  const asksHistory = poll(SECONDS.history.hour, look.history);
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

function layout(name, query) {
  const on = {};
  const told = notices(name);
  const parts = {
    strip: strip(),
    control: control(
      name,
      () => on.model(),
      () => on.changed(),
    ),
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
  const noFigures = h(
    "div",
    { class: "wide", hidden: true },
    notice("info", "History and figures need the role metrics."),
  );
  const gone = h(
    "div",
    { hidden: true },
    empty(
      "There is no model of this name (any more). ",
      h("a", { href: to.overview() }, "All models"),
      ".",
    ),
  );
  const body = h(
    "div",
    { class: "columns", hidden: true },
    h("div", { class: "wide" }, parts.strip.element),
    parts.versions.element,
    parts.control.element,
    parts.comparison.element,
    noFigures,
    parts.history.element,
    parts.chooser.element,
    parts.warnings.element,
    parts.gate.element,
    parts.engine.elements,
    parts.provenance.element,
    parts.signature.element,
  );
  const update = (state) => {
    const shown = shownVersion(state);
    const known = state.model.versions.find(({ version }) => version === shown) ?? null;
    const detail = state.detail?.version === shown ? state.detail : known;
    parts.strip.update(state);
    parts.versions.update({ ...state, shown });
    parts.control.update(state);
    parts.comparison.update(state.model);
    parts.chooser.update(state, shown);
    parts.warnings.update(detail);
    parts.gate.update(detail);
    parts.engine.update(detail);
    parts.provenance.update(detail, {
      contract: state.ids.contract[shown],
      reference: state.ids.reference[shown],
    });
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
  const element = h(
    "div",
    { class: "chooser wide" },
    h("h2", null, h("label", { for: id }, "Details of")),
    select,
  );
  const update = ({ model: { versions: all }, live }, shown) => {
    const items = [...all].reverse().map((it) => ({ ...it, isLive: it.version === live }));
    keyed(select, items, ({ version }) => version, option);
    if (shown !== null && select.value !== String(shown)) select.value = String(shown);
  };
  const focus = () => {
    select.focus({ preventScroll: true });
    element.scrollIntoView({ block: "start" });
  };
  return { element, update, focus };
}

function option({ version }) {
  const element = h("option", { value: String(version) });
  const update = ({ state, stage, reason, isLive }) => {
    const word = state === "READY" ? "" : `, ${versionState(state, stage, reason)[1]}`;
    const more = isLive ? ", live" : word;
    setText(element, `version ${version}${more}`);
  };
  return { element, update };
}
