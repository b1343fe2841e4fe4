// What a version had to show before it served, against its bars.

import { h, keyed, setText, show } from "../../dom.js";
import { ms } from "../../format.js";
import { badge, empty, section, table, wasTakenBack } from "../../parts.js";

const KINDS = ["signature", "contract", "profile", "quality", "golden", "latency", "evaluation"];

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
    show(nothing, checks.length === 0);
    setText(nothing, why(version));
  };
  return { element, update };
}

function why(version) {
  if (version === null) return "No version is chosen.";
  if (wasTakenBack(version.reason))
    return `It had passed its gate and served, and was taken back (${version.reason}). Checks are kept while a version serves.`;
  if (version.reason) return `It did not come as far as the gate: ${version.reason}`;
  return "Nothing is known of its checks: they are kept while a version serves.";
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
    const found = figures(check.kind, check.detail);
    setText(measured, found.measured);
    setText(bar, found.bar);
    setText(detail, check.detail);
    setText(took, ms(check.took_ms));
  };
  return { element, update };
}

/** The checks of a version; of a refused one what its reason says, which begins with the one that it did not pass. */
export function checksOf(version) {
  if (version === null) return [];
  if (version.gate) return version.gate;
  const match = /^([a-z]+): ([\s\S]*)$/.exec(version.reason ?? "");
  if (!match || !KINDS.includes(match[1])) return [];
  const at = KINDS.indexOf(match[1]);
  return KINDS.map((kind, index) => {
    if (index < at) return { kind, outcome: "not failed", detail: "passed, or nothing to check" };
    if (index === at) return { kind, outcome: "failed", detail: match[2] };
    return { kind, outcome: "skipped", detail: `the check “${match[1]}” has failed` };
  });
}

const SCORE = /^(\w+ -?[\d.]+(?:e-?\d+)?(?: [mu]?s)?)(?: \(bar ([^)]+)\))?(?:,|$)/;
const MARGIN = /, live version \d+: ([^,]+), worse by more than ([^,]+)/;

/** What was measured and the bar that counted, where a detail says both: "p99 31 us (bar 20.00 ms), p50 …". */
export function figures(kind, detail) {
  const score = ["latency", "evaluation"].includes(kind) && SCORE.exec(detail);
  if (score) {
    const readable = (text) => (text ?? "–").replace(/ us$/, " µs");
    const [, live, margin] = MARGIN.exec(detail) ?? [];
    return {
      measured: readable(score[1]),
      bar: live ? `live ${live}, at most ${margin} worse` : readable(score[2]),
    };
  }
  const part = kind === "golden" && /at most (\d+ %)/.exec(detail);
  return part ? { measured: part[1], bar: "100 %" } : { measured: "–", bar: "–" };
}
