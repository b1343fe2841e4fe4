// The form of a routing: labels, weights, shadow.

import { h, keyed, uniqueId } from "../../dom.js";
import { badge, versionState } from "../../parts.js";
import { fromForm, trafficWords } from "./routing.js";

/** {element, read()}: `read` throws an Error that says what is wrong. */
export function routingForm({ routing, versions }) {
  const numbers = versions.map(({ version }) => version);
  const labels = labelRows(routing, numbers, () => refresh());
  const weights = h("div", { class: "form-rows" });
  const shadow = h("select", { id: uniqueId("shadow") });
  const preview = h("p", { class: "hint", "aria-live": "polite" });
  const kept = new Map(
    Object.entries(routing.traffic).map(([target, weight]) => [target, String(weight)]),
  );
  const targets = () => [...numbers.map(String), ...labels.names()];

  const refresh = () => {
    const chosen = shadow.options.length ? shadow.value : String(routing.shadow ?? "");
    const all = [...new Set([...targets(), ...(chosen === "" ? [] : [chosen])])];
    keyed(
      shadow,
      ["", ...all],
      (target) => target,
      (target) => h("option", { value: target }, target === "" ? "none" : nameOf(target)),
    );
    shadow.value = chosen;
    keyed(
      weights,
      [...targets(), ...kept.keys()],
      (target) => target,
      (target) => weightRow(target, kept, tell, versions),
    );
    tell();
  };
  const read = () =>
    fromForm(
      labels.read(),
      [...kept].map(([target, weight]) => ({ target, weight })),
      shadow.value,
    );
  const tell = () => {
    try {
      preview.textContent = `Requests that name no version: ${trafficWords(read())}.`;
    } catch (error) {
      preview.textContent = error.message;
    }
  };
  refresh();
  const element = h(
    "div",
    { class: "stack" },
    h("fieldset", null, h("legend", null, "Labels"), labels.element),
    h(
      "fieldset",
      null,
      h("legend", null, "Weights for requests that name no version"),
      weights,
      preview,
    ),
    h("div", { class: "row" }, h("label", { for: shadow.id }, "Shadow"), shadow),
  );
  return { element, read };
}

const nameOf = (target) => (/^\d+$/.test(target) ? `version ${target}` : `label ${target}`);

function labelRows(routing, numbers, changed) {
  const list = h("div", { class: "form-rows" });
  const rows = [];
  const add = (name, version) => {
    const field = h("input", {
      value: name,
      "aria-label": "Label",
      placeholder: "canary",
      maxlength: "64",
      spellcheck: "false",
      autocomplete: "off",
    });
    const known = [...new Set([...numbers, ...(version === undefined ? [] : [version])])];
    const select = h(
      "select",
      { "aria-label": "Version of the label" },
      known.map((number) => h("option", { value: String(number) }, `version ${number}`)),
    );
    if (version !== undefined) select.value = String(version);
    const entry = { field, select };
    const row = h(
      "div",
      { class: "row" },
      field,
      "=",
      select,
      h("button", { type: "button", class: "button small", onclick: remove }, "Remove"),
    );
    function remove() {
      rows.splice(rows.indexOf(entry), 1);
      row.remove();
      button.focus();
      changed();
    }
    field.addEventListener("change", changed);
    select.addEventListener("change", changed);
    rows.push(entry);
    list.append(row);
    return field;
  };
  const button = h(
    "button",
    { type: "button", class: "button small", onclick: () => add("").focus() },
    "Add a label",
  );
  Object.entries(routing.labels).forEach(([name, version]) => add(name, version));
  return {
    element: h("div", { class: "stack" }, list, h("div", null, button)),
    names: () => [...new Set(rows.map(({ field }) => field.value.trim()).filter(Boolean))],
    read: () =>
      rows.map(({ field, select }) => ({
        name: field.value.trim(),
        version: field.value.trim() === "" ? "" : select.value,
      })),
  };
}

function weightRow(target, kept, changed, versions) {
  const id = uniqueId("weight");
  const field = h("input", {
    id,
    type: "number",
    min: "0",
    step: "1",
    inputmode: "numeric",
    value: kept.get(target) ?? "",
    placeholder: "0",
    class: "weight",
  });
  field.addEventListener("input", () => {
    if (field.value === "") kept.delete(target);
    else kept.set(target, field.value);
    changed();
  });
  const known = versions.find(({ version }) => String(version) === target);
  const state =
    known && known.state !== "READY"
      ? badge(...versionState(known.state, known.stage)).element
      : null;
  return h(
    "div",
    { class: "row" },
    h("label", { for: id, class: "weight-of" }, nameOf(target)),
    field,
    state,
  );
}
