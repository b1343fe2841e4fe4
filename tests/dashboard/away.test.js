// A server that goes away is said to be away; when it is back the page goes on by itself.

import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Repository } from "./support/repository.js";
import { Server } from "./support/server.js";
import { modelRow } from "./support/views.js";

test("an open page says that the server is away, keeps what it has, and goes on when the server is back", { timeout: 120_000 }, async (t) => {
  const repository = new Repository(t).version("scale", 1, { "model.onnx": "scale_1" });
  const server = await Server.start(t, repository.root);
  const { page } = await Visit.open(t, server, { mayFail: /net::ERR_/ });
  await modelRow(page, "scale").getByText("v1", { exact: true }).waitFor();
  await server.stop();
  await page.getByRole("banner").getByText("no connection").waitFor();
  await modelRow(page, "scale").waitFor();

  repository.version("scale", 2, { "model.onnx": "scale_2" });
  await Server.start(t, repository.root, { address: server.address });
  // Pauses between attempts grow to half a minute.
  await page.getByRole("banner").getByText("live").waitFor({ timeout: 45_000 });
  await modelRow(page, "scale").getByText("v2", { exact: true }).waitFor();
});
