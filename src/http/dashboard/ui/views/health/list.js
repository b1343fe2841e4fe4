// The list of features. Rows go on being the same elements; details are drawn for the opened one
// alone, in a row below it.

import { h, keyed, setAttribute, setStyle, setText, uniqueId } from "../../dom.js";
import { count, number, share } from "../../format.js";
import { meter } from "../../bars.js";
import { badge, driftState, table } from "../../parts.js";
import { gauge, gaugeKind } from "./figures.js";

const COLUMNS = [
  { title: "Feature" },
  { title: "State" },
  { title: "PSI", hint: "How far the window is from the reference. The mark in the bar is the threshold of this feature." },
  { title: "Importance", hint: "Its share of what moves the predictions." },
  { title: "Missing", number: true, hint: "Share of values that are missing." },
  { title: "Out of range", number: true, hint: "Share of values below the least or above the greatest of the reference." },
  { title: "Contract", number: true, hint: "Values that broke the contract." },
];

/**
 * {element, set(items, opened), destroy}: `toggle(name)` is told of clicks, `detail(item)` makes
 * {element, update, destroy}. `weighs`: whether importance is known, as of inputs.
 */
export function featureList({ caption, weighs, toggle, detail }) {
  const columns = COLUMNS.filter(({ title }) => weighs || title !== "Importance");
  const shell = table({ caption, columns, cards: true, className: weighs ? "features weighed" : "features" });
  const figures = slices();
  const set = (items, opened) => {
    const entries = items.flatMap((item) => {
      const entry = { key: `row ${item.name}`, item, isOpen: item.name === opened };
      return entry.isOpen ? [entry, { key: `detail ${item.name}`, item, isDetail: true }] : [entry];
    });
    const create = (entry) => (entry.isDetail ? detailRow(entry.item) : featureRow(shell, entry.item, { weighs, toggle, figures }));
    keyed(shell.body, entries, (entry) => entry.key, create, figures.first);
    figures.go();
    shell.body.classList.toggle("many", items.length > MANY);
  };

  function detailRow(item) {
    const made = detail(item);
    const cell = h("td", { colspan: columns.length, class: "detail", role: "cell" }, made.element);
    return { element: h("tr", { role: "row", class: "detail-row" }, cell), update: (entry) => made.update(entry.item), destroy: made.destroy };
  }

  return {
    element: shell.element,
    set,
    destroy() {
      set([], null);
      figures.stop();
    },
  };
}

/** From so many rows on, those that are not seen are not laid out. */
const MANY = 60;

/** Rows that are moved or updated in one go. */
const SLICE = 10;

/**
 * Spreads work over several tasks, so that none holds up the page: {add(key, work), first(work), go,
 * stop}. Work that is called again as long as it returns true goes first.
 */
function slices() {
  let waiting = new Map();
  let moves = null;
  let timer = null;
  const go = () => {
    clearTimeout(timer);
    let left = SLICE;
    while (moves && left > 0) {
      left -= 1;
      if (!moves()) moves = null;
    }
    for (const [key, work] of waiting) {
      if (left === 0) break;
      left -= 1;
      waiting.delete(key);
      work();
    }
    timer = moves || waiting.size > 0 ? setTimeout(go, 10) : null;
  };
  return {
    add: (key, work) => waiting.set(key, work),
    first: (work) => (moves = work),
    go,
    stop() {
      clearTimeout(timer);
      waiting = new Map();
      moves = null;
    },
  };
}

function featureRow(shell, { name }, { weighs, toggle, figures }) {
  const id = uniqueId("feature");
  const button = h("button", { type: "button", class: "link feature", id, onclick: () => toggle(name) }, name);
  const state = badge("off", "");
  const [fill, psi] = [h("span", { class: "fill" }), h("span", { class: "figure" })];
  const bar = h("span", { class: "gauge", "aria-hidden": "true" }, fill, h("span", { class: "mark" }));
  const [weight, importance] = [meter(), h("span", { class: "figure" })];
  const texts = { missing: h("span", null), outside: h("span", null), broken: h("span", null) };
  const weighed = weighs ? [h("span", { class: "with-bar" }, weight.element, importance)] : [];
  const cells = [button, state.element, h("span", { class: "with-bar" }, bar, psi), ...weighed, texts.missing, texts.outside, texts.broken];
  return {
    element: shell.row(...cells),
    update({ item, isOpen }) {
      setAttribute(button, "aria-expanded", String(isOpen));
      figures.add(name, () => show(item));
    },
  };

  function show(item) {
    const { scores } = item;
    state.update(...driftState(item.state));
    setStyle(fill, { width: `${(gauge(scores) * 100).toFixed(1)}%` });
    setAttribute(bar, "class", gaugeKind(item));
    setText(psi, number(scores?.psi));
    weight.set(item.importance);
    setText(importance, share(item.importance));
    setText(texts.missing, share(scores?.missing));
    setText(texts.outside, share(scores?.outside));
    setText(texts.broken, item.mode === null ? "–" : count(item.broken));
    setAttribute(texts.broken, "class", item.broken > 0 ? "warns" : null);
  }
}
