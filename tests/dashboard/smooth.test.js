// Fifty models, and a model with two hundred features: what arrives while nobody does anything never holds up the page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { atEnd } from "./support/ends.js";
import { sums } from "./support/onnx.js";
import { bells, profiled } from "./support/profile.js";
import { Repository } from "./support/repository.js";
import { Server } from "./support/server.js";
import { settled } from "./support/views.js";

const MODELS = 50;
const FEATURES = 200;
const SECONDS = 30;
const LONGEST = 50;

const names = Array.from({ length: FEATURES }, (_, at) => `feature_${String(at).padStart(3, "0")}`);

async function started(t) {
  const repository = new Repository(t).files("wide", { "model.toml": `features = ${JSON.stringify(names)}\n[drift]\nwindow = "5s"\n` });
  repository.version("wide", 1, { "model.onnx": sums(FEATURES) });
  profiled(repository, "wide", bells(names, 3000));
  for (let at = 1; at < MODELS; at += 1) repository.version(`model-${String(at).padStart(2, "0")}`, 1, { "model.onnx": "scale_1" });
  return { repository, server: await Server.start(t, repository.root) };
}

/** A little traffic to every model, so that each answer brings other figures. */
function traffic(t, server) {
  let over = false;
  const small = { inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }] };
  const rows = bells(names, 40, 7).split("\n").slice(1, -1);
  const wide = { inputs: [{ name: "x", datatype: "FP32", shape: [rows.length, FEATURES], data: rows.flatMap((row) => row.split(",").map(Number)) }] };
  const run = async () => {
    for (let at = 1; !over; at = (at % (MODELS - 1)) + 1) {
      await server.infer(`model-${String(at).padStart(2, "0")}`, small);
      if (at % 10 === 0) await server.infer("wide", wide);
    }
  };
  const running = run();
  atEnd(t, async () => {
    over = true;
    await running;
  });
}

/** Changes of the document while the page is only looked at. */
async function changes(page, seconds) {
  return page.evaluate(
    (within) =>
      new Promise((resolve) => {
        let changes = 0;
        const observer = new MutationObserver((records) => (changes += records.length));
        observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
        setTimeout(() => {
          observer.disconnect();
          resolve(changes);
        }, within * 1000);
      }),
    seconds,
  );
}

/**
 * The tasks of the page's main thread during `looking`, longest first, by the browser's own trace:
 * {wall, cpu} in milliseconds. They differ where the models that are asked meanwhile had the core.
 */
async function tasks(repository, page, looking) {
  const path = join(repository.base, "trace.json");
  const browser = page.context().browser();
  await browser.startTracing(page, { path, categories: ["toplevel", "disabled-by-default-toplevel"] });
  try {
    await looking();
  } finally {
    await browser.stopTracing();
  }
  const { traceEvents: events } = JSON.parse(readFileSync(path, "utf8"));
  const threads = new Set(events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  return events
    .filter(({ name, ph, pid, tid }) => /\bRunTask$/.test(name) && ph === "X" && threads.has(`${pid} ${tid}`))
    .map(({ dur, tdur }) => ({ wall: dur / 1000, cpu: tdur / 1000 }))
    .sort((a, b) => b.wall - a.wall);
}

async function staysSmooth(t, { repository, visit, path }) {
  await settled(visit.page).catch(() => {});
  const before = visit.requests.length;
  let changed = 0;
  const found = await tasks(repository, visit.page, async () => (changed = await changes(visit.page, SECONDS)));
  const asked = visit.requests.slice(before).filter((url) => new URL(url).pathname === path).length;
  const longest = found.slice(0, 4).map(({ wall, cpu }) => `${wall.toFixed(0)} ms (${cpu.toFixed(0)} of them on a core)`);
  t.diagnostic(`${path}: ${asked} updates, ${changed} changes of the document, ${found.length} tasks, the longest: ${longest.join(", ")}`);
  assert.ok(asked >= 3, `updates arrived meanwhile: ${asked}`);
  assert.ok(changed > 0, "and were shown");
  assert.ok(found.length > 100, "the trace has the tasks");
  const long = found.filter(({ wall, cpu }) => wall > LONGEST && !(cpu <= LONGEST));
  assert.deepEqual(long, [], `tasks of more than ${LONGEST} ms`);
}

test("no task of 50 ms or more while the figures of fifty models change", { timeout: 240_000 }, async (t) => {
  const { repository, server } = await started(t);
  traffic(t, server);
  const visit = await Visit.open(t, server);
  await visit.page.getByRole("link", { name: "model-49", exact: true }).waitFor();
  await staysSmooth(t, { repository, visit, path: "/api/overview" });
});

test("no task of 50 ms or more while the drift of two hundred features changes", { timeout: 240_000 }, async (t) => {
  const { repository, server } = await started(t);
  traffic(t, server);
  const visit = await Visit.open(t, server, { hash: "#/models/wide/health" });
  await visit.page.getByText("feature_199").first().waitFor();
  await staysSmooth(t, { repository, visit, path: "/api/models/wide/drift" });
});
