// Which version gets what share of the requests that name none: a bar and the same in words.

import { h, keyed, setAttribute, setStyle, setText, show } from "../dom.js";
import { share } from "../format.js";

const COLOURS = ["c1", "c2", "c3", "c4", "c5"];

/** {element, update(traffic, shadow)}: `traffic` has shares by version, as /api/overview says them. */
export function trafficBar() {
  const bar = h("span", { class: "split", "aria-hidden": "true" });
  const text = h("span", { class: "split-text" });
  const phrase = () => {
    const element = h("span", null);
    return { element, update: (words) => setText(element, words) };
  };
  const copy = h("span", { class: "small muted" });
  const element = h("div", { class: "traffic" }, bar, text, copy);
  const update = (traffic, shadow) => {
    const parts = Object.entries(traffic ?? {}).filter(([, part]) => part > 0);
    keyed(
      bar,
      parts,
      ([version]) => version,
      () => part(),
    );
    parts.forEach((_, index) =>
      setStyle(bar.children[index], {
        "background-color": `var(--${COLOURS[index % COLOURS.length]})`,
      }),
    );
    keyed(text, phrases(parts), (_, index) => index, phrase);
    setText(copy, shadow === null || shadow === undefined ? "" : `copy to v${shadow}`);
    show(copy, copy.textContent !== "");
    show(bar, parts.length > 1);
    setAttribute(
      element,
      "title",
      shadow ? `v${shadow} is a shadow: it gets a copy of the requests` : null,
    );
  };
  return { element, update };
}

function part() {
  const element = h("span", null);
  return { element, update: ([, size]) => setStyle(element, { flex: `${size} 0 0` }) };
}

/** ["all to v1"], ["v1 95 %, ", "v2 5 %"]: a line may break between them. */
export function phrases(parts) {
  if (parts.length === 0) return ["–"];
  if (parts.length === 1) return [`all to v${parts[0][0]}`];
  return parts.map(
    ([version, part], index) => `v${version} ${share(part)}${index < parts.length - 1 ? ", " : ""}`,
  );
}

/**
 * The version that gets most of the requests that name none. Where shares are set, that need not
 * be `serving`, which is the highest one that is ready.
 */
export function liveVersion({ serving, traffic }) {
  const entries = Object.entries(traffic ?? {}).filter(([, part]) => part > 0);
  if (entries.length === 0) return serving;
  const most = Math.max(...entries.map(([, part]) => part));
  const first = entries.filter(([, part]) => part === most).map(([version]) => Number(version));
  return first.includes(serving) ? serving : first.at(-1);
}
