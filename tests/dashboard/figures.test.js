// What a server does is seen as figures: rates on the overview, plots of the history on the page of a model.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Replay } from "./support/flights.js";
import { Repository } from "./support/repository.js";
import { Server } from "./support/server.js";
import { modelRow } from "./support/views.js";
import { eventually } from "./support/wait.js";

const PLOTS = ["Requests per second", "Latency", "Stages, mean of a request", "Rows of a run, mean", "Queue", "Memory"];

/** The number in the column of a row of the overview. */
async function figure(page, model, title) {
  const head = await page.getByRole("columnheader").allInnerTexts();
  const cells = modelRow(page, model).getByRole("cell");
  // The first column is the row's header.
  const text = await cells.nth(head.findIndex((one) => one.trim() === title) - 1).innerText();
  return Number.parseFloat(text.replaceAll(/[^\d.–-]/g, ""));
}

test("requests are seen on the overview as they come, and in the plots of the model", { timeout: 180_000 }, async (t) => {
  const repository = new Repository(t).shipped("flight-delay").shipped("digits");
  const server = await Server.start(t, repository.root, { arguments: ["--prometheus-url", "http://127.0.0.1:9/prometheus"] });
  const { page } = await Visit.open(t, server);
  await modelRow(page, "digits").waitFor();
  new Replay(t, server);
  await eventually("a rate", async () => (await figure(page, "flight-delay", "Requests/s")) > 1, { within: 60_000 });
  assert.ok((await figure(page, "flight-delay", "p99")) > 0, "and how long they took");
  assert.ok(!((await figure(page, "digits", "Requests/s")) > 0), "nobody asked the other model");
  const link = page.getByRole("link", { name: "Prometheus" });
  assert.equal(await link.getAttribute("href"), "http://127.0.0.1:9/prometheus");

  await page.getByRole("link", { name: "flight-delay", exact: true }).click();
  const history = page.getByRole("region", { name: "Over time" });
  for (const name of PLOTS) await history.getByRole("heading", { name }).waitFor();
  await eventually("three points of the history", async () => (await server.json("GET", "/api/models/flight-delay/history")).at.length >= 3, { within: 60_000 });
  await eventually("the plots are drawn", () => history.locator("canvas").evaluateAll((all) => all.length >= 6 && all.every((one) => one.width > 100 && one.height > 50)));
  await eventually("with ink on them", () =>
    history.locator("canvas").first().evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value, at) => at % 4 === 3 && value > 0);
    }),
  );
});
