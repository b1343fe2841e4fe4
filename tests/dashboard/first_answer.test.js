// Whoever opens a model for the first time has an answer of it after one press of a button.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Repository, SHIPPED, shippedFile } from "./support/repository.js";
import { Server } from "./support/server.js";

/** What is seen of the answer to the first golden example, from what the files say. */
function expected(model) {
  const version = model === "flight-delay" ? 2 : 1;
  const [{ response }] = JSON.parse(shippedFile(`${model}/${version}/golden.json`)).examples;
  return response.outputs;
}

for (const model of SHIPPED) {
  test(`the try-it form gives a first answer of ${model}`, { timeout: 120_000 }, async (t) => {
    const server = await Server.start(t, new Repository(t).shipped(model).root);
    const visit = await Visit.open(t, server);
    const { page } = visit;
    await page.getByRole("link", { name: model, exact: true }).click();
    await page.getByRole("main").getByRole("link", { name: "Try it" }).click();
    const asked = page.waitForResponse((response) => /\/infer$/.test(new URL(response.url()).pathname));
    await page.getByRole("button", { name: /^(predict|send|ask)/i }).click();
    const response = await asked;
    assert.equal(response.status(), 200);
    const outputs = expected(model);
    for (const output of outputs) await page.getByRole("main").getByText(output.name).first().waitFor();
  });
}
