// Batch jobs and schedules: what runs and how far it is, what ended and how, and what can be done.

import { get, query } from "../api.js";
import { h, replace, setText, show, toast, uniqueId } from "../dom.js";
import { plural } from "../format.js";
import { empty, notice, section } from "../parts.js";
import { poll } from "../poll.js";
import { keepQuery } from "../routes.js";
import { may, onSession, whyNot } from "../session.js";
import { jobForm } from "./jobs/form.js";
import { jobList, scheduleList } from "./jobs/list.js";
import { isActive } from "./jobs/words.js";

/** Seconds between two looks while something runs; otherwise every so many of them. */
const SECONDS = 1;
const AT_REST = 5;
const MOST = 100;

const STATES = [
  ["", "all jobs"],
  ["waiting", "those that wait"],
  ["running", "those that run"],
  ["succeeded", "those that succeeded"],
  ["failed", "those that failed"],
  ["cancelled", "those that were cancelled"],
];

export function mount(root, { params: { query: asked }, title }) {
  title("Jobs");
  const body = h("div", { class: "stack" });
  replace(root, h("h1", null, "Jobs"), body);
  let page = null;
  const start = () => {
    // What was typed into the form stays.
    if (page && may("operate")) return;
    page?.stop();
    page = null;
    const reason = whyNot("operate");
    if (reason !== null) return replace(body, notice("warning", "Jobs name places of data, so even looking at them takes the role operate. ", reason));
    page = jobsPage(body, asked.state ?? "");
  };
  const end = onSession(start);
  start();
  return () => {
    end();
    page?.stop();
  };
}

function jobsPage(body, first) {
  let state = STATES.some(([name]) => name === first) ? first : "";
  let looks = 0;
  let active = false;
  let loaded = false;
  let before = new Map();
  const again = () => {
    looks = 0;
    return asking.again();
  };
  const problem = h("div", null);
  const content = h("div", { class: "stack" });
  const list = jobList(again);
  const schedules = scheduleList(again);
  const form = jobForm(again);
  const none = h("p", { class: "empty" }, "Loading…");
  const counted = h("p", { class: "hint" });
  const statesId = uniqueId("states");
  const states = h("select", { id: statesId }, STATES.map(([value, text]) => h("option", { value }, text)));
  states.value = state;
  states.addEventListener("change", () => {
    state = states.value;
    keepQuery({ state: state === "" ? null : state });
    again();
  });
  const aside = h("div", { class: "row" }, h("label", { for: statesId }, "Show"), states, form.opener);
  replace(content, section("Batch jobs", { aside }, form.element, list.element, none, counted), schedules.element);
  replace(body, problem, content);

  async function look(signal) {
    looks += 1;
    // Where nothing runs, four looks of five are left out.
    if (!active && (looks - 1) % AT_REST !== 0) return;
    const [{ jobs }, found] = await Promise.all([
      get(`api/jobs${query({ state: state === "" ? null : state, limit: MOST })}`, { signal }),
      get("api/schedules", { signal }),
    ]);
    active = jobs.some(isActive) || found.schedules.some(({ running }) => running !== null);
    loaded = true;
    replace(problem);
    show(content, true);
    tellEnds(jobs);
    list.set(jobs);
    show(list.element, jobs.length > 0);
    show(none, jobs.length === 0);
    setText(none, state === "" ? "There are no jobs yet. A job runs a model over files: onnxd reads them below the job root, and writes predictions." : `No job is ${state}.`);
    setText(counted, jobs.length === MOST ? `The newest ${MOST} are shown.` : plural(jobs.length, "job"));
    schedules.set(found.schedules);
  }

  /** Says which jobs have ended since the last look. */
  function tellEnds(jobs) {
    for (const job of jobs) {
      if (before.get(job.id) !== "running" || job.state === "running" || job.state === "cancelled") continue;
      toast(`Job ${job.id} ${job.state}.`, job.state === "succeeded" ? "good" : "bad");
    }
    before = new Map(jobs.map((job) => [job.id, job.state]));
  }

  function failed(error) {
    looks = 0;
    const off = error.status === 403;
    show(content, !off && loaded);
    replace(problem, off ? whyOff(error.message) : notice("warning", error.message));
  }

  const asking = poll(SECONDS, look, failed);
  return { stop: () => asking.stop() };
}

/** Jobs are off until somebody says where they may read and write. */
function whyOff(message) {
  const command = "onnxd serve models --job-root /srv/jobs --state-dir /var/lib/onnxd";
  return h(
    "div",
    { class: "stack" },
    notice("info", message),
    empty("Whoever may operate could read and replace files through jobs, so the server has none until job-root (a directory) or job-prefixes (URLs) says where. With state-dir they outlive a restart:"),
    h("pre", { tabindex: "0", "aria-label": "The command" }, command),
  );
}
