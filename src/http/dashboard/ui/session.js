// Who looks at the page and what they may do here. The server decides every time; this is so that
// the page can say beforehand what it would refuse.

import { get, key, setKey } from "./api.js";

let current = { version: null, keys: false, key: null, roles: [], prometheus: null };
const listeners = new Set();

/** {version, keys, key, roles, prometheus} as the server last said it. */
export function session() {
  return current;
}

/** Whether the caller has the role ("predict", "operate", "metrics"). */
export function may(role) {
  return current.roles.includes(role);
}

/** Null if the caller has the role, else why not, in words for a hint. */
export function whyNot(role) {
  if (may(role)) return null;
  if (!current.keys) {
    return role === "operate"
      ? "Without keys, only the server’s own machine may do this (role operate), unless open-operate is set."
      : `This needs the role ${role}.`;
  }
  if (current.key === null) return `Sign in with a key that has the role ${role}.`;
  return `The key “${current.key}” lacks the role ${role}.`;
}

/** Asks anew. */
export async function refresh(options) {
  take(await get("api/session", options));
  return current;
}

function take(next) {
  const changed = JSON.stringify(next) !== JSON.stringify(current);
  current = next;
  if (changed) listeners.forEach((listener) => listener(current));
}

/** Calls `listener(session)` whenever it changed; returns what ends that. */
export function onSession(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Takes a key for this tab. Resolves to null, or to why it was not taken. */
export async function signIn(secret) {
  const before = key();
  setKey(secret);
  try {
    await refresh();
  } catch (error) {
    setKey(before);
    return error.message;
  }
  if (current.keys && current.key === null) {
    setKey(before);
    await refresh().catch(() => {});
    return "The server does not know this key.";
  }
  return null;
}

/** Forgets the key. */
export async function signOut() {
  setKey(null);
  await refresh();
}
