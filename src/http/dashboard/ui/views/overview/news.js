// What happened since the last look that is worth a word: swaps and failures.

import { wasTakenBack } from "../../parts.js";
import { liveVersion } from "../traffic.js";

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
