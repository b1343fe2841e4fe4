// Reference profiles, made by the program itself.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { random } from "./flights.js";

/** Writes profile.json and contract.suggested.toml beside the model that lies in `models/model`. */
export function profiled(repository, model, csv) {
  const data = join(repository.base, `${model.length}-${csv.length}.csv`);
  writeFileSync(data, csv);
  execFileSync(process.env.ONNXD_BIN, ["profile", join(repository.root, model), "--data", data], { stdio: ["ignore", "ignore", "pipe"] });
}

/** Rows of numbers with a bell's shape, as CSV with these names of columns. */
export function bells(names, rows, seed = 1) {
  const next = random(seed);
  const value = () => ((next() + next() + next() + next()) * 1000).toFixed(0) / 1000;
  const lines = Array.from({ length: rows }, () => names.map(value).join(","));
  return `${names.join(",")}\n${lines.join("\n")}\n`;
}
