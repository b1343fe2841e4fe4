// Addresses within the page. They are in the hash, so that the server serves one page wherever a
// proxy has put it; names are escaped.

const model = (name) => `#/models/${encodeURIComponent(name)}`;

/** Hashes for links. */
export const to = {
  overview: () => "#/",
  model: (name) => model(name),
  health: (name, feature) =>
    `${model(name)}/health${feature === undefined ? "" : `?feature=${encodeURIComponent(feature)}`}`,
  tryIt: (name) => `${model(name)}/try`,
  jobs: () => "#/jobs",
};

/** What a hash leads to: {view, name, query}; view is null if to nothing. */
export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#/, "").split("?", 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0) return { view: "overview", query };
  if (parts.length === 1 && parts[0] === "jobs") return { view: "jobs", query };
  const name = parts[0] === "models" ? decoded(parts[1]) : null;
  if (name === null) return { view: null, query };
  if (parts.length === 2) return { view: "model", name, query };
  if (parts.length === 3 && (parts[2] === "health" || parts[2] === "try"))
    return { view: parts[2], name, query };
  return { view: null, query };
}

function decoded(text) {
  try {
    return text ? decodeURIComponent(text) : null;
  } catch {
    return null;
  }
}

/** Changes the query of the present address, so that a reload keeps it; the view is not mounted anew. */
export function keepQuery(changes) {
  const [path, search = ""] = location.hash.split("?", 2);
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined) parameters.delete(name);
    else parameters.set(name, value);
  }
  const text = parameters.toString();
  history.replaceState(null, "", `${path || "#/"}${text ? `?${text}` : ""}`);
}
