// Flights of winter, then of summer: the page says which feature has drifted, and shows how.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Replay, hurried, warmer } from "./support/flights.js";
import { Repository, shippedFile } from "./support/repository.js";
import { Server } from "./support/server.js";
import { modelRow } from "./support/views.js";
import { eventually } from "./support/wait.js";

/** Seconds. */
const WINDOW = 4;

test("a replay of flights turns a feature red, and its plot shows what was and what is", { timeout: 180_000 }, async (t) => {
  const files = ["model.onnx", "golden.json"].map((name) => [name, shippedFile(`flight-delay/2/${name}`)]);
  const repository = new Repository(t).files("flight-delay", { "model.toml": `[drift]\nwindow = "${WINDOW}s"\n` });
  repository.version("flight-delay", 2, { ...Object.fromEntries(files), "profile.json": hurried(WINDOW) });
  const server = await Server.start(t, repository.root);
  const overview = await Visit.open(t, server);
  const { page } = await Visit.open(t, server, { hash: "#/models/flight-delay/health" });
  const replay = new Replay(t, server);
  const temperature = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /^temp\b/ }) }).first();
  await temperature.getByText("stable").waitFor({ timeout: 60_000 });

  replay.change = warmer(50);

  await temperature.getByText("drifted").waitFor({ timeout: 60_000 });
  await modelRow(overview.page, "flight-delay").getByText("drifted", { exact: true }).waitFor();
  const colour = await temperature.getByText("drifted").evaluate((element) => getComputedStyle(element).color);
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  assert.ok(red > green + 40 && red > blue + 40, `the word is red: ${colour}`);
  const distribution = await eventually("what the server says", async () => {
    const answer = await server.json("GET", "/api/models/flight-delay/drift/distribution?feature=temp");
    return answer.bins.some((bin) => bin.current > 0.5) && answer;
  });
  await temperature.getByRole("button", { name: "temp", exact: true }).click();
  const plot = page.getByRole("img", { name: /^temp: reference and now/ });
  await plot.waitFor();
  const drawn = (kind) => plot.locator(`rect.${kind}`).count();
  await eventually("both distributions are drawn", async () => (await drawn("hollow")) > 0 && (await drawn("solid")) > 0);
  const most = (side) => distribution.bins.reduce((best, bin) => (bin[side] > best[side] ? bin : best));
  assert.notEqual(most("reference").name, most("current").name, "they are not the same");
  assert.ok((await drawn("hollow")) >= distribution.bins.filter((bin) => bin.reference > 0.01).length, "all of the training is drawn");
});
