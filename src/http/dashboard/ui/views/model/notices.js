// What needs attention of a model, above everything else on its page.

import { announce, h, keyed, setText, show } from "../../dom.js";
import { notice } from "../../parts.js";
import { may, whyNot } from "../../session.js";

/** {element, update(state), failed(error, state)}. */
export function notices(name) {
  const element = h("div", { class: "stack", hidden: true });
  let known = new Set();
  // Texts have counts in them that change with each look: what is new is announced, not they.
  const tell = (entries) => {
    const times = {};
    const items = entries.map(([kind, text, about = text]) => {
      const topic = `${kind} ${about}`;
      times[topic] = (times[topic] ?? 0) + 1;
      return { kind, text, key: `${topic} ${times[topic]}` };
    });
    keyed(
      element,
      items,
      ({ key }) => key,
      ({ kind }) => {
        const words = h("span", null);
        return { element: notice(kind, words), update: ({ text }) => setText(words, text) };
      },
    );
    show(element, items.length > 0);
    const fresh = items.filter(({ key }) => !known.has(key));
    if (fresh.length) announce(fresh.map(({ text }) => text).join(" "));
    else if (known.size && !items.length) announce("Nothing needs attention any more.");
    known = new Set(items.map(({ key }) => key));
  };
  const update = ({ now, model }) => {
    const entries = (now?.attention ?? []).map(({ level, message, about }) => [
      level,
      message,
      about,
    ]);
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
