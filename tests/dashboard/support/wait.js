// Awaits a state instead of guessing a time.

import { setTimeout as pause } from "node:timers/promises";

/** The first result of `probe` that is true. What it throws counts as not yet. */
export async function eventually(what, probe, { within = 20_000, every = 50 } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    let reason = "";
    try {
      const result = await probe();
      if (result) return result;
    } catch (error) {
      reason = `: ${error.message}`;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${within} ms${reason}`);
    await pause(every);
  }
}
