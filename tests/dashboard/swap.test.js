// A new version comes while somebody looks: the overview and the page of the model follow.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Repository, golden } from "./support/repository.js";
import { Server } from "./support/server.js";
import { modelRow, versionRow } from "./support/views.js";

const scale = (factor) => ({ "model.onnx": `scale_${factor}`, "golden.json": golden([1, 2, 3], [factor, 2 * factor, 3 * factor]) });

/** A refused version is an error in the log, and no more than that. */
async function started(t, ...arguments_) {
  const repository = new Repository(t).version("scale", 1, scale(1));
  const server = await Server.start(t, repository.root, { arguments: arguments_ });
  return { repository, server };
}

/** Of the gate's checks. */
const checkRow = (page, kind) => page.getByRole("table", { name: "Checks before service" }).getByRole("row").filter({ has: page.getByRole("rowheader", { name: kind }) });

test("a new version is seen on the open overview and on the open page of its model", { timeout: 120_000 }, async (t) => {
  const { repository, server } = await started(t);
  const overview = await Visit.open(t, server);
  const model = await Visit.open(t, server, { hash: "#/models/scale" });
  const row = modelRow(overview.page, "scale");
  await row.getByText("v1", { exact: true }).waitFor();
  await versionRow(model.page, 1).waitFor();
  const documents = [overview, model].map((visit) => visit.requests.filter((url) => new URL(url).pathname === "/").length);

  repository.version("scale", 2, scale(2));

  await row.getByText("v2", { exact: true }).waitFor();
  await versionRow(model.page, 2).getByText("ready", { exact: true }).waitFor();
  const later = [overview, model].map((visit) => visit.requests.filter((url) => new URL(url).pathname === "/").length);
  assert.deepEqual(later, documents, "nobody loaded the page anew");
});

test("a version that fails its gate is shown with the reason, and the one before as serving", { timeout: 120_000 }, async (t) => {
  const { repository, server } = await started(t);
  const overview = await Visit.open(t, server);
  const model = await Visit.open(t, server, { hash: "#/models/scale" });

  // What scale_3 answers is not what the example says.
  repository.version("scale", 2, { ...scale(3), "golden.json": golden([1, 2, 3], [2, 4, 6]) });

  const refused = await server.version("scale", 2, (version) => version.state === "UNAVAILABLE");
  assert.match(refused.reason, /golden/, "the server says why");
  const row = modelRow(overview.page, "scale");
  await row.getByText(/version 2 failed/).waitFor();
  await versionRow(model.page, 2).getByText("unavailable", { exact: true }).waitFor();
  // All of the server's words, wherever the page breaks them.
  await model.page.getByText(refused.reason).first().waitFor();
  await versionRow(model.page, 1).getByText("ready", { exact: true }).waitFor();
});

test("what a refused version was measured at stands beside its bar", { timeout: 120_000 }, async (t) => {
  const { repository, server } = await started(t);
  const { page } = await Visit.open(t, server, { hash: "#/models/scale" });
  repository.files("scale", { "model.toml": '[gate]\nmax_latency_p99 = "1us"\n' }).version("scale", 2, scale(2));
  await server.version("scale", 2, (version) => version.state === "UNAVAILABLE");

  await versionRow(page, 2).getByRole("button", { name: /details of/i }).click();
  const row = checkRow(page, "latency");
  await row.getByText("failed", { exact: true }).waitFor();
  await row.getByText(/^p99 [\d.]+ (µs|ms)$/).waitFor();
  await row.getByText(/^at most /).waitFor();
});

test("a version is promoted and rolled back, each after a dialog that says what will change", { timeout: 120_000 }, async (t) => {
  const repository = new Repository(t).files("scale", { "model.toml": 'versions = "all"\ntraffic = { 1 = 1 }\n' });
  repository.version("scale", 1, scale(1)).version("scale", 2, scale(2));
  const server = await Server.start(t, repository.root);
  const answering = async () => (await server.infer("scale", { inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], data: [1, 1, 1] }] })).model_version;
  assert.equal(await answering(), "1");
  const { page } = await Visit.open(t, server, { hash: "#/models/scale" });

  await page.getByRole("button", { name: /promote version 2/i }).click();
  const promote = page.getByRole("dialog");
  await promote.getByText(/version 2/).first().waitFor();
  await promote.getByRole("button", { name: "Cancel" }).click();
  await promote.waitFor({ state: "detached" });
  assert.equal(await answering(), "1", "nothing changes without the dialog's yes");

  await page.getByRole("button", { name: /promote version 2/i }).click();
  await page.getByRole("dialog").getByRole("button", { name: /promote/i }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await answering(), "2");

  await page.getByRole("button", { name: /roll back/i }).click();
  await page.getByRole("dialog").getByRole("button", { name: /roll back/i }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await answering(), "1");
});

test("what a version had to show stands beside the bar that it had to reach", { timeout: 120_000 }, async (t) => {
  const repository = new Repository(t).files("scale", { "model.toml": '[gate]\nmax_latency_p99 = "5s"\n' }).version("scale", 1, scale(1));
  const server = await Server.start(t, repository.root);
  const { page } = await Visit.open(t, server, { hash: "#/models/scale" });
  const check = (kind) => checkRow(page, kind);
  await check("golden").getByText("passed", { exact: true }).waitFor();
  await check("latency").getByText("passed", { exact: true }).waitFor();
  await check("latency").getByText(/^at most 5\.0+ s$/).waitFor();
  await check("evaluation").getByText("skipped", { exact: true }).waitFor();
});
