// Elements from data. Text goes into text nodes only: names of models, features and categories
// are written by others. Updates change what differs and leave the rest of the page alone, so
// that focus, selection and scroll stay.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. `properties`: class, data ({key: value}), style ({property: value}), on…
 * (listeners), others are attributes (true: empty, false/null/undefined: absent); value, checked,
 * selected, indeterminate and disabled are set as properties. Children: nodes, texts, numbers,
 * lists of them; null and false are left out.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  set(element, properties ?? {});
  append(element, children);
  return element;
}

/** The same for SVG. */
export function svg(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  set(element, properties ?? {});
  append(element, children);
  return element;
}

const PROPERTIES = new Set(["value", "checked", "selected", "indeterminate", "disabled", "open"]);

function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") setStyle(element, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name) && name in element) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Puts these children in place of all that were there. Not for what updates every few seconds. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** Sets the text if it differs. */
export function setText(element, text) {
  const wanted = text === null || text === undefined ? "" : String(text);
  if (element.textContent === wanted) return;
  const only = element.childNodes.length === 1 && element.firstChild.nodeType === Node.TEXT_NODE;
  if (only && wanted !== "") element.firstChild.data = wanted;
  else element.textContent = wanted;
}

/** Sets an attribute if it differs; null or false takes it away. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const wanted = value === true ? "" : String(value);
  if (element.getAttribute(name) !== wanted) element.setAttribute(name, wanted);
}

/** Sets styles (also custom properties) if they differ. */
export function setStyle(element, styles) {
  for (const [name, value] of Object.entries(styles)) {
    const wanted = String(value);
    if (element.style.getPropertyValue(name) !== wanted) element.style.setProperty(name, wanted);
  }
}

/** Shows or hides. */
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

const PARTS = Symbol("parts");

/**
 * Keeps the children of `container` as `items` say: one child each, known by `key(item, index)`.
 * `create(item)` gives an element, or {element, update}; `update(item)` is called at once and at
 * every later call. Children that go on are not made anew, and the one with the focus is not
 * moved. The container has no other children.
 *
 * With `later(move)` nothing takes its place yet: each call of `move` puts one child there and says
 * whether there are more, until the next call of `keyed`.
 */
export function keyed(container, items, key, create, later) {
  const known = (container[PARTS] ??= new Map());
  const wanted = [];
  const seen = new Set();
  for (const [index, item] of [...items].entries()) {
    const name = key(item, index);
    if (seen.has(name)) continue;
    seen.add(name);
    let part = known.get(name);
    if (!part) {
      const made = create(item);
      part = made instanceof Node ? { element: made } : made;
      known.set(name, part);
    }
    part.update?.(item);
    wanted.push(part.element);
  }
  for (const [name, part] of known) {
    if (seen.has(name)) continue;
    known.delete(name);
    part.destroy?.();
    part.element.remove();
  }
  let [active, moves] = [document.activeElement, arranged(container, wanted)];
  const move = () => {
    // Somebody went on meanwhile, and must not be moved.
    if (active !== document.activeElement) {
      [active, moves] = [document.activeElement, arranged(container, wanted)];
    }
    return !moves.next().done;
  };
  if (later) later(move);
  else while (move());
}

// An element that is moved loses the focus: the others go around it. A pause after each.
function* arranged(container, wanted) {
  const active = document.activeElement;
  const fixed = wanted.findIndex((element) => element.contains(active));
  let after = fixed < 0 ? null : wanted[fixed];
  for (let index = fixed - 1; index >= 0; index -= 1) {
    if (after.previousSibling !== wanted[index]) yield container.insertBefore(wanted[index], after);
    after = wanted[index];
  }
  let before = fixed < 0 ? null : wanted[fixed];
  for (let index = fixed + 1; index < wanted.length; index += 1) {
    const next = before ? before.nextSibling : container.firstChild;
    if (next !== wanted[index]) yield container.insertBefore(wanted[index], next);
    before = wanted[index];
  }
}

let serial = 0;

