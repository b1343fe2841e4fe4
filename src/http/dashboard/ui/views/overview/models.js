// Models of a look: in which order they stand, what is new since the last one, and what is known of
// them without figures. No elements here.
//
// The server sorts by what needs attention and then by traffic; rows that swap places every two
// seconds cannot be read, so an order is kept for a while.

import { wasTakenBack } from "../../parts.js";
import { liveVersion } from "../traffic.js";

const PATIENCE = 20;

/**
 * Returns a function that takes models as the server sorts them and gives them in the order to
 * show. The server's order is taken when models come or go, when what needs attention changes,
 * or after `PATIENCE` seconds, unless `busy()` (somebody points at the rows).
 */
export function calmOrder(busy, now = () => performance.now() / 1000) {
  let places = new Map();
  let known = "";
  let since = -Infinity;
  return (models) => {
    const signature = JSON.stringify(
      models.map(({ name, attention }) => [name, level(attention)]).sort(byName),
    );
    if (signature !== known || (now() - since > PATIENCE && !busy())) {
      known = signature;
      since = now();
      places = new Map(models.map(({ name }, index) => [name, index]));
    }
    return [...models].sort((a, b) => places.get(a.name) - places.get(b.name));
  };
}

const byName = ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0);

/** 2: bad, 1: warning, 0: nothing. */
export function level(attention) {
  return attention.reduce((most, { level: one }) => Math.max(most, one === "bad" ? 2 : 1), 0);
}

const MOST = 3;

/** Returns a function that takes the models of each look and says what is new: tell(text, kind). */
export function watch(tell) {
  let before = null;
  return (models) => {
    const now = new Map(models.map((model) => [model.name, model]));
    const all =
      before === null
        ? []
        : [...now.values()].flatMap((model) => changes(before.get(model.name), model));
    before = now;
    all.slice(0, MOST).forEach(([text, kind]) => tell(text, kind));
    if (all.length > MOST) tell(`and ${all.length - MOST} more changes`, "info");
  };
}

/** [[text, kind]] of what is new about a model; `old` is undefined for one that was not there. */
export function changes(old, model) {
  const { name } = model;
  const live = liveVersion(model);
  if (!old) return live === null ? [] : [[`${name} version ${live} serves`, "good"]];
  const found = [];
  if (live !== liveVersion(old)) {
    const shared = (model.traffic?.[live] ?? 1) < 1;
    if (live === null) found.push([`${name}: no version serves`, "bad"]);
    else
      found.push([
        `${name}: version ${live} ${shared ? "gets most requests" : "serves"} now`,
        "good",
      ]);
  } else if (live !== null && model.loaded_at !== old.loaded_at) {
    found.push([`${name}: a version was loaded, version ${live} still serves`, "good"]);
  }
  return [...found, ...failures(old, model)];
}

function failures(old, { name, versions }) {
  const known = new Map(old.versions.map(({ version, reason }) => [version, reason]));
  return versions
    .filter((it) => it.state === "UNAVAILABLE" && it.reason && known.get(it.version) !== it.reason)
    .map(({ version, reason }) => [
      `${name}: version ${version} does not serve: ${reason}`,
      wasTakenBack(reason) ? "info" : "bad",
    ]);
}

/** A model of /api/models as /api/overview would have it, without figures. */
export function withoutFigures(model) {
  const live = model.versions.find(({ version }) => version === model.serving);
  return {
    name: model.name,
    serving: model.serving,
    state: model.serving === null ? (model.versions.at(-1)?.state ?? "UNAVAILABLE") : "READY",
    problem: model.problem,
    dormant: model.dormant,
    versions: model.versions.map(({ version, state, reason, stage = null }) => ({
      version,
      state,
      reason,
      stage,
    })),
    traffic: shares(model),
    shadow: resolve(model, model.routing.shadow),
    loaded_at: live?.loaded_at_unix ?? null,
    now: null,
    recent: [],
    queue_depth: live?.queue_depth ?? null,
    drift: null,
    attention: attention(model),
  };
}

function resolve({ routing }, target) {
  if (target === null || target === undefined) return null;
  const text = String(target);
  return routing.labels[text] ?? (/^\d+$/.test(text) ? Number(text) : null);
}

/** Shares by version of what serves. Weights of versions that do not serve go to the others. */
export function shares(model) {
  const serves = new Set(
    model.versions.filter(({ state }) => state === "READY").map(({ version }) => version),
  );
  const weights = new Map();
  for (const [target, weight] of Object.entries(model.routing.traffic)) {
    const version = resolve(model, target);
    if (serves.has(version) && weight > 0)
      weights.set(version, (weights.get(version) ?? 0) + weight);
  }
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return model.serving === null ? {} : { [model.serving]: 1 };
  return Object.fromEntries([...weights].map(([version, weight]) => [version, weight / total]));
}

function attention(model) {
  const found = [];
  if (model.problem) found.push({ level: "bad", about: "source", message: model.problem });
  for (const { version, state, reason } of model.versions) {
    if (state === "UNAVAILABLE" && reason !== "") {
      found.push({
        level: model.serving === null ? "bad" : "warning",
        about: "version",
        message: `version ${version}: ${reason}`,
      });
    }
  }
  return found;
}

/** Those that need attention first, then by name. */
export function sorted(models) {
  const weight = ({ attention: list }) =>
    list.reduce((most, { level }) => Math.max(most, level === "bad" ? 2 : 1), 0);
  return [...models].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1));
}
