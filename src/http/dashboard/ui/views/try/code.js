// The request as code to copy.

import { copy, h, setText, show, toast } from "../../dom.js";
import { count } from "../../format.js";
import { choice, section } from "../../parts.js";
import { curl, json, python } from "./snippets.js";

/** Longer texts are cut on the page; the button copies all of it. */
const MOST = 12000;

/** {element, set}: `set` takes {url, request, tensors, outputs, key}, or null while the form is not right. */
export function code() {
  let kind = "curl";
  let given = null;
  const text = h("pre", { tabindex: "0" });
  const hint = h("p", { class: "hint" });
  const button = h("button", { type: "button", class: "button small" }, "Copy");
  const whole = () => ({ curl: () => curl(given), python: () => python(given), json: () => json(given.tensors) })[kind]();
  const update = () => {
    show(text, given !== null);
    button.disabled = given === null;
    if (given === null) return setText(hint, "It is shown when every field is right.");
    const full = whole();
    setText(text, full.length > MOST ? `${full.slice(0, MOST)}…` : full);
    const parts = [];
    if (given.key && kind !== "json") parts.push("The key is read from the environment: export ONNXD_KEY=… first.");
    if (full.length > MOST) parts.push(`Cut here after ${count(MOST)} of ${count(full.length)} characters; the button copies all.`);
    if (kind === "python") parts.push("Python alone, without packages.");
    setText(hint, parts.join(" "));
  };
  button.addEventListener("click", async () => {
    if (await copy(whole())) toast("Copied.", "good");
    else toast("The browser does not allow it: select the text and copy it yourself.", "bad");
  });
  const kinds = [
    ["curl", "curl"],
    ["python", "Python"],
    ["json", "JSON"],
  ];
  const named = () => text.setAttribute("aria-label", `The request as ${kinds.find(([name]) => name === kind)[1]}`);
  const pick = choice("The request as", kinds, kind, (next) => {
    kind = next;
    named();
    update();
  });
  named();
  const aside = h("div", { class: "row" }, pick.element, button);
  const element = section("The same from elsewhere", { aside }, text, hint);
  return {
    element,
    set(next) {
      given = next;
      update();
    },
  };
}
