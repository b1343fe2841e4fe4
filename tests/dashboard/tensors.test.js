// What is typed reaches the model to the last bit, and the code on the page does the same from elsewhere.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Repository } from "./support/repository.js";
import { Server } from "./support/server.js";
import { predict } from "./support/views.js";

/** Models that give back twice their three numbers, or the two texts, by datatype. */
const MODELS = {
  dtype_int64: { typed: ["4503599627370497", "-9007199254740993", "0"], shown: ["9007199254740994", "-18014398509481986", "0"], python: "[9007199254740994, -18014398509481986, 0]" },
  dtype_fp16: { typed: ["1.5", "", "-0.25"], shown: ["3", "NaN", "−0.5"], python: "(3.0, nan, -0.5)" },
  dtype_bytes: { typed: [`"'$(id)`, "ä\n</script>"], shown: [`"'$(id)`, "ä\n</script>"], python: `['"\\'$(id)', 'ä\\n</script>']` },
};

async function opened(t, model) {
  const repository = new Repository(t).version(model, 1, { "model.onnx": model });
  const server = await Server.start(t, repository.root);
  const { page } = await Visit.open(t, server, { hash: `#/models/${model}/try` });
  return page;
}

const lines = (text) => text.trim().split("\n");

async function code(page, kind) {
  await page.getByRole("group", { name: "The request as" }).getByRole("button", { name: kind }).click();
  const text = page.getByLabel(`The request as ${kind}`);
  await text.waitFor();
  return text.innerText();
}

for (const [model, { typed, shown, python }] of Object.entries(MODELS)) {
  test(`what is typed for ${model} comes back exactly, here and by curl and Python`, { timeout: 120_000 }, async (t) => {
    const page = await opened(t, model);
    for (const [at, text] of typed.entries()) await page.getByLabel(`x[${at}]`, { exact: true }).fill(text);
    await predict(page).click();
    const values = page.getByRole("group", { name: "y", exact: true }).getByRole("cell");
    await values.first().waitFor();
    assert.deepEqual(await values.evaluateAll((cells) => cells.map((cell) => cell.textContent)), shown);
    const answer = execFileSync("bash", ["-c", await code(page, "curl")], { encoding: "latin1" });
    assert.match(answer, new RegExp(`^{"model_name":"${model}"`));
    if (model === "dtype_int64") assert.match(answer, /\[9007199254740994,-18014398509481986,0\]/);
    const said = execFileSync("python3", ["-c", await code(page, "Python")], { encoding: "utf8", env: { ...process.env, PYTHONUTF8: "1" } });
    assert.deepEqual(lines(said), [`y [1, ${typed.length}] ${python}`]);
  });
}

test("what no element of a datatype can be is said at its field, and nothing is sent", { timeout: 120_000 }, async (t) => {
  const page = await opened(t, "dtype_int64");
  const asked = [];
  page.on("request", (request) => request.url().endsWith("/infer") && asked.push(request.url()));
  const field = page.getByLabel("x[1]", { exact: true });
  for (const [text, problem] of [["9223372036854775808", /goes from -9223372036854775808 to 9223372036854775807/], ["1.5", /whole number/], ["", /whole number/]]) {
    await field.fill(text);
    await predict(page).click();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    const described = await field.evaluate((element) => element.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id).textContent).join(" "));
    assert.match(described, problem);
  }
  await page.getByRole("alert").getByRole("button").first().click();
  assert.ok(await field.evaluate((element) => element === document.activeElement), "the list of faults leads to the field");
  assert.deepEqual(asked, []);
});

test("half precision is that of Python's struct, and JSON is read without loss", { timeout: 120_000 }, async (t) => {
  const page = await opened(t, "dtype_int64");
  const numbers = "[0.0, -0.0, 1/3, 65504.0, 65519.0, 6e-08, 2.98e-08, 6.1e-05, 2049.0, 2051.0, 1e-09] + [math.sin(k) * 2.0 ** (k % 40 - 25) for k in range(2000)]";
  const expected = JSON.parse(execFileSync("python3", ["-c", `import json,math,struct\nprint(json.dumps([[x, struct.unpack("<H", struct.pack("<e", x))[0]] for x in ${numbers}]))`], { encoding: "utf8" }));
  const wrong = await page.evaluate(async (pairs) => {
    const { half } = await import("./ui/views/try/request.js");
    return pairs.filter(([number, bits]) => half(number) !== bits);
  }, expected);
  assert.deepEqual(wrong, []);
  const found = await page.evaluate(async () => {
    const { read } = await import("./ui/views/try/json.js");
    const fails = (text) => {
      try {
        read(text);
        return false;
      } catch (error) {
        return error instanceof SyntaxError;
      }
    };
    const { list } = read('{"list": [9007199254740993, NaN, -Infinity, "\\u00e4", null]}');
    return { list: list.map(String), refused: ["", "[1,]", "{a:1}", "01", "1.", "[1]x", "[".repeat(70)].map(fails) };
  });
  assert.deepEqual(found.list, ["9007199254740993", "NaN", "-Infinity", "ä", "null"]);
  assert.ok(found.refused.every(Boolean), JSON.stringify(found.refused));
});
