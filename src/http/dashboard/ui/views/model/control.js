// Routing as it is, and the buttons that change what serves. Each says before what it will do,
// and the server's answer is shown where it refuses.

import { ask, path } from "../../api.js";
import { confirm, dialog, h, setText, show, toast } from "../../dom.js";
import { plural } from "../../format.js";
import { facts, guarded, section } from "../../parts.js";
import { whyNot } from "../../session.js";
import { routingForm } from "./form.js";
import { differences, promoted, resolve, shadowWords, shadowed, trafficWords } from "./routing.js";

// A name may turn the direction of what follows it.
const shown = (name) => (/[\u202a-\u202e\u2066-\u2069]/.test(name) ? `\u2068${name}\u2069` : name);

/** {element, update(state), promote, shadow}; `changed()` is called after each change. */
export function control(name, current, changed) {
  const list = facts();
  const role = h("p", { class: "hint" });
  const act = actions(name, current, changed);
  const buttons = [
    guarded("operate", "Change routing…", act.edit),
    guarded("operate", "Roll back…", act.rollBack),
    guarded("operate", "Back to model.toml…", act.reset),
    guarded("operate", "Load…", act.load),
    guarded("operate", "Unload…", act.unload),
  ];
  const element = section(
    "Routing",
    { className: "routing" },
    h(
      "div",
      { class: "stack" },
      list.element,
      h(
        "div",
        { class: "row" },
        buttons.map((button) => button.element),
      ),
      role,
    ),
  );
  const update = ({ model }) => {
    const labels = Object.entries(model.routing.labels).map(
      ([label, version]) => `${label} = v${version}`,
    );
    list.update([
      ["Requests that name no version", trafficWords(model.routing)],
      ["Labels", labels.join(", ") || "none"],
      ["Shadow", shadowWords(model.routing)],
    ]);
    buttons.forEach((button) => button.update());
    setText(role, whyNot("operate"));
    show(role, whyNot("operate") !== null);
  };
  return { element, update, promote: act.promote, shadow: act.shadow };
}

function actions(name, current, changed) {
  const routing = path("api/models", name, "routing");
  const done = (text) => {
    toast(text, "good");
    changed();
  };
  const put = async (wanted) => {
    const answer = await ask("PUT", routing, { body: wanted });
    return answer?.kept === false
      ? " It is forgotten when the server restarts (no state-dir)."
      : "";
  };
  const change = async (title, action, wanted, further = []) => {
    const lines = differences(current().routing, wanted);
    if (!lines.length) return toast("That is so already.");
    let kept = "";
    const run = async () => (kept = await put(wanted));
    if (
      await confirm({
        title,
        lines: [
          h(
            "ul",
            null,
            lines.map((line) => h("li", null, line)),
          ),
          ...further,
        ],
        action,
        run,
      })
    )
      done(`The routing of ${shown(name)} was changed.${kept}`);
  };
  return {
    promote: (version) =>
      change(
        `Promote version ${version} of ${shown(name)}?`,
        `Promote version ${version}`,
        promoted(current().routing, version),
        [
          "Labels stay. A version that comes later gets no requests until the shares are changed again, or are set back to model.toml.",
        ],
      ),
    shadow: (version) => {
      const { routing: now } = current();
      return resolve(now, now.shadow) === version
        ? change(`End the shadow of ${shown(name)}?`, "End the shadow", shadowed(now, null))
        : change(
            `Make version ${version} the shadow of ${shown(name)}?`,
            "Make it the shadow",
            shadowed(now, version),
            ["It gets a copy of the requests that others answer; nobody waits for its answers."],
          );
    },
    edit: () => edit(name, current, put, done),
    rollBack: () => rollBack(name, current(), done),
    reset: () => reset(name, routing, done),
    load: () => load(name, done),
    unload: () => unload(name, current(), done),
  };
}

async function edit(name, current, put, done) {
  const form = routingForm(current());
  const wanted = await dialog({
    title: `Routing of ${shown(name)}`,
    body: form.element,
    actions: [{ label: "Go on", value: "go", kind: "primary" }],
    check: () =>
      differences(current().routing, form.read()).length ? null : "Nothing is changed yet.",
  });
  if (wanted === null) return;
  const to = form.read();
  let kept = "";
  const lines = [
    h(
      "ul",
      null,
      differences(current().routing, to).map((line) => h("li", null, line)),
    ),
  ];
  if (
    await confirm({
      title: `Change the routing of ${shown(name)}?`,
      lines,
      action: "Change",
      run: async () => (kept = await put(to)),
    })
  )
    done(`The routing of ${shown(name)} was changed.${kept}`);
}

async function rollBack(name, model, done) {
  const others = model.versions
    .filter(({ version, state }) => version !== model.serving && state === "READY")
    .map(({ version }) => `v${version}`);
  const lines = [
    model.serving === null
      ? "No version serves now."
      : `Version ${model.serving}, the highest that serves, is taken back. The version that served before it serves instead, or else the next lower one.`,
    others.length
      ? `Ready besides it: ${others.join(", ")}.`
      : "No other version is in memory: the one that takes over is loaded first.",
    "It stays away until its files change, the routing names it, or it is loaded by request.",
  ];
  let serving = null;
  const run = async () => ({ serving } = await ask("POST", path("api/models", name, "rollback")));
  if (
    await confirm({
      title: `Roll ${shown(name)} back?`,
      lines,
      action: "Roll back",
      danger: true,
      run,
    })
  )
    done(`${shown(name)}: version ${serving} serves now.`);
}

async function reset(name, routing, done) {
  const lines = [
    "Labels, shares and shadow become what model.toml says. What was changed by request is forgotten.",
  ];
  const run = () => ask("DELETE", routing);
  if (
    await confirm({
      title: `Set the routing of ${shown(name)} back?`,
      lines,
      action: "Set back",
      run,
    })
  )
    done(`The routing of ${shown(name)} is that of model.toml.`);
}

async function load(name, done) {
  const lines = [
    "The model is loaded, and what was refused is tried again. This waits until it serves.",
  ];
  const run = () => ask("POST", path("v2/repository/models", name, "load"));
  if (await confirm({ title: `Load ${shown(name)}?`, lines, action: "Load", run }))
    done(`${shown(name)} was loaded.`);
}

async function unload(name, model, done) {
  const live = model.versions.filter(({ state }) => state === "READY").length;
  const lines = [
    `${plural(live, "version")} of ${shown(name)} leave${live === 1 ? "s" : ""} service; requests get an error until it is loaded again. Servers without “model-control explicit” refuse this.`,
  ];
  const run = () => ask("POST", path("v2/repository/models", name, "unload"));
  if (
    await confirm({ title: `Unload ${shown(name)}?`, lines, action: "Unload", danger: true, run })
  )
    done(`${shown(name)} was unloaded.`);
}
