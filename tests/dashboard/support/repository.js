// Temporary repositories of models.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { atEnd } from "./ends.js";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** As they lie in `models/`. */
export const SHIPPED = ["digits", "file-type", "flight-delay", "text-direction"];

/** A directory that is gone after the test. */
export function directory(t) {
  const path = mkdtempSync(join(tmpdir(), "onnxd-dashboard-"));
  atEnd(t, () => rmSync(path, { recursive: true, force: true }));
  return path;
}

export class Repository {
  constructor(t) {
    this.base = directory(t);
    this.root = join(this.base, "models");
    mkdirSync(this.root);
  }

  /** One of the shipped models, all of it. */
  shipped(name) {
    cpSync(join(ROOT, "models", name), join(this.root, name), { recursive: true });
    return this;
  }

  /** Files in the directory of a model, as its `model.toml`. */
  files(model, files) {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.root, model, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    return this;
  }

  /**
   * A version whose files appear at once, as a deployment makes them: named before they are whole a
   * server would read half of them. A `Buffer` or a text is a file's content; of `model.onnx` a text
   * names a fixture.
   */
  version(model, number, files) {
    const made = join(mkdtempSync(join(this.base, "version-")), "v");
    mkdirSync(made);
    for (const [name, content] of Object.entries(files)) {
      const data = name === "model.onnx" && typeof content === "string" ? fixture(content) : content;
      writeFileSync(join(made, name), data);
    }
    // Files that have stood still for a while are taken up at the first look.
    const before = new Date(Date.now() - 60_000);
    for (const name of readdirSync(made)) utimesSync(join(made, name), before, before);
    mkdirSync(join(this.root, model), { recursive: true });
    renameSync(made, join(this.root, model, String(number)));
    return this;
  }

  /** Lets a version vanish. */
  remove(model, number) {
    rmSync(join(this.root, model, String(number)), { recursive: true });
  }
}

export function fixture(name) {
  return readFileSync(join(ROOT, "tests/fixtures", `${name}.onnx`));
}

export function shippedFile(path) {
  return readFileSync(join(ROOT, "models", path));
}

/** A golden.json of one example about `x` and `y`, FP32 of one row. */
export function golden(x, y) {
  const tensor = (name, data) => ({ name, datatype: "FP32", shape: [1, data.length], data });
  return JSON.stringify({ examples: [{ request: { inputs: [tensor("x", x)] }, response: { outputs: [tensor("y", y)] } }] });
}
