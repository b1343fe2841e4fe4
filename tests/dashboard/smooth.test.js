// Fifty models, and a model with two hundred features: what arrives while nobody does anything never holds up the page.

import assert from "node:assert/strict";
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

/** What the machine's other work holds up does so once, what the page does every time. */
const ROUNDS = 3;

const names = Array.from({ length: FEATURES }, (_, at) => `feature_${String(at).padStart(3, "0")}`);

async function started(t) {
  const repository = new Repository(t).files("wide", { "model.toml": `features = ${JSON.stringify(names)}\n[drift]\nwindow = "5s"\n` });
  repository.version("wide", 1, { "model.onnx": sums(FEATURES) });
  profiled(repository, "wide", bells(names, 3000));
  for (let at = 1; at < MODELS; at += 1) repository.version(`model-${String(at).padStart(2, "0")}`, 1, { "model.onnx": "scale_1" });
  return Server.start(t, repository.root);
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

/** Long tasks and changes of the document while the page is only looked at, in milliseconds and by number. */
async function observed(page, seconds) {
  return page.evaluate(
    (within) =>
      new Promise((resolve) => {
        const tasks = [];
        let changes = 0;
        const long = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => Math.round(entry.duration))));
        const document_ = new MutationObserver((records) => (changes += records.length));
        long.observe({ type: "longtask" });
        document_.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
        setTimeout(() => {
          long.disconnect();
          document_.disconnect();
          resolve({ tasks, changes });
        }, within * 1000);
      }),
    seconds,
  );
}

async function staysSmooth(t, visit, path) {
  await settled(visit.page).catch(() => {});
  const found = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = visit.requests.length;
    const seen = await observed(visit.page, SECONDS);
    const asked = visit.requests.slice(before).filter((url) => new URL(url).pathname === path).length;
    t.diagnostic(`${path}: ${asked} updates, ${seen.changes} changes of the document, long tasks: ${seen.tasks.join(", ") || "none"}`);
    assert.ok(asked >= 3, `updates arrived meanwhile: ${asked}`);
    assert.ok(seen.changes > 0, "and were shown");
    if (seen.tasks.every((task) => task <= LONGEST)) return;
    found.push(seen.tasks);
  }
  assert.fail(`tasks of more than ${LONGEST} ms in each of ${ROUNDS} rounds: ${JSON.stringify(found)}`);
}

test("no task of 50 ms or more while the figures of fifty models change", { timeout: 240_000 }, async (t) => {
  const server = await started(t);
  traffic(t, server);
  const visit = await Visit.open(t, server);
  await visit.page.getByRole("link", { name: "model-49", exact: true }).waitFor();
  await staysSmooth(t, visit, "/api/overview");
});

test("no task of 50 ms or more while the drift of two hundred features changes", { timeout: 240_000 }, async (t) => {
  const server = await started(t);
  traffic(t, server);
  const visit = await Visit.open(t, server, { hash: "#/models/wide/health" });
  await visit.page.getByText("feature_199").first().waitFor();
  await staysSmooth(t, visit, "/api/models/wide/drift");
});
