// A field for one element: a choice where the contract has one, a text where whole numbers of 64
// bits and NaN must pass, and for free texts one that a file may fill.

import { h, setAttribute, setText, show, uniqueId } from "../../dom.js";
import { isText, kindOf, shown, typed } from "./datatype.js";
import { ruleText } from "./signature.js";

/**
 * {element, control, read, fault}: `read()` gives {element} or {problem}; `fault(message)` shows
 * what is wrong with it, null takes that away.
 */
export function field({ label, datatype, rule, value, changed }) {
  const id = uniqueId("field");
  const control = controlOf({ datatype, rule, value, id });
  const hint = h("span", { class: "hint", id: `${id}-hint` }, hintOf(datatype, rule));
  const problem = h("span", { class: "fault", id: `${id}-fault`, hidden: true });
  setAttribute(control, "aria-describedby", `${id}-hint ${id}-fault`);
  const fault = (message) => {
    setText(problem, message);
    show(problem, Boolean(message));
    setAttribute(control, "aria-invalid", message ? "true" : null);
  };
  const read = () => typed(datatype, control.value);
  const touched = () => {
    fault(read().problem ?? null);
    changed();
  };
  control.addEventListener("input", touched);
  const file = control.tagName === "TEXTAREA" ? fileButton(control, label, touched, fault) : null;
  const element = h(
    "div",
    { class: `field ${file ? "wide" : ""}`.trim() },
    h("label", { for: id }, label),
    control,
    file ? h("div", { class: "inline" }, file, hint) : hint,
    problem,
  );
  return { element, control, read, fault };
}

function controlOf({ datatype, rule, value, id }) {
  const text = shown(datatype, value);
  const options = choices(datatype, rule, text);
  if (options !== null) {
    const entries = options.map((option) => h("option", { value: option }, option === "" ? "(missing)" : option));
    const select = h("select", { id }, entries);
    select.value = text;
    return select;
  }
  if (isText(datatype) && rule?.pattern === undefined && rule?.max_length === undefined) {
    return h("textarea", { id, rows: text.includes("\n") || text.length > 80 ? 4 : 1, spellcheck: "false", value: text });
  }
  const mode = { whole: "numeric", float: "decimal" }[kindOf(datatype)];
  return h("input", {
    id,
    type: "text",
    // A keyboard of digits alone often has no minus.
    inputmode: mode === "numeric" && datatype.startsWith("UINT") ? mode : mode && "text",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: kindOf(datatype) === "float" ? "missing" : null,
    value: text,
  });
}

/** What may be chosen, or null. What is there now can be kept, whatever the contract says. */
export function choices(datatype, rule, text) {
  // Of long sets the server lists some: then a text is typed.
  const fromRule = rule && rule.mode !== "off" && rule.allowed?.length && !rule.more_allowed ? rule.allowed.map(String) : null;
  const found = kindOf(datatype) === "flag" ? ["true", "false"] : fromRule;
  if (found === null) return null;
  const missing = kindOf(datatype) === "flag" || kindOf(datatype) === "whole" || rule?.nullable === false || rule?.nan === false ? [] : [""];
  return [...new Set([text, ...missing, ...found])].sort((a, b) => order(found, a) - order(found, b));
}

const order = (found, text) => (found.includes(text) ? found.indexOf(text) : -1);

function hintOf(datatype, rule) {
  return [datatype, ruleText(rule)].filter(Boolean).join(" · ");
}

const MOST_BYTES = 8 << 20;

function fileButton(control, label, touched, fault) {
  const input = h("input", { type: "file", class: "visually-hidden", tabindex: "-1", "aria-hidden": "true" });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    try {
      control.value = await textOf(file);
      touched();
    } catch (error) {
      fault(error.message);
    }
  });
  const button = h("button", { type: "button", class: "button small", onclick: () => input.click() }, "From a file…", h("span", { class: "visually-hidden" }, ` for ${label}`));
  return h("span", null, button, input);
}

async function textOf(file) {
  if (file.size > MOST_BYTES) throw new Error(`the file is larger than ${MOST_BYTES >> 20} MiB`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error("the file is not UTF-8, and texts of models must be");
  }
}
