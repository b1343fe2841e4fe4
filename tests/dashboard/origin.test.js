// The page comes from the server alone, whole and small, wherever a proxy has put it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { Visit } from "./support/browser.js";
import { below } from "./support/proxy.js";
import { Repository, directory } from "./support/repository.js";
import { Server } from "./support/server.js";
import { VIEWS, settled } from "./support/views.js";

const MOST_BYTES = 150_000;

async function started(t) {
  const repository = new Repository(t).shipped("flight-delay").shipped("digits");
  return Server.start(t, repository.root, { arguments: ["--job-root", directory(t)] });
}

test("no view asks anything of another origin, and all of them together are small", { timeout: 120_000 }, async (t) => {
  const server = await started(t);
  const visit = await Visit.open(t, server);
  // Anything that is not the server's would hang here instead of being found by luck.
  await visit.context.route((url) => url.origin !== server.origin && !/^(blob|data):$/.test(url.protocol), (route) => route.abort());
  for (const [, hash] of VIEWS) {
    await visit.go(hash);
    await settled(visit.page);
  }
  assert.deepEqual(visit.foreign(), []);
  const files = new Set(visit.requests.map((url) => new URL(url).pathname).filter((path) => path === "/" || path.startsWith("/ui/")));
  assert.ok([...files].some((path) => path.includes("uplot.js")), "the plots are drawn with what the server sends");
  let bytes = 0;
  for (const path of files) bytes += gzipSync((await server.get(path, { accept: "text/html, */*" })).text).length;
  t.diagnostic(`${files.size} files, ${bytes} bytes when each is packed by itself`);
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
});

test("behind a path prefix every view works, and nothing outside of the prefix is asked for", { timeout: 120_000 }, async (t) => {
  const server = await started(t);
  const proxy = await below(t, server, "/models-ui");
  const visit = await Visit.open(t, proxy, { path: "/models-ui/" });
  await visit.page.getByRole("link", { name: "flight-delay", exact: true }).waitFor();
  for (const [, hash] of VIEWS) {
    await visit.go(hash);
    await settled(visit.page);
  }
  await visit.page.getByRole("link", { name: /models/i }).first().click();
  await visit.page.getByRole("link", { name: "digits", exact: true }).click();
  await visit.page.getByRole("heading", { level: 1, name: "digits" }).waitFor();
  const outside = proxy.seen.filter((path) => !path.startsWith("/models-ui/"));
  assert.deepEqual(outside, []);
});
