// Asks again and again, but never while nobody looks.

import { events } from "./api.js";
import { now } from "./format.js";

// Of polls that fail now: since when what they show is old (null: it never came), and why. Who
// lacks a role, and what is gone, is said where it would be.
const late = new Map();
const SAID_ELSEWHERE = [401, 403, 404];

/** {since, message} of the one whose figures are the oldest, or undefined. Event "late": it changed. */
export function oldest() {
  return [...late.values()].sort((a, b) => a.since - b.since)[0];
}

/**
 * Runs `task(signal)` at once and then `seconds` after each end: never twice at the same time, not
 * while the page is hidden, and at once when it is seen again. Failures are told to
 * `failed(error)` and make the pauses longer, up to 30 s or as long as the server asks for. A
 * task that gives a number gives the seconds until the next run. Returns {stop, again}: `stop()`
 * aborts what is under way, `again()` runs now (after what is under way) and resolves when that
 * run is over.
 */
export function poll(seconds, task, failed = () => {}) {
  const abort = new AbortController();
  let timer = null;
  let running = null;
  let failures = 0;
  let wait = seconds;
  let least = 0;
  let good = null;

  const settle = (error) => {
    if (error && !SAID_ELSEWHERE.includes(error.status))
      late.set(abort, { since: good, message: error.message });
    else if (!late.delete(abort)) return;
    events.dispatchEvent(new Event("late"));
  };
  const run = async () => {
    try {
      const wanted = await task(abort.signal);
      wait = typeof wanted === "number" ? wanted : seconds;
      failures = least = 0;
      good = now();
      settle(null);
    } catch (error) {
      if (abort.signal.aborted) return;
      failures += 1;
      least = Math.min(600, error.retryAfter ?? 0);
      settle(error);
      failed(error);
    }
  };
  const next = () => {
    if (abort.signal.aborted || document.hidden) return;
    const pause = failures ? Math.max(wait, Math.min(30, wait * 2 ** failures)) : wait;
    timer = setTimeout(start, Math.max(pause, least) * 1000);
  };
  const start = () => {
    clearTimeout(timer);
    running ??= run().finally(() => {
      running = null;
      next();
    });
    return running;
  };
  const seen = () => {
    if (document.hidden) clearTimeout(timer);
    else start();
  };

  document.addEventListener("visibilitychange", seen);
  events.addEventListener("signed-in", seen);
  if (!document.hidden) start();
  return {
    stop() {
      abort.abort();
      settle(null);
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      events.removeEventListener("signed-in", seen);
    },
    async again() {
      await running;
      if (!abort.signal.aborted) await start();
    },
  };
}
