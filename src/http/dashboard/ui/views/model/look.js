// What the page of a model asks for, and when.

import { get, path } from "../../api.js";
import { serverTime } from "../../format.js";
import { may } from "../../session.js";
import { history } from "./history.js";

/** Seconds between looks at what is now, at one version, and at ids. */
export const SECONDS = { now: 2, version: 10, ids: 60, history: { hour: 10, week: 60 } };

// At all that is known of the model, if nothing seems to be new.
const ALL = 15;

/**
 * Functions that ask and put what they find into `state`: now, version, ids, history, each of a
 * signal; forget() makes the next look at everything. `page` is told what is not in the state,
 * `news` what /api/overview has of the model; `draw()` follows each.
 *
 * /api/models is long where there are many models, so that it is only asked for when the short
 * overview says that something is new, and every now and then.
 */
export function looker(name, state, page, news, draw) {
  let known = "";
  let since = -Infinity;
  let told = null;
  const all = async (signal) => {
    const { models } = await get("api/models", { signal });
    const found = models.find((model) => model.name === name) ?? null;
    since = performance.now() / 1000;
    state.model = found;
    page.found(found !== null);
  };
  const now = async (signal) => {
    const figures = may("metrics");
    let found = null;
    if (figures) {
      const { at, models } = await get("api/overview", { signal });
      serverTime(at);
      found = models.find((model) => model.name === name);
    }
    state.now = found ?? null;
    if (found) news([found]);
    const { now: _, recent: __, at: ___, ...rest } = found ?? {};
    const signature = JSON.stringify([
      rest.serving,
      rest.versions,
      rest.traffic,
      rest.shadow,
      rest.loaded_at,
      rest.problem,
      rest.dormant,
    ]);
    if (!figures || signature !== known || performance.now() / 1000 - since > ALL) {
      await all(signal);
      known = signature;
    }
    page.notices.update(state);
    draw();
    if (shownVersion(state) !== told) {
      told = shownVersion(state);
      // If that fails, its next turn comes soon.
      await version(signal).catch(() => {});
    }
  };
  const version = async (signal) => {
    const wanted = shownVersion(state);
    if (wanted === null) return;
    try {
      const detail = await get(path("api/models", name, "versions", wanted), { signal });
      if (wanted === shownVersion(state)) state.detail = detail;
    } catch (error) {
      if (error.status !== 404) throw error;
      state.detail = null;
    }
    draw();
  };
  return {
    now,
    version,
    forget: () => (known = ""),
    ids: (signal) => identities(name, state, signal).then(draw),
    history: (signal) =>
      past(name, state, page, signal)
        .then(draw)
        .then(() => SECONDS.history[page.span()]),
  };
}

// Ids of contract and reference are with the reports; who may not read those sees none.
async function identities(name, state, signal) {
  if (!may("metrics")) return;
  const [contracts, references] = await Promise.all(
    ["contract", "drift"].map((what) =>
      get(path("api/models", name, what), { signal }).catch(() => null),
    ),
  );
  const byVersion = (report, key) =>
    Object.fromEntries(
      Object.entries(report?.versions ?? {}).map(([version, one]) => [version, one[key]]),
    );
  state.ids = {
    contract: byVersion(contracts, "id"),
    reference: byVersion(references, "reference"),
  };
}

async function past(name, state, page, signal) {
  page.figures(may("metrics"));
  if (!may("metrics")) return;
  const found = await history(name, page.span(), signal);
  page.history(found);
  const swaps = found.events.filter(({ what }) => what === "live" || what === "rolled_back");
  state.swapped = Math.max(0, ...swaps.map(({ at }) => at));
  state.speeds = Object.fromEntries(
    Object.entries(found.versions).map(([version, speeds]) => [version, speeds.at(-1) ?? null]),
  );
}

/** The version that details are about: the chosen one, or the one that serves, or the newest. */
export function shownVersion({ shown, model, live }) {
  if (!model) return shown;
  const numbers = model.versions.map(({ version }) => version);
  if (shown !== null && numbers.includes(shown)) return shown;
  return live ?? model.serving ?? numbers.at(-1) ?? null;
}
