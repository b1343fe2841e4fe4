// All models at a glance: what serves, how fast, whether it is healthy. Asked for every two
// seconds; who may not see figures gets what /api/models says.

import { get } from "../api.js";
import {
  announce,
  h,
  keyed,
  replace,
  setAttribute,
  setText,
  show,
  toast,
  uniqueId,
} from "../dom.js";
import { duration, plural, rate, serverTime } from "../format.js";
import { driftState, empty, notice, table, versionState } from "../parts.js";
import { poll } from "../poll.js";
import { keepQuery } from "../routes.js";
import { may, whyNot } from "../session.js";
import { calmOrder, sorted, watch, withoutFigures } from "./overview/models.js";
import { COLUMNS, modelRow } from "./overview/row.js";

const SECONDS = 2;
/** Where only states are shown, of which there is all that /api/models says. */
const STATES_SECONDS = 10;

export function mount(root, { params }) {
  const summary = h("p", { class: "muted" });
  const told = notices();
  const filter = filterField(params.query.filter ?? "", () => draw());
  const list = table({ caption: "Models", columns: COLUMNS, cards: true, className: "models" });
  const nothing = h("div", { class: "nothing stack", hidden: true });
  const shell = h("div", { class: "section flush", hidden: true }, list.element, nothing);
  replace(
    root,
    h("div", { class: "view-head" }, h("h1", null, "Models"), summary, filter.element),
    told.element,
    shell,
  );

  const order = calmOrder(
    () => list.element.matches(":hover") || list.element.contains(document.activeElement),
  );
  const news = watch(tell);
  let last = null;
  const draw = () => {
    if (last === null) return;
    const models = order(last.models).filter(filter.accepts);
    keyed(
      list.body,
      models,
      ({ name }) => name,
      (model) => modelRow(list.row, model),
    );
    filter.say(models.length, last.models.length);
    show(shell, true);
    setAttribute(list.element, "class", last.figures ? "table" : "table no-figures");
    show(list.element, models.length > 0);
    show(nothing, models.length === 0);
    if (models.length === 0) none(nothing, last);
  };
  const take = (overview) => {
    last = overview;
    setText(summary, sentence(overview));
    told.update(overview);
    news(overview.models);
    draw();
    return overview.figures ? SECONDS : STATES_SECONDS;
  };
  const failed = (error) => {
    if (last === null) told.failed(error);
  };
  const polling = poll(SECONDS, async (signal) => take(await ask(signal)), failed);
  return () => polling.stop();
}

async function ask(signal) {
  if (may("metrics")) {
    try {
      const found = await get("api/overview", { signal });
      serverTime(found.at);
      return { ...found, figures: true };
    } catch (error) {
      if (error.status !== 403) throw error;
    }
  }
  const { problem, models } = await get("api/models", { signal });
  return {
    problem,
    ready: true,
    uptime_seconds: null,
    models: sorted(models.map(withoutFigures)),
    figures: false,
  };
}

function sentence({ models, uptime_seconds: uptime, figures }) {
  const parts = [plural(models.length, "model")];
  const troubled = models.filter(({ attention }) => attention.length > 0).length;
  if (troubled) parts.push(`${troubled} ${troubled === 1 ? "needs" : "need"} attention`);
  if (figures) {
    const all = models.reduce((sum, { now }) => sum + (now?.requests_per_second ?? 0), 0);
    parts.push(`${rate(all)} requests/s`, `up ${duration(uptime)}`);
  }
  return parts.join(" · ");
}

// What is said above the table, each once and only while it holds.
function notices() {
  const element = h("div", { class: "stack", role: "status", hidden: true });
  const update = ({ problem, ready, figures }) => {
    const entries = [
      problem && ["bad", `The source of the models cannot be read: ${problem}`],
      !ready && ["info", "The server is not ready: it still loads models, or is going down."],
      !figures && [
        "info",
        `Figures are left out. ${whyNot("metrics") ?? "They need the role metrics."}`,
      ],
    ].filter(Boolean);
    keyed(
      element,
      entries,
      ([kind, text]) => `${kind} ${text}`,
      ([kind, text]) => notice(kind, text),
    );
    show(element, entries.length > 0);
  };
  const failed = (error) => {
    keyed(
      element,
      [error.message],
      (text) => text,
      (text) => notice("bad", error.status === 401 ? `Sign in to see the models: ${text}` : text),
    );
    show(element, true);
  };
  return { element, update, failed };
}

function filterField(start, changed) {
  const id = uniqueId("filter");
  const field = h("input", {
    id,
    type: "search",
    value: start,
    placeholder: "Filter by name, state or problem",
    spellcheck: "false",
    autocomplete: "off",
  });
  const said = h("span", { class: "small muted", role: "status" });
  field.addEventListener("input", () => {
    keepQuery({ filter: field.value || null });
    changed();
  });
  const words = () => field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const accepts = (model) => {
    const text = [
      model.name,
      // The words that are shown.
      model.dormant ? "asleep" : versionState(model.state)[1],
      model.drift ? driftState(model.drift.state)[1] : "",
      ...model.attention.map(({ message }) => message),
    ]
      .join(" ")
      .toLowerCase();
    return words().every((word) => text.includes(word));
  };
  const say = (shown, all) => setText(said, field.value.trim() === "" ? "" : `${shown} of ${all}`);
  const element = h(
    "div",
    { class: "filter" },
    said,
    h("label", { for: id, class: "visually-hidden" }, "Filter models"),
    field,
  );
  return { element, accepts, say };
}

function none(element, { models, ready }) {
  const kind = models.length > 0 ? "filtered" : ready ? "empty" : "loading";
  if (element.dataset.kind === kind) return;
  element.dataset.kind = kind;
  if (kind === "filtered") return replace(element, empty("No model matches the filter."));
  if (kind === "loading") return replace(element, empty("Models are being loaded."));
  replace(
    element,
    h("h2", null, "No models yet"),
    h(
      "p",
      null,
      "The server looks at its model repository every two seconds unless set otherwise. Put a model there:",
    ),
    h(
      "pre",
      null,
      "my-models/\n  churn/\n    1/model.onnx      a version is a number\n  tagger.onnx         a single file works too",
    ),
    h(
      "p",
      null,
      "and it appears here. “onnxd inspect FILE” says beforehand what the server will make of it; ",
      h("a", { href: "docs" }, "the API"),
      " says how to ask it.",
    ),
  );
}

function tell(text, kind) {
  if (kind) toast(text, kind);
  else announce(text);
}
