// Keys: what each role sees, what it may not do and is told so, and where a key never is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { keys } from "./support/keys.js";
import { Repository, directory, golden } from "./support/repository.js";
import { Server } from "./support/server.js";
import { VIEWS, predict, settled } from "./support/views.js";

/** The server refuses here what the test provokes, and Chromium tells its console. */
const REFUSED = /status of (401|403)/;

async function started(t) {
  const repository = new Repository(t).shipped("flight-delay");
  repository.files("scale", { "model.toml": 'versions = "all"\ntraffic = { 1 = 1 }\n' });
  for (const factor of [1, 2]) repository.version("scale", factor, { "model.onnx": `scale_${factor}`, "golden.json": golden([1, 2, 3], [factor, 2 * factor, 3 * factor]) });
  const secret = keys(repository.base, { watcher: "metrics", caller: "predict", deployer: "operate", all: "predict,operate,metrics" });
  const server = await Server.start(t, repository.root, { arguments: ["--auth-keys", secret.file, "--job-root", directory(t)] });
  return { server, secret };
}

async function isDisabledBecause(button, role) {
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  const described = await button.evaluate((element) => document.getElementById(element.getAttribute("aria-describedby"))?.textContent);
  assert.match(described ?? "", new RegExp(role), "it says which role is lacking");
}

const promote = (page) => page.getByRole("button", { name: /promote version 2/i });

test("nobody sees models without a key, and a wrong key is refused in words", { timeout: 120_000 }, async (t) => {
  const { server, secret } = await started(t);
  const { page } = await Visit.open(t, server, { mayFail: REFUSED });
  const dialog = page.getByRole("dialog", { name: /sign in/i });
  await dialog.waitFor();
  await dialog.getByLabel(/key/i).fill(`${secret.watcher.slice(0, -1)}~`);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.getByText(/does not know this key/i).waitFor();
  assert.equal(await page.getByRole("link", { name: "scale", exact: true }).count(), 0);
  await dialog.getByLabel(/key/i).fill(secret.watcher);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "scale", exact: true }).waitFor();
});

test("who may read metrics sees everything of models, and cannot promote, predict or see jobs", { timeout: 120_000 }, async (t) => {
  const { server, secret } = await started(t);
  const visit = await Visit.open(t, server, { key: secret.watcher, mayFail: REFUSED });
  const { page } = visit;
  await page.getByRole("link", { name: "scale", exact: true }).waitFor();
  await visit.go("#/models/scale");
  await isDisabledBecause(promote(page), "operate");
  await promote(page).click({ force: true });
  assert.equal(await page.getByRole("dialog").count(), 0, "it does nothing");
  await visit.go("#/models/scale/try");
  await page.getByRole("main").getByText(/takes the role predict/).first().waitFor();
  assert.ok((await predict(page).count()) === 0 || (await predict(page).getAttribute("aria-disabled")) === "true");
  await visit.go("#/jobs");
  await page.getByRole("main").getByText(/role operate|operate/).first().waitFor();
  for (const [method, path] of [["POST", "/api/models/scale/rollback"], ["PUT", "/api/models/scale/routing"], ["GET", "/api/jobs"], ["POST", "/v2/models/scale/infer"]]) {
    const status = await page.evaluate(
      async ([how, where, key]) => (await fetch(where, { method: how, headers: { "x-api-key": key }, body: how === "GET" ? undefined : "{}" })).status,
      [method, path, secret.watcher],
    );
    assert.equal(status, 403, `${method} ${path} is refused by the server itself`);
  }
});

test("who may predict tries models, and is told which role shows the rest", { timeout: 120_000 }, async (t) => {
  const { server, secret } = await started(t);
  const visit = await Visit.open(t, server, { key: secret.caller, mayFail: REFUSED });
  const { page } = visit;
  await page.getByRole("main").getByText(/metrics/).first().waitFor();
  await visit.go("#/models/flight-delay/try");
  await predict(page).click();
  await page.getByRole("main").getByText("on-time").first().waitFor();
  await visit.go("#/models/scale");
  await page.getByRole("heading", { level: 1, name: "scale" }).waitFor();
  await isDisabledBecause(promote(page), "operate");
});

test("who may operate promotes and sees jobs, and is told which role shows the plots", { timeout: 120_000 }, async (t) => {
  const { server, secret } = await started(t);
  const visit = await Visit.open(t, server, { key: secret.deployer, mayFail: REFUSED });
  const { page } = visit;
  await page.getByRole("main").getByText(/metrics/).first().waitFor();
  await visit.go("#/models/scale");
  await promote(page).click();
  await page.getByRole("dialog").getByRole("button", { name: /promote/i }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal((await server.model("scale", { "x-api-key": secret.deployer })).serving, 2);
  await visit.go("#/jobs");
  await page.getByRole("heading", { name: /jobs/i }).first().waitFor();
});

test("a key is in no URL, in no element and in nothing that outlives the tab, and is gone after signing out", { timeout: 120_000 }, async (t) => {
  const { server, secret } = await started(t);
  const visit = await Visit.open(t, server, { key: secret.all, mayFail: REFUSED });
  const { page, context } = visit;
  for (const [, hash] of VIEWS) {
    await visit.go(hash);
    await settled(page);
    const said = await page.evaluate(() => document.documentElement.outerHTML + [...document.querySelectorAll("input, textarea")].map((one) => one.value).join("\n") + document.title + location.href + JSON.stringify(localStorage));
    assert.ok(!said.includes(secret.all), `in the document of ${hash}`);
  }
  assert.ok(!visit.requests.some((url) => url.includes(secret.all)), "in a URL");
  assert.deepEqual(await context.cookies(), []);
  await page.getByRole("button", { name: /sign out/i }).click();
  await page.getByRole("button", { name: "Sign in" }).first().waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});
