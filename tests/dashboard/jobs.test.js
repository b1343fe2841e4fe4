// Batch jobs are followed to their end, cancelled, and tried again; schedules say when they run.

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { inParts, parts, slow } from "./support/jobs.js";
import { Repository, directory } from "./support/repository.js";
import { Server } from "./support/server.js";

/** Jobs run only where nothing else wants the processor: on a busy machine that takes long. */
const ENDS_WITHIN = { timeout: 240_000 };
const TEST = { timeout: 300_000 };

async function started(t, more = "") {
  const repository = slow(new Repository(t));
  const root = directory(t);
  const config = join(repository.base, "onnxd.toml");
  writeFileSync(config, more);
  const server = await Server.start(t, repository.root, { arguments: ["--job-root", root, "--job-threads", "1", "--config", config] });
  return { root, server };
}

const row = (page, job) => page.getByRole("row").filter({ hasText: job.id }).first();

test("a job's progress is seen while it runs, and its end without loading the page anew", TEST, async (t) => {
  const { root, server } = await started(t);
  // The page looks once a second, and a quick machine has ten done by then.
  parts(root, 100);
  const { page } = await Visit.open(t, server, { hash: "#/jobs" });
  const job = await server.json("POST", "/api/jobs", inParts("out/"));
  const seen = new Set();
  const bar = row(page, job).getByRole("progressbar");
  await bar.waitFor(ENDS_WITHIN);
  while (seen.size < 3) {
    const now = await bar.getAttribute("aria-valuenow", ENDS_WITHIN);
    if (Number(now) > 0) seen.add(now);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  const values = [...seen].map(Number);
  assert.deepEqual(values, [...values].sort((a, b) => a - b), "it only grows");
  await row(page, job).getByText("succeeded").waitFor(ENDS_WITHIN);
  assert.ok(existsSync(join(root, "out/000.parquet")));
});

test("a job is cancelled and tried again from the page, and the second time it ends well", TEST, async (t) => {
  const { root, server } = await started(t);
  parts(root, 40);
  const { page } = await Visit.open(t, server, { hash: "#/jobs" });
  const job = await server.json("POST", "/api/jobs", inParts("out/"));
  await row(page, job).getByText("running").waitFor(ENDS_WITHIN);
  await row(page, job).getByRole("button", { name: /cancel/i }).click();
  await page.getByRole("dialog").getByRole("button", { name: /cancel job|yes|stop/i }).click();
  await row(page, job).getByText("cancelled").waitFor(ENDS_WITHIN);
  await row(page, job).getByRole("button", { name: /retry|try again/i }).click();
  await row(page, job).getByText("succeeded").waitFor(ENDS_WITHIN);
});

test("a job that failed says why", TEST, async (t) => {
  const { root, server } = await started(t);
  parts(root, 1);
  writeFileSync(join(root, "in/001.csv"), "c0,c1\n1,2\n");
  const { page } = await Visit.open(t, server, { hash: "#/jobs" });
  const job = await server.json("POST", "/api/jobs", inParts("out/"));
  await row(page, job).getByText("failed").first().waitFor(ENDS_WITHIN);
  const { error } = await server.json("GET", `/api/jobs/${job.id}`);
  await page.getByText(error).first().waitFor();
});

test("schedules say when they run next, and one is run now", TEST, async (t) => {
  const schedule = `[[schedule]]\nname = "nightly"\ncron = "0 3 1 1 *"\ntime_zone = "Europe/Berlin"\nmodel = "slow"\ninput = "in/*.csv"\noutput = "out/"\noutput_format = "parquet"\n`;
  const { root, server } = await started(t, schedule);
  parts(root, 3);
  const { page } = await Visit.open(t, server, { hash: "#/jobs" });
  const scheduled = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /nightly/ }) }).first();
  await scheduled.getByText("Europe/Berlin").waitFor();
  const year = new Date().getUTCFullYear() + 1;
  await scheduled.getByText(new RegExp(`${year}|next`)).first().waitFor();
  await scheduled.getByRole("button", { name: /run/i }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /run/i }).click();
  await scheduled.getByText("succeeded").first().waitFor(ENDS_WITHIN);
});
