// What a routing says and what changes between two of them. No elements here, so that it can be
// tested without a browser. A routing is {labels: {name: version}, traffic: {version or label:
// weight}, shadow: version, label or null}.

import { share } from "../../format.js";

/** The version that a number, a text of digits or a label stands for; null if for none. */
export function resolve(routing, target) {
  if (target === null || target === undefined || target === "") return null;
  if (/^\d+$/.test(String(target))) return Number(target);
  return own(routing.labels, target) ?? null;
}

// A label may be called like something that all objects have.
const own = (map, name) => (Object.hasOwn(map, name) ? map[name] : undefined);

/** Labels of a version. */
export function labelsOf(routing, version) {
  return Object.keys(routing.labels).filter((label) => routing.labels[label] === version);
}

/** [target, weight] of those that count, by their versions. */
function weights(routing) {
  return Object.entries(routing.traffic)
    .filter(([target, weight]) => resolve(routing, target) !== null && weight > 0)
    .sort(([a], [b]) => resolve(routing, a) - resolve(routing, b) || (a < b ? -1 : 1));
}

/** All requests that name no version to this one; a shadow that it was ends. */
export function promoted(routing, version) {
  const shadow = resolve(routing, routing.shadow) === version ? null : routing.shadow;
  return { labels: { ...routing.labels }, traffic: { [version]: 100 }, shadow };
}

/** The same with another shadow (or none). */
export function shadowed(routing, version) {
  return { labels: { ...routing.labels }, traffic: { ...routing.traffic }, shadow: version };
}

// "v3", "v3 (label canary)".
function targetWords(routing, target) {
  const version = `v${resolve(routing, target)}`;
  return /^\d+$/.test(String(target)) ? version : `${version} (label ${target})`;
}

/** "all to the highest version that serves", "v1 95 %, v2 (label canary) 5 %". */
export function trafficWords(routing) {
  const found = weights(routing);
  const total = found.reduce((sum, [, weight]) => sum + weight, 0);
  if (total === 0) return "all to the highest version that serves";
  if (found.length === 1) return `all to ${targetWords(routing, found[0][0])}`;
  return found
    .map(([target, weight]) => `${targetWords(routing, target)} ${share(weight / total)}`)
    .join(", ");
}

/** "none", "v3", "v3 (label canary)". */
export function shadowWords(routing) {
  return resolve(routing, routing.shadow) === null ? "none" : targetWords(routing, routing.shadow);
}

/** What a change from one routing to another does, a line each; empty if nothing. */
export function differences(from, to) {
  const lines = [];
  const names = [...new Set([...Object.keys(from.labels), ...Object.keys(to.labels)])].sort();
  for (const name of names) {
    const [before, after] = [own(from.labels, name), own(to.labels, name)];
    if (before === after) continue;
    if (before === undefined) lines.push(`New label “${name}” for v${after}.`);
    else if (after === undefined) lines.push(`Label “${name}” (v${before}) goes away.`);
    else lines.push(`Label “${name}” moves from v${before} to v${after}.`);
  }
  const both = [from, to];
  const [before, after] = both.map(trafficWords);
  const [old, next] = both.map((routing) =>
    weights(routing)
      .map((pair) => pair.join(": "))
      .join(", "),
  );
  // Labels are compared above; shares that read alike may differ in their weights.
  const alike = before === after ? ` (weights ${old || "none"} → ${next || "none"})` : "";
  if (old !== next || before !== after)
    lines.push(`Requests that name no version: ${before} → ${after}${alike}.`);
  const [shadow, newShadow] = both.map(shadowWords);
  if (shadow !== newShadow) lines.push(`Shadow: ${shadow} → ${newShadow}.`);
  return lines;
}

/** A routing of what a form has: [{name, version}], [{target, weight}], shadow. Texts; throws Error with what is wrong. */
export function fromForm(labels, traffic, shadow) {
  // Names come from a form: without a prototype, one that is called like something of all objects is its own.
  const routing = { labels: Object.create(null), traffic: Object.create(null), shadow: null };
  for (const { name, version } of labels) {
    if (name === "" && version === "") continue;
    if (!/^[A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*$/.test(name))
      throw new Error(
        `“${name}” is no label: letters, digits, “-”, “_” and “.”, and not only digits.`,
      );
    if (Object.hasOwn(routing.labels, name)) throw new Error(`There are two labels “${name}”.`);
    if (!/^\d+$/.test(version)) throw new Error(`Label “${name}” needs the number of a version.`);
    routing.labels[name] = Number(version);
  }
  for (const { target, weight } of traffic) {
    if (weight === "" || Number(weight) === 0) continue;
    if (!/^\d{1,9}$/.test(weight))
      throw new Error(`The weight of ${target} must be a whole number.`);
    routing.traffic[target] = Number(weight);
  }
  routing.shadow = shadow === "" ? null : /^\d+$/.test(shadow) ? Number(shadow) : shadow;
  for (const target of [
    ...Object.keys(routing.traffic),
    ...(routing.shadow === null ? [] : [routing.shadow]),
  ]) {
    if (resolve(routing, target) === null) throw new Error(`There is no label “${target}”.`);
  }
  return routing;
}
