// Jobs, the newest first: rows that stay the same elements, with what is known of one below it; and
// the schedules that make jobs.

import { ask, path } from "../../api.js";
import { confirm, h, keyed, setAttribute, setStyle, setText, show, toast, uniqueId } from "../../dom.js";
import { ago, bytes, count, duration, time } from "../../format.js";
import { badge, empty, facts, guarded, notice, section, table } from "../../parts.js";
import { to } from "../../routes.js";
import { codeText } from "../try/faults.js";
import { canRetry, codesText, driftedText, inputText, isActive, paceText, percent, progressText, stateOf, verdictOf } from "./words.js";

const COLUMNS = [{ title: "Job" }, { title: "State" }, { title: "Progress" }, { title: "Rate" }, { title: "Bad rows" }, { title: "Drift" }, { title: "Actions", hidden: true }];

/** {element, set(jobs)}: `changed()` is called after something was done to a job. */
export function jobList(changed) {
  const shell = table({ caption: "Jobs, the newest first", columns: COLUMNS, cards: true, className: "jobs" });
  const opened = new Set();
  let jobs = [];

  function set(next) {
    jobs = next;
    const active = shell.body.contains(document.activeElement) ? document.activeElement : null;
    const row = active?.closest("tr");
    const place = [...shell.body.children].indexOf(row);
    const entries = jobs.flatMap((job) => {
      const entry = { key: `row ${job.id}`, job, isOpen: opened.has(job.id) };
      return entry.isOpen ? [entry, { key: `detail ${job.id}`, job, isDetail: true }] : [entry];
    });
    keyed(shell.body, entries, ({ key }) => key, (entry) => (entry.isDetail ? detailRow() : jobRow(shell, entry.job, { toggle, changed })));
    // A button that goes takes the focus with it: on to its row, the next one, or the page.
    if (active === null || active.checkVisibility()) return;
    const heir = row.isConnected ? row : (shell.body.children[place] ?? shell.body.lastElementChild);
    (heir?.querySelector(".feature") ?? document.getElementById("main")).focus();
  }

  function toggle(id) {
    if (!opened.delete(id)) opened.add(id);
    set(jobs);
  }

  return { element: shell.element, set };
}

function jobRow(shell, { id, request }, { toggle, changed }) {
  const button = h("button", { type: "button", class: "link feature", onclick: () => toggle(id) }, inputText(request.input));
  const model = h("a", { href: to.model(request.model) }, request.model);
  const when = h("span", { class: "hint" });
  const head = h("div", { class: "job-head" }, button, h("span", { class: "hint" }, "by ", model, " into ", h("span", null, request.output)), h("span", { class: "hint" }, h("span", { class: "mono" }, id), " ", when));
  const state = badge("off", "");
  const why = h("p", { class: "problem small" });
  const bar = progressBar(`Progress of job ${id}`);
  const done = h("span", { class: "hint" });
  const [pace, bad, codes] = [h("span", null), h("span", null), h("span", { class: "hint" })];
  const verdict = badge("off", "");
  const actions = actionsOf(id, request, changed);
  return {
    element: shell.row(head, h("div", null, state.element, why), h("div", { class: "job-progress" }, bar.element, done), pace, h("div", null, bad, " ", codes), verdict.element, actions.element),
    update({ job, isOpen }) {
      setAttribute(button, "aria-expanded", String(isOpen));
      state.update(...stateOf(job.state));
      setText(why, job.error);
      show(why, Boolean(job.error));
      show(bar.element, job.state === "running" || (job.state === "waiting" && job.progress.fraction !== null));
      bar.set(percent(job.progress));
      setText(done, job.state === "waiting" && job.progress.rows === 0 ? "not begun" : progressText(job.progress));
      setText(pace, paceText(job));
      setText(bad, count(job.summary?.bad ?? job.progress.bad));
      setAttribute(bad, "class", job.progress.bad > 0 ? "warns" : null);
      setText(codes, codesText(job.summary?.codes));
      const found = verdictOf(job.summary);
      show(verdict.element, found !== null);
      if (found) verdict.update(found.kind, found.word);
      setText(when, whenText(job));
      actions.update(job);
    },
  };
}

function whenText({ created, started, ended }) {
  if (ended) return `ended ${ago(ended)}`;
  return started ? `begun ${ago(started)}` : `asked for ${ago(created)}`;
}

