// The versions of a model: state, reason of a failure, what share they get, and what can be done.

import { h, keyed, setAttribute, setText, show } from "../../dom.js";
import { ago, bytes, rate, share, time } from "../../format.js";
import { badge, guarded, section, table, versionState, wasTakenBack } from "../../parts.js";
import { labelsOf, resolve } from "./routing.js";

const COLUMNS = [
  { title: "Version" },
  { title: "State" },
  { title: "Traffic", number: true, hint: "Share of requests that name no version" },
  { title: "Labels" },
  { title: "Requests/s", number: true, hint: "In the last step of the history" },
  { title: "Loaded" },
  { title: "Memory", number: true },
  { title: "Actions" },
];

/**
 * {element, update(state)}. `act` has promote(version), shadow(version) and details(version).
 */
export function versions(act) {
  const list = table({ caption: "Versions", columns: COLUMNS, cards: true });
  const element = section("Versions", { className: "wide" }, list.element);
  const update = (state) => {
    const newest = [...state.model.versions].sort((a, b) => b.version - a.version);
    keyed(
      list.body,
      newest.map((version) => ({ version, state })),
      (item) => item.version.version,
      (item) => row(list.row, item.version.version, act),
    );
  };
  return { element, update };
}

function row(make, number, act) {
  const mark = badge("off", "");
  const reason = h("p", { class: "reason" });
  const part = h("span", null);
  const labels = h("span", null);
  const speed = h("span", null);
  const loaded = h("time", null);
  const memory = h("span", null);
  const name = h("span", { class: "version-name" });
  const of = `version ${number}`;
  const promote = guarded("operate", "Promote…", () => act.promote(number), {
    kind: "small",
    name: `Promote ${of}`,
  });
  const shadow = guarded("operate", "Shadow…", () => act.shadow(number), {
    kind: "small",
    name: `Make ${of} the shadow`,
  });
  const details = h(
    "button",
    {
      type: "button",
      class: "button small",
      "aria-label": `Details of ${of}`,
      onclick: () => act.details(number),
    },
    "Details",
  );
  const actions = h("div", { class: "row tight" }, promote.element, shadow.element, details);
  const element = make(
    name,
    h("div", null, mark.element, reason),
    part,
    labels,
    speed,
    loaded,
    memory,
    actions,
  );
  const update = ({ version, state: { model, live, shares, speeds, shown } }) => {
    const serves = version.state === "READY";
    setText(name, `v${number}${number === live ? " (live)" : ""}`);
    mark.update(...versionState(version.state, version.stage, version.reason));
    setText(reason, version.reason);
    show(reason, version.reason !== "");
    const isShadow = resolve(model.routing, model.routing.shadow) === number;
    setText(part, isShadow ? "copy" : serves ? share(shares[number] ?? 0) : "–");
    setText(
      labels,
      [...labelsOf(model.routing, number), ...(isShadow ? ["(shadow)"] : [])].join(", ") || "–",
    );
    setText(speed, rate(speeds[number] ?? null));
    setText(loaded, ago(version.loaded_at_unix));
    setAttribute(loaded, "title", version.loaded_at_unix ? time(version.loaded_at_unix) : null);
    setText(memory, bytes(version.memory_bytes));
    promote.update(
      serves
        ? shares[number] === 1
          ? "It gets all requests already."
          : null
        : "Only a version that is ready can be promoted.",
    );
    setText(shadow.element.firstChild, isShadow ? "End shadow…" : "Shadow…");
    setAttribute(
      shadow.element.firstChild,
      "aria-label",
      isShadow ? `End the shadow of ${of}` : `Make ${of} the shadow`,
    );
    shadow.update(shares[number] === 1 ? "It answers all requests itself." : null);
    setAttribute(details, "aria-current", shown === number ? "true" : null);
    setAttribute(
      element,
      "class",
      version.state !== "UNAVAILABLE" || !version.reason
        ? null
        : wasTakenBack(version.reason)
          ? "warning"
          : "bad",
    );
  };
  return { element, update };
}
