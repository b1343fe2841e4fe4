// Debian's Chromium with one page at a time, and everything that such a page may not do.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";

import { atEnd } from "./ends.js";
import { chromium } from "./packages.js";

/** Time for anything that a page is to show. */
export const SHOWN_WITHIN = 15_000;

let browser;
let visits = 0;

after(() => browser?.close());

async function launched() {
  // Chromium's own sandbox does not start as root, nor in most containers.
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM, args });
  return browser;
}

/** Run in each document before its own scripts: `breaches` and `ran` are what the policy stopped and what slipped through. */
function watch() {
  globalThis.__breaches = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    globalThis.__breaches.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
  });
}

/** A page, and what was seen of it. */
export class Visit {
  /** At the end of the test `t` the page must not have asked another origin, failed, or broken its own policy. */
  static async open(t, server, options = {}) {
    const { path = "/", hash = "#/", mayFail = /(?!)/, key, ...context } = options;
    const isolated = await (await launched()).newContext({ viewport: { width: 1280, height: 900 }, ...context });
    await isolated.addInitScript(watch);
    const page = await isolated.newPage();
    const visit = new Visit(server, isolated, page, mayFail);
    visit.name = t.name;
    page.setDefaultTimeout(SHOWN_WITHIN);
    atEnd(t, () => visit.close());
    visit.base = server.origin + path;
    await visit.go(hash);
    if (key) await visit.signIn(key);
    return visit;
  }

  constructor(server, context, page, mayFail) {
    Object.assign(this, { server, context, page, mayFail });
    this.requests = [];
    this.problems = [];
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("pageerror", (error) => this.problems.push(`error: ${error.stack ?? error}`));
    page.on("dialog", (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(`console: ${message.text()} (${message.location().url})`);
    });
  }

  /** Opens a view: the whole document for the first, a change of the hash later. */
  async go(hash) {
    await this.page.goto(this.base + hash);
    await this.page.getByRole("main").waitFor();
  }

  /** As somebody does who was asked for a key. */
  async signIn(key) {
    const dialog = this.page.getByRole("dialog", { name: "Sign in" });
    await dialog.getByLabel("Key").fill(key);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.waitFor({ state: "detached" });
  }

  async breaches() {
    return this.page.evaluate(() => globalThis.__breaches);
  }

  /** Requests to anywhere but the server that the page came from. */
  foreign() {
    const local = /^(blob|data):/;
    return this.requests.filter((url) => !local.test(url) && new URL(url).origin !== this.server.origin);
  }

  /** What the page looked like in the end, for whoever has to find out why a test failed. */
  async keepPicture() {
    const directory = join(process.env.DASHBOARD_SHOTS, "ends");
    mkdirSync(directory, { recursive: true });
    const name = `${this.name.replace(/\W+/g, "-").slice(0, 80)}-${visits++}.png`;
    await this.page.screenshot({ path: join(directory, name), fullPage: true });
  }

  async close() {
    await this.keepPicture().catch(() => {});
    const breaches = await this.breaches().catch(() => []);
    await this.context.close();
    assert.deepEqual(this.foreign(), [], "requests to elsewhere");
    assert.deepEqual(breaches, [], "what the page's policy stopped");
    assert.deepEqual(this.problems.filter((problem) => !this.mayFail.test(problem)), [], "what went wrong in the page");
  }
}