/** {element, set(percent or null)}. */
export function progressBar(label) {
  const fill = h("span", { class: "fill" });
  const element = h("div", { class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
  return {
    element,
    set(value) {
      setAttribute(element, "aria-valuenow", value);
      setAttribute(element, "class", value === null ? "progress unknown" : "progress");
      setStyle(fill, { width: value === null ? "100%" : `${value}%` });
    },
  };
}

// ---- Actions

function actionsOf(id, request, changed) {
  const what = inputText(request.input);
  const cancel = guarded("operate", "Cancel", () => cancels(id, what, changed), { kind: "small", name: `Cancel job ${id}` });
  const retry = guarded("operate", "Retry", () => retries(id, changed), { kind: "small", name: `Retry job ${id}` });
  const forget = guarded("operate", "Forget", () => forgets(id, what, changed), { kind: "small quiet", name: `Forget job ${id}` });
  return {
    element: h("div", { class: "row" }, cancel.element, retry.element, forget.element),
    update(job) {
      show(cancel.element, isActive(job));
      show(retry.element, canRetry(job));
      show(forget.element, !isActive(job));
      [cancel, retry, forget].forEach((each) => each.update());
    },
  };
}

async function cancels(id, what, changed) {
  const lines = [`Job ${id} over ${what} ends soon. What is done so far stays, so that a retry goes on from there; outputs that are not whole do not appear.`];
  const run = () => ask("DELETE", path("api/jobs", id));
  if (await confirm({ title: "Cancel this job?", lines, action: "Cancel job", cancel: "Let it run", danger: true, run })) changed();
}

async function forgets(id, what, changed) {
  const lines = [`The server forgets job ${id} over ${what} and removes what it has left unfinished. Outputs that are whole stay.`];
  const run = () => ask("DELETE", path("api/jobs", id));
  if (await confirm({ title: "Forget this job?", lines, action: "Forget job", cancel: "Keep it", danger: true, run })) changed();
}

async function retries(id, changed) {
  try {
    await ask("POST", path("api/jobs", id, "retry"));
    toast("The job waits and goes on where it ended.", "good");
  } catch (error) {
    toast(error.message, "bad");
  }
  changed();
}

// ---- Details

function detailRow() {
  const known = facts();
  const outputs = h("div", null);
  const extra = h("div", { class: "stack" });
  const cell = h("td", { colspan: COLUMNS.length, class: "detail", role: "cell" }, h("div", { class: "stack" }, known.element, outputs, extra));
  let drawn = "";
  return {
    element: h("tr", { role: "row", class: "detail-row", id: uniqueId("job") }, cell),
    update({ job }) {
      known.update(factsOf(job));
      const signature = JSON.stringify([job.summary, job.request]);
      if (signature === drawn) return;
      drawn = signature;
      outputs.replaceChildren(...filesOf(job));
      extra.replaceChildren(...noticesOf(job));
    },
  };
}

function factsOf(job) {
  const { request, summary } = job;
  return [
    ["Model", request.model],
    ["Version", job.version === null ? (request.version ?? "as requests are routed") : `${job.version}${request.version === undefined || request.version === null ? "" : ` (asked for: ${request.version})`}`],
    ["Model file", job.sha256 ? job.sha256.slice(0, 12) : null],
    ["Attempts", count(job.attempts)],
    ["Schedule", job.schedule ? `${job.schedule.name}, for ${time(job.schedule.scheduled_for)}` : null],
    ["Asked for", time(job.created)],
    ["Begun", job.started ? time(job.started) : null],
    ["Ended", job.ended ? time(job.ended) : null],
    ["A bad row", { fail: "ends the job", null: "has no predictions", drop: "is left out" }[request.on_bad_row] ?? null],
    ["Bad rows at most", request.max_bad_rows ?? null],
    ["Columns kept", request.keep?.join(", ") ?? null],
    ["Drift", request.fail_on_drift ? "fails the job" : null],
    ["Shard", request.shard ?? null],
    ["Rows", summary ? count(summary.rows) : null],
    ["Rows written", summary ? count(summary.written) : null],
    ["Warned", summary?.warned ? count(summary.warned) : null],
    ["Repaired", summary?.repaired ? count(summary.repaired) : null],
    ["Last attempt", summary ? duration(summary.seconds) : null],
  ];
}

const MOST_FILES = 20;

function filesOf({ request, summary }) {
  const inputs = [request.input].flat();
  const listed = (title, names) => h("div", null, h("h3", null, title), h("ul", { class: "mono" }, names.slice(0, MOST_FILES).map((name) => h("li", null, name)), names.length > MOST_FILES ? h("li", null, `and ${count(names.length - MOST_FILES)} more`) : null));
  const outputs = summary ? summary.outputs.map(({ name, bytes: size }) => `${name}, ${bytes(size)}`) : [request.output];
  const others = [summary?.rejects, summary?.manifest].filter(Boolean);
  return [listed("Inputs", inputs), listed("Outputs", outputs), others.length > 0 ? listed("Beside them", others) : null].filter(Boolean);
}

function noticesOf({ summary }) {
  if (!summary) return [];
  const codes = Object.entries(summary.codes).filter(([, times]) => times > 0);
  const bad = codes.length > 0 && h("div", null, h("h3", null, "Bad rows"), h("ul", { class: "codes" }, codes.map(([code, times]) => h("li", null, h("code", null, code), `, ${codeText(code)}: ${count(times)}`))));
  const { drift } = summary;
  const verdict = drift && drift.drifted > 0 && notice("warning", `All rows together are not as the reference ${drift.reference}: ${driftedText(drift)}.`);
  return [bad, verdict].filter(Boolean);
}

const SCHEDULE_COLUMNS = [{ title: "Schedule" }, { title: "When" }, { title: "Next run" }, { title: "Last run" }, { title: "Last success" }, { title: "Actions", hidden: true }];

/** {element, set(schedules)}. */
export function scheduleList(changed) {
  const shell = table({ caption: "Schedules", columns: SCHEDULE_COLUMNS, cards: true });
  const none = empty("There are no schedules. A [[schedule]] in the file of the configuration makes one (docs/jobs.md has an example).");
  const element = section("Schedules", {}, shell.element, none);
  const set = (schedules) => {
    show(shell.element, schedules.length > 0);
    show(none, schedules.length === 0);
    keyed(shell.body, schedules, ({ name }) => name, (schedule) => scheduleRow(shell, schedule, changed));
  };
  set([]);
  return { element, set };
}

function scheduleRow(shell, { name, model }, changed) {
  const head = h("div", { class: "job-head" }, h("span", null, name), h("span", { class: "hint" }, "by ", h("a", { href: to.model(model) }, model)));
  const [cron, zone] = [h("code", null), h("span", { class: "hint" })];
  const next = twoLines();
  const last = badge("off", "");
  const [lastWhen, lastWhy] = [h("span", { class: "hint" }), h("p", { class: "problem small" })];
  const success = twoLines();
  const run = guarded("operate", "Run now", () => runs(name, changed), { kind: "small", name: `Run now: ${name}` });
  return {
    element: shell.row(head, h("div", null, cron, " ", zone), next.element, h("div", { class: "job-head" }, last.element, lastWhen, lastWhy), success.element, run.element),
    update(schedule) {
      setText(cron, schedule.cron);
      setText(zone, schedule.time_zone);
      next.set(...nextText(schedule));
      const { kind, word, at, error } = lastOf(schedule);
      last.update(kind, word);
      setText(lastWhen, at);
      setText(lastWhy, error);
      show(lastWhy, Boolean(error));
      const { last_success: good } = schedule;
      success.set(good ? time(good.at) : "never", good ? ago(good.at) : "");
      run.update(schedule.running ? "Its last run has not ended yet." : null);
    },
  };
}

function twoLines() {
  const [first, second] = [h("span", null), h("span", { class: "hint" })];
  return {
    element: h("div", { class: "job-head" }, first, second),
    set(one, two) {
      setText(first, one);
      setText(second, two);
    },
  };
}

/** What comes next: [when, in words]. */
export function nextText({ next_run: next, running, retry }) {
  const again = retry ? `attempt ${retry.attempt} of the last run ${ago(retry.at)}` : "";
  if (next === null) return ["no further run", again];
  return [time(next), [running ? "when the run that goes on has ended" : ago(next), again].filter(Boolean).join("; ")];
}

/** How the last run ended, or that one goes on: {kind, word, at, error}. */
export function lastOf({ running, last_run: last }) {
  if (running) return { kind: "busy", word: "running", at: `since ${time(running.at)}, attempt ${running.attempt}`, error: null };
  if (!last) return { kind: "off", word: "never ran", at: "", error: null };
  const [kind, word] = stateOf(last.outcome ?? "waiting");
  return { kind, word, at: `${time(last.at)}${last.attempt > 1 ? `, attempt ${last.attempt}` : ""}`, error: last.error ?? null };
}

async function runs(name, changed) {
  const lines = [`A job of “${name}” is begun now, beside its times. It waits while others run.`];
  const run = () => ask("POST", path("api/schedules", name, "run"));
  if (!(await confirm({ title: "Run this schedule now?", lines, action: "Run now", run }))) return;
  toast("Its job waits.", "good");
  changed();
}
