// Labelled controls for settings: how an image becomes numbers, how a file does.

import { h, uniqueId } from "../../dom.js";

/** A choice: options {value: title}. */
export function select(label, options, value, change) {
  const id = uniqueId("setting");
  const entries = Object.entries(options).map(([option, title]) => h("option", { value: option }, title));
  const control = h("select", { id, onchange: () => change(control.value) }, entries);
  control.value = value;
  return { element: h("div", { class: "setting" }, h("label", { for: id }, label), control), control };
}

/** A number within bounds; others are not told. */
export function number(label, value, { least = -Infinity, most = Infinity, whole = false }, change) {
  const id = uniqueId("setting");
  const control = h("input", { id, type: "text", inputmode: least < 0 ? "text" : "decimal", autocomplete: "off", size: 6, value: String(value) });
  control.addEventListener("change", () => {
    const next = control.value.trim() === "" ? NaN : Number(control.value);
    const right = Number.isFinite(next) && next >= least && next <= most && (!whole || Number.isInteger(next));
    control.setAttribute("aria-invalid", String(!right));
    if (right) change(next);
  });
  return { element: h("div", { class: "setting" }, h("label", { for: id }, label), control), control };
}

/** Yes or no. */
export function check(label, value, change) {
  const id = uniqueId("setting");
  const control = h("input", { id, type: "checkbox", checked: value, onchange: () => change(control.checked) });
  return { element: h("div", { class: "setting check" }, control, h("label", { for: id }, label)), control };
}

/** A file, by a button or dropped onto it. */
export function file(label, accept, take) {
  const id = uniqueId("setting");
  const control = h("input", { id, type: "file", accept });
  const given = (files) => files.length > 0 && take(files[0]);
  control.addEventListener("change", () => given(control.files));
  const element = h("div", { class: "setting file" }, h("label", { for: id }, label), control);
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    given(event.dataTransfer.files);
  });
  return { element, control };
}
