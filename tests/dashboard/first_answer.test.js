// Whoever opens a model for the first time has an answer of it after one press of a button, and then one for a file of their own.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { ROOT, Repository, SHIPPED, shippedFile } from "./support/repository.js";
import { Server } from "./support/server.js";
import { predict } from "./support/views.js";

/** The outputs of the first golden example, with which the form begins. */
function expected(model) {
  const version = model === "flight-delay" ? 2 : 1;
  const [{ response }] = JSON.parse(shippedFile(`${model}/${version}/golden.json`)).examples;
  return response.outputs;
}

/** Opens the form of a model as people do. */
async function form(t, model) {
  const server = await Server.start(t, new Repository(t).shipped(model).root);
  const { page } = await Visit.open(t, server);
  await page.getByRole("link", { name: model, exact: true }).click();
  await page.getByRole("main").getByRole("link", { name: "Try it" }).click();
  await page.getByRole("heading", { level: 1, name: model }).waitFor();
  return page;
}

/** Sends what the form has, and gives the part of the page with the answer. */
async function answer(page) {
  const asked = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith("/infer"));
  await predict(page).click();
  assert.equal((await asked).status(), 200);
  const section = page.getByRole("region", { name: "Answer" });
  await section.getByText(/version \d+ answered in/).waitFor();
  return section;
}

/** What stands first among the bars of an output, as a place or as its class's name. */
async function likeliest(section, output) {
  const first = section.getByRole("group", { name: output }).getByRole("list").first().getByRole("listitem").first();
  return (await first.innerText()).trim().split(/\s+/);
}

const place = ({ data }) => data.indexOf(Math.max(...data));

for (const model of SHIPPED) {
  test(`the try-it form gives a first answer of ${model}, with bars of its classes and the times of its stages`, { timeout: 120_000 }, async (t) => {
    const page = await form(t, model);
    const section = await answer(page);
    const outputs = expected(model);
    for (const output of outputs) {
      const group = section.getByRole("group", { name: output.name });
      await group.waitFor();
      if (output.data.length === 1) await group.getByText(String(output.data[0]), { exact: true }).waitFor();
    }
    const scores = outputs.find(({ data }) => data.length > 1);
    const names = model === "flight-delay" ? ["late", "on-time"] : scores.data.map((_, at) => String(at));
    assert.equal((await likeliest(section, scores.name))[0], names[place(scores)]);
    for (const stage of [/decod|read/i, /queue|wait/i, /infer|run|model/i, /encod|writ/i]) await section.getByRole("list", { name: "Time by stage" }).getByText(stage).first().waitFor();
  });
}

test("a text file becomes the tokens of file-type, and its kind is found", { timeout: 120_000 }, async (t) => {
  const page = await form(t, "file-type");
  await page.getByRole("main").getByLabel("File", { exact: true }).setInputFiles(join(ROOT, "models/file-type/samples/page.html"));
  await page.getByText(/page\.html/).first().waitFor();
  const section = await answer(page);
  const labels = shippedFile("file-type/labels.txt").toString().trim().split("\n");
  const [found] = await likeliest(section, "target_label");
  assert.equal(labels[Number(found)] ?? found, "html");
});

test("an image file becomes the pixels of text-direction, and it is found to be upside down", { timeout: 120_000 }, async (t) => {
  const page = await form(t, "text-direction");
  for (const [sample, wanted] of [["upside-down", "1"], ["upright", "0"]]) {
    await page.getByRole("main").getByLabel("Image", { exact: true }).setInputFiles(join(ROOT, `models/text-direction/samples/${sample}.pgm`));
    const section = await answer(page);
    const [found, ...share] = await likeliest(section, expected("text-direction")[0].name);
    assert.equal(found, wanted);
    assert.ok(Number.parseFloat(share.at(-2) ?? share.at(-1)) > 90, `it is sure: ${share}`);
  }
});

test("a drawing becomes the pixels of digits, and another drawing another digit", { timeout: 120_000 }, async (t) => {
  const page = await form(t, "digits");
  const before = await (await answer(page)).getByRole("group", { name: "label" }).innerText();
  await page.getByRole("button", { name: "Clear the drawing" }).click();
  const paper = page.getByRole("main").locator("canvas").first();
  const box = await paper.boundingBox();
  // One stroke from the top to the bottom: a one.
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.05);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.95, { steps: 20 });
  await page.mouse.up();
  const after = await (await answer(page)).getByRole("group", { name: "label" }).innerText();
  assert.notEqual(after, before, "it is no 2 any more");
});

test("a value that breaks the contract is refused in words at its field", { timeout: 120_000 }, async (t) => {
  const server = await Server.start(t, new Repository(t).shipped("flight-delay").root);
  const { page } = await Visit.open(t, server, { hash: "#/models/flight-delay/try", mayFail: /status of 400/ });
  await page.getByLabel("temp", { exact: true }).fill("400");
  await predict(page).click();
  await page.getByRole("alert").getByText(/at most 130/).first().waitFor();
  await page.getByLabel("temp", { exact: true }).fill("40");
  await answer(page);
});

test("the request as curl, Python and JSON says what the form says", { timeout: 120_000 }, async (t) => {
  const page = await form(t, "flight-delay");
  await page.getByLabel("temp", { exact: true }).fill("12.5");
  const section = page.getByRole("region", { name: "The same from elsewhere" });
  for (const kind of ["Python", "JSON", "curl"]) {
    await section.getByRole("button", { name: kind, exact: true }).click();
    await section.getByText(/12\.5/).waitFor();
  }
  assert.match(await section.locator("pre").innerText(), /^curl .*\/v2\/models\/flight-delay\/infer/);
});
