// What a version had to show before it served, against its bars.

import { h, keyed, setText, show } from "../../dom.js";
import { ms, number, share } from "../../format.js";
import { badge, empty, section, table, wasTakenBack } from "../../parts.js";

// What each check asks, so that a skipped one is understood.
const QUESTIONS = {
  signature: "Can callers of the live version go on?",
  contract: "Are its rules about what the model has?",
  profile: "Is it the profile of this model file?",
  quality: "Does the model make the prediction that is watched?",
  golden: "Are the examples answered as they were?",
  latency: "Is a run of one row fast enough?",
  evaluation: "Is the score on the evaluation data good enough?",
};

const COLUMNS = [
  { title: "Check" },
  { title: "Outcome" },
  { title: "Measured", number: true },
  { title: "Bar", number: true },
  { title: "In words" },
  { title: "Took", number: true },
];

/** {element, update(version)}: a version of /api/models, or null. */
export function gate() {
  const list = table({
    caption: "Checks before service",
    columns: COLUMNS,
    cards: true,
    className: "gate",
  });
  const nothing = empty("");
  const element = section("Gate", { className: "wide" }, list.element, nothing);
  const update = (version) => {
    const checks = checksOf(version);
    keyed(
      list.body,
      checks,
      ({ kind }) => kind,
      ({ kind }) => row(list.row, kind),
    );
    show(list.element, checks.length > 0);
    const others = version?.refused && version.gate;
    show(nothing, checks.length === 0 || others);
    setText(
      nothing,
      others
        ? "These are of files that were refused. What serves came before them."
        : why(version),
    );
  };
  return { element, update };
}

function why(version) {
  if (version === null) return "No version is chosen.";
  if (wasTakenBack(version.reason))
    return `It had passed its gate and served, and was taken back (${version.reason}). Checks are kept while a version serves.`;
  if (version.reason) return `It did not come as far as the gate: ${version.reason}`;
  return "Nothing is known of its checks: they are kept while a version serves, or as long as its files are refused.";
}

function row(make, kind) {
  const outcome = badge("off", "");
  const [measured, bar, detail, took] = [
    h("span", null),
    h("span", null),
    h("span", null),
    h("span", null),
  ];
  const name = h("span", { title: QUESTIONS[kind] }, kind);
  const element = make(name, outcome.element, measured, bar, detail, took);
  const update = (check) => {
    outcome.update({ passed: "good", failed: "bad" }[check.outcome] ?? "off", check.outcome);
    const found = figures(check.figures);
    setText(measured, found.measured);
    setText(bar, found.bar);
    setText(detail, check.detail);
    setText(took, ms(check.took_ms));
  };
  return { element, update };
}

/** The checks of files that were refused, before those of what serves. */
export const checksOf = (version) => version?.refused ?? version?.gate ?? [];

const READABLE = {
  p99_seconds: ["p99", (seconds) => ms(seconds * 1000)],
  tolerance: ["tolerance", share],
};

/** What was measured and the bars, as texts. */
export function figures(of) {
  const [name, readable] = READABLE[of[0]?.name] ?? [of[0]?.name, number];
  const bar = ({ at_least: least, at_most: most, live_version: live }) => {
    if (least === undefined && most === undefined) return [];
    const text = least === undefined ? `at most ${readable(most)}` : `at least ${readable(least)}`;
    return [live === undefined ? text : `${text} (from version ${live})`];
  };
  return {
    measured: of.length > 0 ? `${name} ${readable(of[0].measured)}` : "–",
    bar: of.flatMap(bar).join(", ") || "–",
  };
}
