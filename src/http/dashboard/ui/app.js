// The frame of the page: header, connection, sign-in, and one view at a time.
//
// Views are modules with `mount(root, {params, title}) -> unmount()`. They are fetched when first
// wanted. `params` is {name, query} of the address (routes.js); `title(text)` names the page.

import { events, key, setKey } from "./api.js";
import { dialog, h, replace, setAttribute, setText, show, toast, uniqueId } from "./dom.js";
import { clock, now } from "./format.js";
import { badge, empty, notice } from "./parts.js";
import { oldest, poll } from "./poll.js";
import { parse, to } from "./routes.js";
import { onSession, refresh, session, signIn, signOut } from "./session.js";
import { onTheme, switchTheme, theme } from "./theme.js";

const VIEWS = {
  overview: () => import("./views/overview.js"),
  model: () => import("./views/model.js"),
  health: () => import("./views/health.js"),
  try: () => import("./views/try.js"),
  jobs: () => import("./views/jobs.js"),
};

const main = document.getElementById("main");

// ---- Views

let unmount = null;
let visit = 0;
let first = true;

async function go() {
  visit += 1;
  const mine = visit;
  const { view, ...params } = parse(location.hash);
  leave();
  mark(view);
  const root = h("div", { class: `view ${view ?? "nowhere"}` });
  replace(main, old, root);
  window.scrollTo(0, 0);
  title(params.name ?? { overview: "Models", jobs: "Jobs" }[view] ?? "Not found");
  if (view === null) {
    replace(
      root,
      h("h1", null, "Not found"),
      empty("There is no such page. ", h("a", { href: to.overview() }, "All models"), "."),
    );
  } else {
    try {
      const { mount } = await VIEWS[view]();
      // Somebody may have gone on while it was fetched.
      if (mine !== visit) return;
      unmount = mount(root, { params, title }) ?? null;
    } catch (error) {
      if (mine !== visit) return;
      console.error(error);
      replace(
        root,
        h("h1", null, "This page failed"),
        notice("bad", String(error?.message ?? error)),
      );
    }
  }
  arrive(root);
}

function leave() {
  try {
    unmount?.();
  } catch (error) {
    console.error(error);
  }
  unmount = null;
}

function title(text) {
  document.title = `${text} · onnxd`;
}

function mark(view) {
  for (const link of document.querySelectorAll("[data-view]")) {
    const here =
      link.dataset.view === view ||
      (link.dataset.view === "overview" && ["model", "health", "try"].includes(view));
    setAttribute(
      link,
      "aria-current",
      here ? (link.dataset.view === view ? "page" : "true") : null,
    );
  }
}

// Whoever reads by ear hears where a link has led to; at the start the browser says it itself.
function arrive(root) {
  const heading = root.querySelector("h1");
  if (!first && heading) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  first = false;
}

// ---- Header

function brightness() {
  const text = h("span", null);
  const button = h(
    "button",
    { type: "button", class: "button quiet", onclick: switchTheme },
    h("span", { "aria-hidden": "true", class: "sign" }, "◐"),
    text,
  );
  const update = () => {
    const other = theme() === "dark" ? "Light" : "Dark";
    setText(text, other);
    setAttribute(button, "aria-label", `${other} theme`);
  };
  update();
  onTheme(update);
  return button;
}

function identity() {
  const who = h("span", { class: "who" });
  const button = h("button", { type: "button", class: "button quiet" });
  button.addEventListener("click", () => (key() === null ? askForKey() : forget()));
  const update = () => {
    const { keys, key: name, roles } = session();
    setText(who, name ? `${name}` : "");
    setAttribute(who, "title", name ? `Roles: ${roles.join(", ") || "none"}` : null);
    setText(button, key() === null ? "Sign in" : "Sign out");
    show(button, keys || key() !== null);
  };
  update();
  onSession(update);
  return [who, button];
}

let asking = false;
let declined = false;

async function askForKey(reason) {
  if (asking) return;
  asking = true;
  const id = uniqueId("key");
  const field = h("input", {
    id,
    type: "password",
    autocomplete: "off",
    required: true,
    spellcheck: "false",
  });
  const body = [
    reason && h("p", null, reason),
    h("label", { for: id }, "Key"),
    field,
    h(
      "p",
      { class: "hint" },
      "It is kept for this tab only, and sent with every request as X-API-Key. “onnxd key” makes keys.",
    ),
  ];
  const check = () => {
    const text = field.value.trim();
    // Others cannot be in a header at all.
    if (!/^[\x21-\x7e]+$/.test(text))
      return text ? "No key has such characters: copy it as it was printed." : "Enter a key.";
    return signIn(text);
  };
  const done = await dialog({
    title: "Sign in",
    body,
    actions: [{ label: "Sign in", value: true, kind: "primary" }],
    check,
  });
  asking = false;
  declined = done === null;
  if (!done) return;
  events.dispatchEvent(new Event("signed-in"));
  // What was typed into a form stays.
  if (!main.querySelector("form")) go();
}

async function forget() {
  try {
    await signOut();
  } catch (error) {
    setKey(null);
    toast(error.message, "bad");
  }
  declined = true;
  go();
}

// ---- Connection

// Above every view: since when what it shows is old, and why.
const oldText = h("span", null);
const old = h("div", { class: "late", role: "status", hidden: true }, notice("warning", oldText));

function connection() {
  const state = badge("busy", "connecting");
  let since = null;
  const update = () => {
    const late = oldest();
    show(old, late !== undefined);
    if (late) {
      const { since: last, message } = late;
      setText(
        oldText,
        `${last ? `Old since ${clock(last)}` : "Not all could be asked for"}: ${message}`,
      );
    }
    if (document.hidden) state.update("off", "paused");
    else if (since !== null)
      state.update("bad", "no connection", `The server has not answered since ${clock(since)}.`);
    else if (late)
      state.update(
        "warning",
        late.since ? `old since ${clock(late.since).slice(0, 5)}` : "refused",
        late.message,
      );
    else state.update("good", "live");
  };
  events.addEventListener("reached", () => {
    const away = since !== null;
    since = null;
    update();
    if (away) toast("The server answers again.", "good");
  });
  events.addEventListener("unreachable", () => {
    if (since === null) toast("The server cannot be reached. What is shown is old.", "bad");
    since ??= now();
    update();
  });
  events.addEventListener("late", update);
  document.addEventListener("visibilitychange", update);
  setAttribute(state.element, "id", "connection");
  return state.element;
}

// ---- Start

function prometheus() {
  const link = h("a", { rel: "noreferrer", target: "_blank", hidden: true }, "Prometheus");
  const update = () => {
    const address = session().prometheus;
    const safe = /^https?:\/\//i.test(address ?? "");
    setAttribute(link, "href", safe ? address : null);
    show(link, safe);
  };
  update();
  onSession(update);
  return link;
}

function footer() {
  const version = h("span", null);
  onSession(() => setText(version, session().version ? `onnxd ${session().version}` : "onnxd"));
  replace(document.getElementById("foot"), version, prometheus());
}

replace(document.getElementById("tools"), connection(), brightness(), identity());
footer();
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
events.addEventListener("unauthorised", () => {
  if (!declined) askForKey("This server asks for a key.");
});
window.addEventListener("hashchange", () => {
  declined = false;
  go();
});

// Views say what the caller may do, so that is asked for first; a server that is away is asked again.
await refresh().catch(() => {});
// The frame shows nothing that gets old.
poll(60, (signal) => refresh({ signal }).catch(() => {}));
go();
