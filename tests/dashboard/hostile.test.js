// Names that others chose are texts: markup in them is shown, and never run.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { classifier } from "./support/onnx.js";
import { profiled } from "./support/profile.js";
import { Repository, directory } from "./support/repository.js";
import { Server } from "./support/server.js";
import { predict, settled } from "./support/views.js";

/** Would run if it became markup, an attribute, or a script. */
const attack = (number) => `"'><img src=x onerror=globalThis.__ran=${number}><script>globalThis.__ran=${number}</script>`;

const MODELS = [`<img src=x onerror=globalThis.__ran=1>`, `"><svg onload=globalThis.__ran=2>`, "__proto__", "%3Cimg src=x onerror=globalThis.__ran=3%3E", "constructor", "a?b#c&d=%25"];
const TEXT = attack(4);
const NUMBER = "__proto__";
const CATEGORIES = [attack(5), "toString", "<blink>bold</blink>"];
const CLASSES = [attack(6), "__proto__"];
const HOSTILE = MODELS[0];

const quoted = (text) => `"${text.replaceAll('"', '""')}"`;

function rows(count) {
  const lines = Array.from({ length: count }, (_, at) => `${quoted(CATEGORIES[at % 3])},${(at * 37) % 100}`);
  return `${quoted(TEXT)},${NUMBER}\n${lines.join("\n")}\n`;
}

function request(category, number) {
  return {
    inputs: [
      { name: TEXT, datatype: "BYTES", shape: [1, 1], data: [category] },
      { name: NUMBER, datatype: "FP32", shape: [1, 1], data: [number] },
    ],
  };
}

async function started(t) {
  const repository = new Repository(t);
  const file = classifier({ text: TEXT, number: NUMBER, categories: CATEGORIES, classes: CLASSES });
  for (const name of MODELS) repository.version(name, 1, { "model.onnx": file });
  profiled(repository, HOSTILE, rows(3000));
  const contract = [
    'mode = "quarantine"',
    "values = true",
    "[[feature]]",
    `name = ${JSON.stringify(TEXT)}`,
    `set = ${JSON.stringify(CATEGORIES)}`,
    "[[feature]]",
    `name = ${JSON.stringify(NUMBER)}`,
    "max = 100",
  ];
  repository.files(HOSTILE, { "contract.toml": contract.join("\n"), "model.toml": '[drift]\nwindow = "2s"\n' });
  // Refused, with these names in the reason.
  const wanted = [{ name: "label", datatype: "BYTES", shape: [1], data: [attack(7)] }];
  const golden = JSON.stringify({ examples: [{ request: request(CATEGORIES[0], 1), response: { outputs: wanted } }] });
  repository.version(HOSTILE, 2, { "model.onnx": file, "golden.json": golden });
  const root = directory(t);
  mkdirSync(join(root, "in"));
  writeFileSync(join(root, "in", `<img src=x onerror=globalThis.__ran=8>.csv`), rows(10));
  const server = await Server.start(t, repository.root, { arguments: ["--job-root", root] });
  return { server, repository };
}

/** Elements that only markup in a name could have made. */
function planted() {
  const found = document.querySelectorAll("[onerror], [onload], img[src=x], script:not([src]), blink");
  return [...found].map((element) => element.outerHTML.slice(0, 200));
}

async function nothingRan(page) {
  assert.equal(await page.evaluate(() => globalThis.__ran), undefined, "a script of a name ran");
  assert.deepEqual(await page.evaluate(planted), [], "a name became an element");
}

const hash = (name, view = "") => `#/models/${encodeURIComponent(name)}${view}`;

test("scripts in names of models, features, categories, classes, reasons and files never run, and are shown as they are", { timeout: 180_000 }, async (t) => {
  const { server } = await started(t);
  for (const name of MODELS) {
    const answer = await server.infer(name, request(CATEGORIES[0], 1));
    assert.deepEqual(answer.outputs[0].data, [CLASSES[0]], "the model answers with the hostile class");
  }
  const refused = await server.version(HOSTILE, 2, (version) => version.state === "UNAVAILABLE");
  const broken = await server.ask("POST", `/v2/models/${encodeURIComponent(HOSTILE)}/infer`, request(attack(9), 1000));
  assert.equal(broken.status, 400, broken.text);
  for (let at = 0; at < 300; at += 1) await server.infer(HOSTILE, request(CATEGORIES[at % 3], at % 100));
  const job = { model: HOSTILE, input: "in/*.csv", output: `out/<img src=x onerror=globalThis.__ran=10>.csv` };
  await server.json("POST", "/api/jobs", job);
  await server.json("POST", "/api/jobs", { ...job, input: attack(11).replaceAll("/", "|"), output: "other.csv" });

  const visit = await Visit.open(t, server, { mayFail: /status of 4/ });
  const { page } = visit;
  const main = page.getByRole("main");
  for (const name of MODELS) await main.getByRole("link", { name, exact: true }).waitFor();
  await nothingRan(page);

  for (const name of MODELS) {
    await visit.go("#/");
    await main.getByRole("link", { name, exact: true }).click();
    await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
    await settled(page);
    await nothingRan(page);
  }

  await visit.go(hash(HOSTILE));
  await main.getByText(refused.reason).first().waitFor();
  await nothingRan(page);

  await visit.go(hash(HOSTILE, "/health"));
  await main.getByText(TEXT).first().waitFor();
  await settled(page);
  await nothingRan(page);

  await visit.go(hash(HOSTILE, "/try"));
  await predict(page).waitFor();
  await nothingRan(page);

  await visit.go("#/jobs");
  const jobs = page.getByRole("table", { name: /^Jobs/ });
  await jobs.getByText(job.output).first().waitFor();
  const closed = jobs.getByRole("button", { expanded: false });
  while ((await closed.count()) > 0) await closed.first().click();
  await settled(page);
  await nothingRan(page);
});

test("what was typed into a form is sent and shown as it is", { timeout: 120_000 }, async (t) => {
  const { server } = await started(t);
  const { page } = await Visit.open(t, server, { hash: hash(HOSTILE, "/try"), mayFail: /status of 4/ });
  const main = page.getByRole("main");
  await predict(page).click();
  await main.getByText(CLASSES[0]).first().waitFor();
  await nothingRan(page);
});
