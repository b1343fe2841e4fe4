// Without a mouse, and without anybody looking.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visit } from "./support/browser.js";
import { Repository, golden } from "./support/repository.js";
import { Server } from "./support/server.js";
import { predict, settled } from "./support/views.js";

const MOST_KEYS = 150;

async function started(t) {
  const repository = new Repository(t).shipped("digits").files("scale", { "model.toml": 'versions = "latest:2"\n' });
  for (const factor of [1, 2]) repository.version("scale", factor, { "model.onnx": `scale_${factor}`, "golden.json": golden([1, 2, 3], [factor, 2 * factor, 3 * factor]) });
  return Server.start(t, repository.root);
}

/** Goes on with Tab until the focus is where it is wanted, which must be seen on it. */
async function tabTo(page, wanted) {
  for (let pressed = 0; pressed < MOST_KEYS; pressed += 1) {
    await page.keyboard.press("Tab");
    const there = await wanted.evaluateAll((elements) => elements.some((element) => element === document.activeElement));
    if (!there) continue;
    const marked = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return style.outlineStyle !== "none" || style.boxShadow !== "none";
    });
    assert.ok(marked, "the focus is seen");
    return;
  }
  assert.fail(`${wanted} is not reached with ${MOST_KEYS} presses of Tab`);
}

test("from opening the page to the first answer with the keyboard alone", { timeout: 120_000 }, async (t) => {
  const server = await started(t);
  const { page } = await Visit.open(t, server);
  await page.getByRole("link", { name: "digits", exact: true }).waitFor();
  await tabTo(page, page.getByRole("link", { name: "digits", exact: true }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "digits" }).waitFor();
  await tabTo(page, page.getByRole("main").getByRole("link", { name: "Try it" }));
  await page.keyboard.press("Enter");
  await predict(page).waitFor();
  await tabTo(page, predict(page));
  await page.keyboard.press("Enter");
  await page.getByRole("main").getByText(/label/).first().waitFor();
});

test("a version is rolled back with the keyboard alone, and the focus comes back from the dialog", { timeout: 120_000 }, async (t) => {
  const server = await started(t);
  await server.version("scale", 2, (version) => version.state === "READY");
  const { page } = await Visit.open(t, server, { hash: "#/models/scale" });
  const button = page.getByRole("button", { name: /roll back/i });
  await button.waitFor();
  await tabTo(page, button);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  assert.ok(await dialog.evaluate((element) => element.contains(document.activeElement)), "the focus is in the dialog");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal((await server.model("scale")).serving, 2, "Escape changes nothing");
  assert.ok(await button.evaluate((element) => element === document.activeElement), "the focus is back");
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  await tabTo(page, dialog.getByRole("button", { name: /roll back/i }));
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  assert.equal((await server.model("scale")).serving, 1);
});

test("a page that nobody sees asks nothing, and catches up at once when it is seen again", { timeout: 120_000 }, async (t) => {
  const server = await started(t);
  const visit = await Visit.open(t, server);
  await visit.page.getByRole("link", { name: "digits", exact: true }).waitFor();
  await settled(visit.page);
  const looked = () => visit.requests.filter((url) => url.includes("/api/")).length;
  const hide = (hidden) =>
    visit.page.evaluate((now) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => now });
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (now ? "hidden" : "visible") });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await hide(true);
  const before = looked();
  // Longer than any pause between two looks; what is under way may still end.
  await visit.page.evaluate(() => new Promise((over) => setTimeout(over, 8000)));
  assert.ok(looked() - before <= 1, `${looked() - before} requests while hidden`);
  const answered = visit.page.waitForResponse((response) => response.url().includes("/api/overview"), { timeout: 1500 });
  await hide(false);
  await answered;
});
