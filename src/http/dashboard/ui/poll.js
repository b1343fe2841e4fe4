// Asks again and again, but never while nobody looks.

/**
 * Runs `task(signal)` at once and then `seconds` after each end: never twice at the same time, not
 * while the page is hidden, and at once when it is seen again. Failures are told to
 * `failed(error)` and make the pauses longer, up to 30 s. A task that gives a number gives the
 * seconds until the next run. Returns {stop, again}:
 * `stop()` aborts what is under way, `again()` runs now (after what is under way) and resolves
 * when that run is over.
 */
export function poll(seconds, task, failed = () => {}) {
  const abort = new AbortController();
  let timer = null;
  let running = null;
  let failures = 0;
  let wait = seconds;

  const run = async () => {
    try {
      const wanted = await task(abort.signal);
      wait = typeof wanted === "number" ? wanted : seconds;
      failures = 0;
    } catch (error) {
      if (abort.signal.aborted) return;
      failures += 1;
      failed(error);
    }
  };
  const next = () => {
    if (abort.signal.aborted || document.hidden) return;
    const pause = failures ? Math.max(wait, Math.min(30, wait * 2 ** failures)) : wait;
    timer = setTimeout(start, pause * 1000);
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
  if (!document.hidden) start();
  return {
    stop() {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    },
    async again() {
      await running;
      if (!abort.signal.aborted) await start();
    },
  };
}
