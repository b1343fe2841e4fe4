// Every view for everybody: axe's rules in light and dark, on a desk and on a phone. Pictures of what was looked at are kept.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Flights, hurried } from "./support/flights.js";
import { inParts, parts, slow } from "./support/jobs.js";
import { axe } from "./support/packages.js";
import { Repository, directory, golden, shippedFile } from "./support/repository.js";
import { Server } from "./support/server.js";
import { VIEWS, settled } from "./support/views.js";
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
  const root = directory(t);
  const server = await Server.start(t, repository.root, { arguments: ["--job-root", root, "--job-threads", "1"] });
  parts(root, 4);
  parts(root, 200, "many");
  const done = await server.json("POST", "/api/jobs", inParts("done/"));
  await eventually("a job has ended", async () => (await server.json("GET", `/api/jobs/${done.id}`)).state === "succeeded");
  const failed = await server.json("POST", "/api/jobs", inParts("failed/", "nothing/*.csv")).catch(() => null);
  if (failed) await eventually("another has failed", async () => (await server.json("GET", `/api/jobs/${failed.id}`)).state === "failed");
  await server.json("POST", "/api/jobs", inParts("running/", "many/*.csv"));
  await drifted(server);
  return server;
}

async function drifted(server) {
  const flights = new Flights();
  const warmer = (row) => ({ ...row, temp: row.temp === null ? null : row.temp + 40 });
  await server.ask("POST", "/v2/models/flight-delay/infer", flights.request(1, (row) => ({ ...row, hour: 99 })));
  await eventually("the temperature has drifted", async () => {
    await server.infer("flight-delay", flights.request(100, warmer));
    const report = (await server.json("GET", "/api/models/flight-delay/drift")).versions["2"];
    return report.features.some((feature) => feature.name === "temp" && feature.state === "drifted");
  }, { within: 60_000 });
}

function serious(found) {
  const worst = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return worst.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
}

test("no view has serious findings of axe, in light and dark, on a desk and on a phone", { timeout: 300_000 }, async (t) => {
  const server = await started(t);
  const findings = {};
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const visit = await Visit.open(t, server, { colorScheme, viewport, reducedMotion: "reduce" });
      for (const [name, hash] of VIEWS) {
        await visit.go(hash);
        await settled(visit.page);
        const found = serious(await visit.page.evaluate(`${axe.source}; axe.run(document, { resultTypes: ["violations"] })`));
        if (found.length) findings[`${name}, ${colorScheme}, ${size}`] = found;
        const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) findings[`${name}, ${colorScheme}, ${size}: wider than the screen`] = wide;
        const suffix = size === "desk" ? "" : `-${size}`;
        await visit.page.screenshot({ path: join(process.env.DASHBOARD_SHOTS, `${name}-${colorScheme}${suffix}.png`), fullPage: size === "desk" });
      }
    }
  }
  assert.deepEqual(findings, {});
});