/** An id that nothing else on the page has, for labels and descriptions. */
export function uniqueId(stem = "id") {
  serial += 1;
  return `${stem}-${serial}`;
}

/**
 * Opens a modal dialog. `actions`: [{label, value, kind: "primary"|"danger"|undefined, submit}];
 * resolves to the value of the action that closed it, or null (Escape, Cancel). `check(value)` may
 * return a text, which is shown and keeps the dialog open; it may be async, and until it has ended
 * nothing closes the dialog: what is under way is not taken back by looking away.
 */
export function dialog({ title, body, actions, check, cancel = "Cancel" }) {
  return new Promise((resolve) => {
    const id = uniqueId("dialog");
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const busy = h("span", { class: "hint", role: "status" });
    let result = null;
    let working = false;
    // Disabled buttons would lose the focus.
    const work = (is) => {
      working = is;
      setText(busy, is ? "Working…" : "");
      element
        .querySelectorAll(".dialog-actions button")
        .forEach((button) => setAttribute(button, "aria-disabled", is && "true"));
    };
    const act = async (action) => {
      if (working) return;
      work(true);
      let text = null;
      try {
        text = check ? await check(action.value) : null;
      } catch (error) {
        text = error.message;
      }
      work(false);
      if (!text) result = action.value;
      // Some browsers close it all the same, at a second Escape.
      if (!element.open) {
        if (text) toast(text, "bad");
        return resolve(result);
      }
      if (!text) return element.close();
      setText(problem, text);
      show(problem, true);
    };
    const buttons = actions.map((action, index) =>
      h(
        "button",
        {
          type: index === 0 ? "submit" : "button",
          class: `button ${action.kind ?? ""}`.trim(),
          onclick: index === 0 ? null : () => act(action),
        },
        action.label,
      ),
    );
    const form = h(
      "form",
      {
        method: "dialog",
        onsubmit: (event) => {
          event.preventDefault();
          act(actions[0]);
        },
      },
      h("h2", { id }, title),
      h("div", { class: "dialog-body" }, body),
      problem,
      h(
        "div",
        { class: "dialog-actions" },
        busy,
        cancel &&
          h(
            "button",
            { type: "button", class: "button", onclick: () => working || element.close() },
            cancel,
          ),
        buttons,
      ),
    );
    const hold = (event) => {
      if (working && (event.type === "cancel" || event.key === "Escape")) event.preventDefault();
    };
    const element = h("dialog", { "aria-labelledby": id, oncancel: hold, onkeydown: hold }, form);
    element.addEventListener("close", () => {
      element.remove();
      if (!working) resolve(result);
    });
    document.body.append(element);
    element.showModal();
  });
}

/**
 * Asks before something is changed. `lines` say exactly what will change. `run()` does it while
 * the dialog is open; what it throws is shown there. Resolves to whether it was done.
 */
export async function confirm({ title, lines, action, cancel, danger = false, run }) {
  const body = lines.map((line) => (line instanceof Node ? line : h("p", null, line)));
  const actions = [{ label: action, value: true, kind: danger ? "danger" : "primary" }];
  const check = run && (async () => void (await run()));
  return (await dialog({ title, body, actions, check, cancel })) === true;
}

/** Says something for a few seconds, also to screen readers. kind: "good" | "bad" | undefined. */
export function toast(message, kind) {
  const element = h("p", { class: `toast ${kind ?? ""}`.trim() }, message);
  const list = document.getElementById("toasts");
  list?.append(element);
  while (list && list.children.length > 4) list.firstChild.remove();
  setTimeout(() => element.remove(), kind === "bad" ? 12000 : 6000);
}

/** Says something to screen readers only. For what changes rarely. */
export function announce(message) {
  const element = document.getElementById("announcements");
  // The same words again are said again only if they differ.
  if (element) element.textContent = element.textContent === message ? `${message}\u00a0` : message;
}

/** Copies a text; resolves to whether it went. Falls back where the page has no secure origin. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", {
      class: "visually-hidden",
      readonly: true,
      "aria-hidden": "true",
      tabindex: "-1",
    });
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
