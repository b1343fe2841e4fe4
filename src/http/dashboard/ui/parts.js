// Pieces that several views are made of.

import { h, keyed, setAttribute, setText, uniqueId } from "./dom.js";
import { to } from "./routes.js";
import { whyNot } from "./session.js";

// A sign beside the word: colours alone do not tell states apart for everybody.
const SIGNS = { good: "●", warning: "▲", bad: "✕", busy: "◌", off: "○", info: "■" };

/** A state as sign and word. kind: good, warning, bad, busy, off, info. Has update(kind, word, title). */
export function badge(kind, word, title) {
  const sign = h("span", { "aria-hidden": "true", class: "sign" });
  const text = h("span", null);
  const element = h("span", { class: "badge" }, sign, text);
  const update = (nextKind, nextWord, nextTitle) => {
    setAttribute(element, "class", `badge ${nextKind}`);
    setText(sign, SIGNS[nextKind] ?? "");
    setText(text, nextWord);
    setAttribute(element, "title", nextTitle);
  };
  update(kind, word, title);
  return { element, update };
}

/** Whether the reason of a version that does not serve is that it did, and was rolled back. */
export const wasTakenBack = (reason) => (reason ?? "").startsWith("rolled back");

/** [kind, word] of a version's state. */
export function versionState(state, stage, reason) {
  switch (state) {
    case "READY":
      return ["good", "ready"];
    case "LOADING":
      return ["busy", stage ? `loading: ${stage}` : "loading"];
    case "UNLOADING":
      return ["busy", "unloading"];
    case "UNAVAILABLE":
      if (stage) return ["busy", `loading: ${stage}`];
      return wasTakenBack(reason) ? ["warning", "taken back"] : ["bad", "unavailable"];
    default:
      return ["off", state.toLowerCase()];
  }
}

/** [kind, word] of a drift state, or of null. */
export function driftState(state) {
  switch (state) {
    case "stable":
      return ["good", "stable"];
    case "drifted":
      return ["bad", "drifted"];
    case "insufficient":
      return ["off", "too little data"];
    default:
      return ["off", "not watched"];
  }
}

/** A section with a heading (h2 unless `level`), named by it. `aside` stands beside the heading. */
export function section(title, { level = 2, aside, className = "" } = {}, ...children) {
  const id = uniqueId("section");
  const head = h("div", { class: "section-head" }, h(`h${level}`, { id }, title), aside);
  return h(
    "section",
    { class: `section ${className}`.trim(), "aria-labelledby": id },
    head,
    children,
  );
}

/**
 * A table: `columns` [{title, number: true, hint, hidden}], `caption` for screen readers.
 * `cards`: on a phone each row is a card. Its first cell is the row's header. Returns {element,
 * body, row}: `row(...cells)` makes a <tr> of contents (nodes or texts), to be put into `body`,
 * for example by keyed(body, items, key, create).
 */
export function table({ caption, columns, cards = false, className = "" }) {
  const roles = (role) => (cards ? { role } : {});
  const head = columns.map((column) =>
    h(
      "th",
      {
        scope: "col",
        class: column.number ? "number" : null,
        title: column.hint,
        ...roles("columnheader"),
      },
      column.hidden ? h("span", { class: "visually-hidden" }, column.title) : column.title,
    ),
  );
  const body = h("tbody", roles("rowgroup"));
  const shell = h(
    "table",
    { class: `${cards ? "cards" : ""} ${className}`.trim() || null, ...roles("table") },
    h("caption", { class: "visually-hidden" }, caption),
    h("thead", roles("rowgroup"), h("tr", roles("row"), head)),
    body,
  );
  const element = h("div", { class: "table" }, shell);
  scrolls(element, caption);
  const row = (...cells) =>
    h(
      "tr",
      roles("row"),
      cells.map((cell, index) =>
        h(
          index === 0 ? "th" : "td",
          {
            scope: index === 0 ? "row" : null,
            class: columns[index].number ? "number" : null,
            data: columns[index].hidden ? {} : { label: columns[index].title },
            ...roles(index === 0 ? "rowheader" : "cell"),
          },
          cell,
        ),
      ),
    );
  return { element, body, row };
}

