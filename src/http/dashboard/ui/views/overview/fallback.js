// The overview for those who may not see figures: what /api/models says, in the same shape.

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
