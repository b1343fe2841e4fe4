// What happened since the last look that is worth a word: swaps and failures.

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
  const found = [];
  if (!old)
    return model.serving === null
      ? []
      : [[`${model.name} version ${model.serving} serves`, "good"]];
  if (model.serving !== old.serving) {
    if (model.serving === null) found.push([`${model.name}: no version serves`, "bad"]);
    else found.push([`${model.name}: version ${model.serving} serves now`, "good"]);
  } else if (model.serving !== null && model.loaded_at !== old.loaded_at) {
    found.push([`${model.name}: version ${model.serving} was loaded anew`, "good"]);
  }
  const known = new Map(old.versions.map(({ version, reason }) => [version, reason]));
  for (const { version, state, reason } of model.versions) {
    if (state === "UNAVAILABLE" && reason && known.get(version) !== reason) {
      found.push([`${model.name}: version ${version} does not serve: ${reason}`, "bad"]);
    }
  }
  return found;
}
