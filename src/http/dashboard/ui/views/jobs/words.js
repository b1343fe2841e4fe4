// What is said of jobs and schedules, and what a form of a job asks for. Nothing here knows of
// the page.

import { count, duration, number, plural, rate, share } from "../../format.js";

const STATES = {
  waiting: ["off", "waiting"],
  running: ["busy", "running"],
  succeeded: ["good", "succeeded"],
  failed: ["bad", "failed"],
  cancelled: ["warning", "cancelled"],
};

/** [kind, word] of a state. */
export function stateOf(state) {
  return Object.hasOwn(STATES, state) ? STATES[state] : ["off", String(state)];
}

export const isActive = ({ state }) => state === "running" || state === "waiting";
export const canRetry = ({ state }) => state === "failed" || state === "cancelled";

/** A text or a list of inputs in one line. */
export function inputText(input) {
  const all = [input].flat();
  return all.length > 2 ? `${all[0]} and ${count(all.length - 1)} more` : all.join(", ");
}

/** Percent of a job's files that was read, or null where it is not known. */
export function percent({ fraction }) {
  return fraction === null || fraction === undefined ? null : Math.floor(Math.min(1, Math.max(0, fraction)) * 1000) / 10;
}

/** "12 345 rows, 12.3 %". */
export function progressText({ rows, fraction }) {
  const part = fraction === null || fraction === undefined ? null : share(fraction);
  return [plural(rows, "row"), part].filter(Boolean).join(", ");
}

/** "1 204 rows/s, 4 min left" of a job that runs. */
export function paceText({ state, progress, summary }) {
  if (state === "running") {
    const speed = progress.rows_per_second === null ? null : `${rate(progress.rows_per_second)} rows/s`;
    const left = progress.remaining_seconds === null ? null : `${duration(progress.remaining_seconds)} left`;
    return [speed, left].filter(Boolean).join(", ") || "starting";
  }
  return summary ? `took ${duration(summary.seconds)}` : "";
}

/** "above_max: 7, pattern: 3", the most frequent first. */
export function codesText(codes) {
  return Object.entries(codes ?? {})
    .filter(([, times]) => times > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([code, times]) => `${code}: ${count(times)}`)
    .join(", ");
}

/** The verdict on drift: {kind, word} or null. */
export function verdictOf(summary) {
  const { drift } = summary ?? {};
  if (!drift) return null;
  if (drift.drifted === 0) return { kind: "good", word: `no drift in ${plural(drift.compared, "feature")}` };
  return { kind: "bad", word: `${count(drift.drifted)} of ${plural(drift.compared, "feature")} drifted` };
}

/** "temp (PSI 4.41), hour (PSI 0.52)" of what drifted, as far as the server lists it. */
export function driftedText({ features }) {
  return features
    .filter(({ state }) => state === undefined || state === "drifted")
    .map(({ name, scores }) => (scores?.psi === undefined ? name : `${name} (PSI ${number(scores.psi)})`))
    .join(", ");
}

/** Lines of a text without empty ones. */
export function lines(text) {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/**
 * What a form says as a request for a job: {request} or {faults: {field: message}}. `values` are
 * texts by the names of the request's keys, `fail_on_drift` a boolean.
 */
export function requestOf(values) {
  const faults = {};
  const text = (name) => values[name].trim();
  const input = lines(values.input);
  if (text("model") === "") faults.model = "Which model?";
  if (input.length === 0) faults.input = "Which files? One path, pattern or URL a line.";
  if (text("output") === "") faults.output = "Where to? A file, or a directory with a slash at its end.";
  if (text("max_bad_rows") !== "" && !/^([0-9]{1,19}|(100|[0-9]{1,2})(\.[0-9]+)?%)$/.test(text("max_bad_rows"))) {
    faults.max_bad_rows = "A number of rows as 100, or a share as 1%.";
  }
  if (text("shard") !== "" && !isShard(text("shard"))) faults.shard = "As 0/8: the first of eight.";
  if (Object.keys(faults).length > 0) return { faults };
  const request = { model: values.model, input, output: text("output"), on_bad_row: values.on_bad_row };
  for (const name of ["version", "input_format", "output_format", "rejects", "max_bad_rows", "shard"]) {
    if (text(name) !== "") request[name] = text(name);
  }
  const keep = lines(values.keep);
  if (keep.length > 0) request.keep = keep;
  if (values.fail_on_drift) request.fail_on_drift = true;
  return { request };
}

function isShard(text) {
  const [, index, of] = /^([0-9]{1,9})\/([1-9][0-9]{0,8})$/.exec(text) ?? [];
  return index !== undefined && Number(index) < Number(of);
}

/** The field that a refusal speaks of, by the words that the server uses, or null. */
export function fieldOf(message, values) {
  const names = Object.keys(values);
  const quoted = names.find((name) => message.includes(`\`${name}\``) || message.includes(`'${name}'`));
  if (quoted) return quoted;
  const first = names.find((name) => new RegExp(`^(malformed job: )?${name}\\b`, "i").test(message));
  const place = ["input", "output", "rejects"].find((name) => lines(values[name]).some((value) => message.includes(`'${value}'`)));
  return first ?? place ?? (/^Request for unknown model/.test(message) ? "model" : null);
}