// What can be scrolled must be reached by keyboard; what cannot must not stop anybody.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const element = target.matches(".table") ? target : target.parentElement;
    const wide =
      element.scrollWidth > element.clientWidth + 1 ||
      element.scrollHeight > element.clientHeight + 1;
    setAttribute(element, "tabindex", wide ? "0" : null);
    setAttribute(element, "role", wide ? "group" : null);
    setAttribute(element, "aria-label", wide ? element.dataset.name : null);
  }
});

/** Makes a box that holds a table reachable by keyboard as long as it can be scrolled. */
export function scrolls(element, name) {
  element.dataset.name = name;
  sizes.observe(element);
  sizes.observe(element.firstChild);
}

/** Names and values: `facts(list)` then update([[name, text or node], …]); absent values (null) are left out. */
export function facts(entries = []) {
  const element = h("dl", { class: "facts" });
  const update = (next) => {
    const shown = next.filter(([, value]) => value !== null && value !== undefined && value !== "");
    keyed(
      element,
      shown,
      ([name]) => name,
      ([name]) => {
        const value = h("dd", null);
        return {
          element: h("div", null, h("dt", null, name), value),
          update([, content]) {
            if (content instanceof Node) {
              if (value.firstChild !== content) value.replaceChildren(content);
            } else setText(value, content);
          },
        };
      },
    );
  };
  update(entries);
  return { element, update };
}

/** What is said where there is nothing to show. */
export function empty(...children) {
  return h("p", { class: "empty" }, children);
}

/** A message in a box: kind "bad", "warning", "info". */
export function notice(kind, ...children) {
  return h(
    "div",
    { class: `notice ${kind}` },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]),
    h("div", null, children),
  );
}

/**
 * A button for something that needs a role. Where the caller lacks it, it does nothing and its
 * description says which role (it stays reachable by keyboard, so that the words are found).
 * Returns {element, update}: `update(reason)` takes a further reason why not, or null.
 */
export function guarded(role, label, onclick, { kind = "", name } = {}) {
  const id = uniqueId("why");
  const why = h("span", { id, class: "visually-hidden" });
  const button = h(
    "button",
    { type: "button", class: `button ${kind}`.trim(), "aria-label": name },
    label,
  );
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") onclick();
  });
  const update = (reason = null) => {
    const text = whyNot(role) ?? reason;
    setAttribute(button, "aria-disabled", text ? "true" : null);
    setAttribute(button, "aria-describedby", text ? id : null);
    setAttribute(button, "title", text);
    setText(why, text);
  };
  update();
  return { element: h("span", { class: "guarded" }, button, why), update };
}

const TABS = [
  ["model", "Model", to.model],
  ["health", "Data health", to.health],
  ["try", "Try it", to.tryIt],
];

/** The head of a model's pages: its name as h1 and links to its pages. `current`: model, health, try. */
export function modelHead(name, current) {
  const links = TABS.map(([tab, title, link]) =>
    h("a", { href: link(name), "aria-current": tab === current ? "page" : null }, title),
  );
  return h(
    "div",
    { class: "model-head" },
    h("p", { class: "crumb" }, h("a", { href: to.overview() }, "Models")),
    h("h1", null, name),
    h("nav", { class: "tabs", "aria-label": "Pages of this model" }, links),
  );
}

/** Buttons of which one is pressed: options [[value, title]]; calls change(value). Returns {element, update(value)}. */
export function choice(label, options, value, change) {
  const buttons = options.map(([option, title]) =>
    h("button", { type: "button", class: "segment", onclick: () => pick(option) }, title),
  );
  const update = (chosen) =>
    options.forEach(([option], index) =>
      setAttribute(buttons[index], "aria-pressed", String(option === chosen)),
    );
  const pick = (option) => {
    update(option);
    change(option);
  };
  update(value);
  return {
    element: h("div", { class: "segments", role: "group", "aria-label": label }, buttons),
    update,
  };
}
