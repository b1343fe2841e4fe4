// Talks to the server that the page came from, by URLs relative to the page: behind a path prefix
// they have it as well. The key of who signed in is kept for this tab alone.

const KEY = "onnxd-key";

/** What the server refused, or a server that cannot be reached (status 0). */
export class Failure extends Error {
  constructor(status, message, { document = null, retryAfter = null } = {}) {
    super(message);
    this.name = "Failure";
    this.status = status;
    /** The JSON of the refusal, where it has some. */
    this.document = document;
    /** Seconds after which it may go better. */
    this.retryAfter = retryAfter;
  }
}

/** Events: "unauthorised" (a key is asked for), "signed-in", "reached" and "unreachable" (the server), "late" (poll.js). */
export const events = new EventTarget();

// What a browser does not keep (private windows may refuse) lives as long as the page.
let kept = null;

/** The key that requests carry, or null. */
export function key() {
  try {
    return sessionStorage.getItem(KEY) ?? kept;
  } catch {
    return kept;
  }
}

/** Sets the key for this tab; null forgets it. */
export function setKey(value) {
  kept = value;
  try {
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // It lives as long as the page.
  }
}

/** An absolute URL for a path below the server's root, such as "api/models". */
export function url(path) {
  return new URL(path.replace(/^\//, ""), document.baseURI).href;
}

/** Joins segments of a path, each escaped: path("api/models", name, "drift"). The first is taken as it is. */
export function path(start, ...segments) {
  return [start, ...segments.map((segment) => encodeURIComponent(segment))].join("/");
}

/** "?a=1&b=2" of what is neither null nor undefined, or "". */
export function query(parameters) {
  const entries = Object.entries(parameters).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  return entries.length ? `?${new URLSearchParams(entries)}` : "";
}

/**
 * Asks and returns the answer as the Response it is. Throws Failure if the server refused or was
 * not reached, and what fetch throws if `signal` was aborted. `body`: an object becomes JSON;
 * texts, Blobs and buffers go as they are.
 */
export async function fetchFrom(method, where, { body, headers = {}, signal } = {}) {
  const request = {
    method,
    headers: { accept: "application/json", ...headers },
    signal,
    cache: "no-store",
    credentials: "same-origin",
  };
  const secret = key();
  if (secret !== null) request.headers["x-api-key"] = secret;
  if (body !== undefined && body !== null) {
    const asJson = Object.getPrototypeOf(body) === Object.prototype || Array.isArray(body);
    request.body = asJson ? JSON.stringify(body) : body;
    if (asJson) request.headers["content-type"] ??= "application/json";
  }
  let response;
  try {
    response = await fetch(url(where), request);
  } catch (error) {
    if (signal?.aborted) throw error;
    events.dispatchEvent(new Event("unreachable"));
    throw new Failure(0, "the server cannot be reached");
  }
  events.dispatchEvent(new Event("reached"));
  if (response.ok) return response;
  const failure = await refusal(response);
  if (failure.status === 401) events.dispatchEvent(new Event("unauthorised"));
  throw failure;
}

// Problem documents (RFC 9457) have `detail`, the protocols have `error`.
async function refusal(response) {
  const text = await response.text().catch(() => "");
  let document = null;
  try {
    document = JSON.parse(text);
  } catch {
    // A proxy's page says less than its status.
  }
  let message = document?.detail ?? document?.error ?? document?.title;
  if (typeof message !== "string" || message === "")
    message = `the server answered ${response.status}`;
  const wait = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return new Failure(response.status, message, {
    document,
    retryAfter: Number.isNaN(wait) ? null : wait,
  });
}

/** Asks and returns the answer's JSON, or null if it is empty. */
export async function ask(method, where, options) {
  const text = await (await fetchFrom(method, where, options)).text();
  return text === "" ? null : JSON.parse(text);
}

/** ask("GET", …). */
export function get(where, options) {
  return ask("GET", where, options);
}
