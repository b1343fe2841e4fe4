// Files for jobs of the fixture `slow`, whose rows take a tenth of a second each.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const COLUMNS = Array.from({ length: 16 }, (_, at) => `c${at}`);

/** Adds the model `slow`, with names for its columns. */
export function slow(repository) {
  const names = COLUMNS.map((name) => `"${name}"`).join(", ");
  return repository.files("slow", { "model.toml": `features = [${names}]\n` }).version("slow", 1, { "model.onnx": "slow" });
}

/** One row each, in `in/`: a job reads its files as tasks of their own, so that its progress is seen. */
export function parts(root, count, directory = "in") {
  mkdirSync(join(root, directory), { recursive: true });
  for (let part = 0; part < count; part += 1) {
    const row = COLUMNS.map((_, at) => (at === 0 ? part / 1000 : 0.5)).join(",");
    writeFileSync(join(root, directory, `${String(part).padStart(3, "0")}.csv`), `${COLUMNS.join(",")}\n${row}\n`);
  }
}

/** A job over all of them. */
export function inParts(output, input = "in/*.csv") {
  return { model: "slow", input, output, output_format: "parquet" };
}
