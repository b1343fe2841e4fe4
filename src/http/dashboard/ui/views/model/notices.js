// What needs attention of a model, above everything else on its page.

import { h, keyed, show } from "../../dom.js";
import { notice } from "../../parts.js";
import { may, whyNot } from "../../session.js";

/** {element, update(state), failed(error, state)}. */
export function notices(name) {
  const element = h("div", { class: "stack", role: "status", hidden: true });
  const tell = (entries) => {
    keyed(
      element,
      entries,
      ([kind, text]) => `${kind} ${text}`,
      ([kind, text]) => notice(kind, text),
    );
    show(element, entries.length > 0);
  };
  const update = ({ now, model }) => {
    const entries = (now?.attention ?? []).map(({ level, message }) => [level, message]);
    if (!now && model?.problem) entries.push(["bad", model.problem]);
    if (!may("metrics")) entries.push(["info", `Figures are left out. ${whyNot("metrics")}`]);
    if (model?.dormant) {
      const text = `${name} left memory because nobody asked for it; the next request wakes it.`;
      entries.push(["info", text]);
    }
    tell(entries);
  };
  // What is there stays; a line above the view says that it is old.
  const failed = (error, { model }) => {
    if (model === null) tell([["bad", error.message]]);
  };
  return { element, update, failed };
}
