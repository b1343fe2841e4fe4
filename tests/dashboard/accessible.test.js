// Every view for everybody: axe's rules in light and dark, on a desk and on a phone. Pictures of what was looked at are kept.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Flights, Replay, hurried, warmer } from "./support/flights.js";
import { inParts, parts, slow } from "./support/jobs.js";
import { axe } from "./support/packages.js";
import { Repository, directory, golden, shippedFile } from "./support/repository.js";
import { Server } from "./support/server.js";
import { VIEWS, predict, settled } from "./support/views.js";
import { eventually } from "./support/wait.js";

const SIZES = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const WINDOW = 4;

/** Something of everything: drift, a refused version, jobs in several states. */
async function started(t) {
  const files = (version, names) => Object.fromEntries(names.map((name) => [name, shippedFile(`flight-delay/${version}/${name}`)]));
  const repository = slow(new Repository(t)).shipped("digits").shipped("text-direction").shipped("file-type");
  const settings = `[drift]\nwindow = "${WINDOW}s"\n[quality]\nscore = "probabilities.late"\n[gate]\nmax_latency_p99 = "200ms"\n`;
  repository.files("flight-delay", { "model.toml": settings, "contract.toml": shippedFile("flight-delay/contract.toml").toString().replace('"reject"', '"quarantine"') });
  repository.version("flight-delay", 2, { ...files(2, ["model.onnx", "golden.json"]), "profile.json": hurried(WINDOW) });
  repository.version("scale", 1, { "model.onnx": "scale_1" });
  repository.version("scale", 2, { "model.onnx": "scale_3", "golden.json": golden([1, 2, 3], [2, 4, 6]) });
  repository.files("two", { "model.toml": 'versions = "all"\n' });
  for (const version of [1, 2]) repository.version("two", version, { "model.onnx": `scale_${version}` });
  const root = directory(t);
  const server = await Server.start(t, repository.root, { arguments: ["--job-root", root, "--job-threads", "1"] });
  parts(root, 4);
  parts(root, 200, "many");
  const done = await server.json("POST", "/api/jobs", inParts("done/"));
  await eventually("a job has ended", async () => (await server.json("GET", `/api/jobs/${done.id}`)).state === "succeeded");
  const failed = await server.json("POST", "/api/jobs", inParts("failed/", "nothing/*.csv")).catch(() => null);
  if (failed) await eventually("another has failed", async () => (await server.json("GET", `/api/jobs/${failed.id}`)).state === "failed");
  await server.json("POST", "/api/jobs", inParts("running/", "many/*.csv"));
  await drifted(t, server);
  return server;
}

/** Flights of another season come until the test ends, and the page has something to say of them. */
async function drifted(t, server) {
  const broken = new Flights().request(1, (row) => ({ ...row, hour: 99 }));
  assert.equal((await server.ask("POST", "/v2/models/flight-delay/infer", broken)).status, 400);
  new Replay(t, server, warmer(22));
  const seen = async () => {
    const report = (await server.json("GET", "/api/models/flight-delay/drift")).versions["2"];
    return report.features.some((feature) => feature.name === "temp" && feature.state === "drifted");
  };
  await eventually("the temperature has drifted", seen, { within: 60_000, every: 200 });
}

function serious(found) {
  const worst = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return worst.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
}

async function findings(page) {
  return serious(await page.evaluate(`${axe.source}; axe.run(document, { resultTypes: ["violations"] })`));
}

test("no view has serious findings of axe, in light and dark, on a desk and on a phone", { timeout: 300_000 }, async (t) => {
  const server = await started(t);
  const found = {};
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const visit = await Visit.open(t, server, { colorScheme, viewport, reducedMotion: "reduce" });
      const { page } = visit;
      for (const [name, hash] of VIEWS) {
        await visit.go(name === "health" ? `${hash}?feature=temp` : hash);
        await settled(page);
        if (name === "health") await page.getByRole("img", { name: /^temp: reference and now/ }).waitFor();
        if (name === "try") await answered(page);
        const where = `${name}, ${colorScheme}, ${size}`;
        await tall(page, viewport);
        found[where] = await findings(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) found[where].push(`it is ${wide} pixels wider than the screen`);
        const suffix = size === "desk" ? "" : `-${size}`;
        await page.screenshot({ path: join(process.env.DASHBOARD_SHOTS, `${name}-${colorScheme}${suffix}.png`) });
        await page.setViewportSize(viewport);
      }
    }
  }
  assert.deepEqual(found, Object.fromEntries(Object.keys(found).map((where) => [where, []])));
});

/** A screen as high as the page: what is never seen is neither laid out nor checked. */
async function tall(page, { width, height }) {
  const whole = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.max(height, Math.min(whole, 6000)) });
  await page.evaluate(() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown))));
}

async function answered(page) {
  await predict(page).click();
  await page.getByRole("region", { name: "Answer" }).getByText(/answered in/).waitFor();
}

/** What opens over a view: a button, on which view, and what the dialog is called. */
const DIALOGS = [
  ["#/models/two", /^promote version 1/i],
  ["#/models/two", /^change routing/i],
  ["#/models/two", /^roll back/i],
  ["#/models/flight-delay/health", /rows of the quarantine/i],
  ["#/jobs", /^cancel job/i],
];

test("no dialog has serious findings of axe, in light and dark", { timeout: 300_000 }, async (t) => {
  const server = await started(t);
  const found = {};
  for (const colorScheme of ["light", "dark"]) {
    const visit = await Visit.open(t, server, { colorScheme });
    for (const [hash, button] of DIALOGS) {
      await visit.go(hash);
      await visit.page.getByRole("button", { name: button }).first().click();
      await visit.page.getByRole("dialog").waitFor();
      found[`${button}, ${colorScheme}`] = await findings(visit.page);
      await visit.page.keyboard.press("Escape");
      await visit.page.getByRole("dialog").waitFor({ state: "detached" });
    }
  }
  assert.deepEqual(found, Object.fromEntries(Object.keys(found).map((where) => [where, []])));
});
