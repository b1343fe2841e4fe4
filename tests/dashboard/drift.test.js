// Flights of winter, then of summer: the page says which feature has drifted, and shows how.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { atEnd } from "./support/ends.js";
import { Flights, hurried } from "./support/flights.js";
import { Repository, shippedFile } from "./support/repository.js";
import { Server } from "./support/server.js";
import { modelRow } from "./support/views.js";
import { eventually } from "./support/wait.js";

const WINDOW = 4;
const ROWS = 100;

/** Summer: fifty degrees more, as far as the contract allows. */
const warmer = (row) => ({ ...row, temp: row.temp === null ? null : row.temp + 50 });

/** Sends flights until told to stop; what a change does from now on is seen at once. */
class Replay {
  constructor(t, server) {
    this.change = undefined;
    this.over = false;
    this.running = this.run(server, new Flights());
    atEnd(t, () => this.stop());
  }

  async run(server, flights) {
    while (!this.over) await server.infer("flight-delay", flights.request(ROWS, this.change));
  }

  async stop() {
    this.over = true;
    await this.running;
  }
}

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

  replay.change = warmer;

  await temperature.getByText("drifted").waitFor({ timeout: 60_000 });
  await modelRow(overview.page, "flight-delay").getByText("drifted", { exact: true }).waitFor();
  const colour = await temperature.getByText("drifted").evaluate((element) => getComputedStyle(element).color);
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  assert.ok(red > green + 40 && red > blue + 40, `the word is red: ${colour}`);
  const distribution = await eventually("what the server says", async () => {
    const answer = await server.json("GET", "/api/models/flight-delay/drift/distribution?feature=temp");
    return answer.bins.some((bin) => bin.current > 0.5) && answer;
  });
  await temperature.getByRole("link").or(temperature.getByRole("button")).first().click();
  const plot = page.getByRole("img", { name: /temp/ }).or(page.getByRole("figure", { name: /temp/ })).first();
  await plot.waitFor();
  assert.ok(distribution.bins.length > 0);
});
