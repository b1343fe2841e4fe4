// Keys of callers, made as an administrator makes them.

import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** A file of keys, and the key of each name: `{reader: "metrics", …}` are roles with commas between. */
export function keys(directory, roles) {
  const file = join(directory, "keys.toml");
  const made = Object.entries(roles).map(([name, role]) => {
    const printed = execFileSync(process.env.ONNXD_BIN, ["key", name, "--roles", role, "--file", file], { encoding: "utf8" });
    return [name, printed.match(/onnxd_[A-Za-z0-9_-]{43}/)[0]];
  });
  return { file, ...Object.fromEntries(made) };
}
