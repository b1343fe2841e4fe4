// Jobs that come back: when each runs next, how its last run ended, and running one now.

import { ask, path } from "../../api.js";
import { confirm, h, keyed, setText, show, toast } from "../../dom.js";
import { ago, time } from "../../format.js";
import { badge, empty, guarded, section, table } from "../../parts.js";
import { to } from "../../routes.js";
import { stateOf } from "./words.js";

const COLUMNS = [{ title: "Schedule" }, { title: "When" }, { title: "Next run" }, { title: "Last run" }, { title: "Last success" }, { title: "Actions", hidden: true }];

/** {element, set(schedules)}. */
export function scheduleList(changed) {
  const shell = table({ caption: "Schedules", columns: COLUMNS, cards: true });
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
