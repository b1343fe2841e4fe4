// The dashboard in Debian's Chromium, for benches/load/dashboard.rs: an order a line, an answer a line.
//
//   open   shows the overview, and answers when every model is there
//   shut   leaves the page; the browser stays
//   asks   opens it, and answers what it asks for while it stays open, with the seconds between
//   end    (or the end of the orders) ends the browser

import { createInterface } from "node:readline";

import { chromium } from "../../tests/dashboard/support/packages.js";

const LOOKS_FOR = 12_000;

const origin = process.argv[2];
const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });

async function open() {
  const asked = page.waitForResponse((answer) => answer.url().includes("/api/overview") && answer.ok());
  await page.goto(`${origin}/#/`);
  await asked;
  await page.getByRole("link", { name: "digits-49", exact: true }).waitFor();
}

async function asks() {
  await open();
  const times = {};
  const note = (request) => {
    const { pathname, search } = new URL(request.url());
    (times[pathname + search] ??= []).push(Date.now());
  };
  page.on("request", note);
  await page.waitForFunction((until) => performance.now() > until, (await page.evaluate(() => performance.now())) + LOOKS_FOR);
  page.off("request", note);
  const repeated = Object.entries(times).filter(([, at]) => at.length > 1);
  return Object.fromEntries(repeated.map(([path, at]) => [path, (at.at(-1) - at[0]) / (at.length - 1) / 1000]));
}

for await (const order of createInterface({ input: process.stdin })) {
  if (order === "end") break;
  if (order === "open") await open();
  if (order === "shut") await page.goto("about:blank");
  process.stdout.write(`${order === "asks" ? JSON.stringify(await asks()) : "done"}\n`);
}
await browser.close();
// Whoever gives orders may keep the line open.
process.exit(0);
