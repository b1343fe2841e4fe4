// The pictures in the README: a server that has had something to do for a while. Takes four minutes:
//
//     python3 tests/dashboard/run.py target target/release/onnxd -- node tests/dashboard/pictures.js DIRECTORY
//
// Quantise what it writes before it goes into docs/images.

import { join } from "node:path";

import { Visit } from "./support/browser.js";
import { Flights, hurried } from "./support/flights.js";
import { Repository, SHIPPED, golden, shippedFile } from "./support/repository.js";
import { Server } from "./support/server.js";
import { settled } from "./support/views.js";

const WINDOW = 30;
/** Long enough for a curve in the plots. */
const STABLE_SECONDS = 90;
const WARMER_SECONDS = 110;
const DEGREES = 26;

/** What the helpers expect of a test. */
const ends = [];
const t = { name: "pictures", after: (task) => ends.unshift(task) };

const directory = process.argv[2];
const repository = new Repository(t);
for (const name of SHIPPED.filter((name) => name !== "flight-delay")) repository.shipped(name);
const files = ["model.onnx", "golden.json"].map((name) => [name, shippedFile(`flight-delay/2/${name}`)]);
repository.files("flight-delay", { "model.toml": `[drift]\nwindow = "${WINDOW}s"\n[quality]\nscore = "probabilities.late"\n` });
repository.version("flight-delay", 2, { ...Object.fromEntries(files), "profile.json": hurried(WINDOW) });
repository.files("scale", { "model.toml": 'versions = "all"\nlabels = { stable = 1, canary = 2 }\ntraffic = { stable = 90, canary = 10 }\n' });
for (const factor of [1, 2]) repository.version("scale", factor, { "model.onnx": `scale_${factor}` });
repository.version("scale", 3, { "model.onnx": "scale_3", "golden.json": golden([1, 2, 3], [2, 4, 6]) });
const server = await Server.start(t, repository.root);

const began = Date.now();
const seconds = () => (Date.now() - began) / 1000;
const over = () => seconds() > STABLE_SECONDS + WARMER_SECONDS;
const pause = (milliseconds) => new Promise((then) => setTimeout(then, milliseconds));

/** Asks again and again, more and less often as the minutes go. */
async function ask(model, request, every) {
  for (let at = 0; !over(); at += 1) {
    await server.infer(model, request());
    await pause(every * (1 + 0.6 * Math.sin(seconds() / 25 + every)));
  }
}

const flights = new Flights();
const degrees = () => DEGREES * Math.min(1, Math.max(0, (seconds() - STABLE_SECONDS) / (WARMER_SECONDS * 0.6)));
const season = (row) => ({ ...row, temp: row.temp === null ? null : row.temp + degrees() });
const example = (name) => JSON.parse(shippedFile(`${name}/1/golden.json`)).examples[0].request;
const three = { inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }] };

await Promise.all([
  ask("flight-delay", () => flights.request(20, season), 40),
  ask("digits", () => example("digits"), 60),
  ask("text-direction", () => example("text-direction"), 400),
  ask("file-type", () => example("file-type"), 250),
  ask("scale", () => three, 90),
  (async () => {
    await pause((STABLE_SECONDS + WARMER_SECONDS - 8) * 1000);
    const pictures = [
      ["overview-light", "light", "#/", { width: 1200, height: 560 }],
      ["health-dark", "dark", "#/models/flight-delay/health?feature=temp", { width: 1200, height: 1000 }],
    ];
    for (const [name, colorScheme, hash, viewport] of pictures) {
      const visit = await Visit.open(t, server, { colorScheme, hash, viewport });
      await settled(visit.page);
      await visit.page.screenshot({ path: join(directory, `${name}.png`) });
    }
  })(),
]);
for (const end of ends) await end();
process.exit(0);
