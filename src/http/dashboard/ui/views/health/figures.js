// What the figures of data health mean: which features come first, and what is said of one.
// Nothing here knows of the page.

import { ago, count, number, time } from "../../format.js";
import { isRuled } from "../try/signature.js";

/** As the server has it: a shift must be large enough to matter, and no chance. */
const FLOOR = 0.1;
const LEAST_VALUES = 200;
const VALUES_PER_BIN = 20;

const ORDER = { drifted: 0, stable: 1, insufficient: 2 };

/** From where on a score says drift: above what is expected and a floor, and above chance. */
export function threshold({ psi_expected: expected, psi_critical: critical }) {
  return Math.max(expected + FLOOR, critical);
}

/** Values that a window must hold before a feature with so many bins is judged. */
export function least(bins) {
  return Math.max(LEAST_VALUES, VALUES_PER_BIN * bins);
}

/** Violations altogether. */
export function total(codes) {
  return Object.values(codes ?? {}).reduce((sum, each) => sum + each, 0);
}

/**
 * The features of a version: {name, role, state, since, importance, scores (of the window), mode,
 * violations, broken, rules}. Without a report of drift they are those that the contract rules.
 */
export function items(report, contract, window) {
  const ruled = byFeature(contract);
  const watched = report?.features ?? [...ruled.values()].filter(isRuled).map(({ name }) => ({ name, role: "input", state: null }));
  return watched.map((feature) => {
    const rule = ruled.get(feature.name);
    return {
      name: feature.name,
      role: feature.role,
      state: feature.state,
      since: feature.since ?? null,
      importance: feature.importance ?? null,
      scores: feature.scores?.[window] ?? null,
      mode: rule?.mode ?? null,
      rules: rule?.rules ?? null,
      violations: rule?.violations ?? {},
      broken: total(rule?.violations),
    };
  });
}

/** The contract by names of features: what an input must be has an entry beside what its values must be. */
export function byFeature(contract) {
  const found = new Map();
  for (const feature of contract?.features ?? []) {
    const before = found.get(feature.name);
    const [first, second] = before && isRuled(before) ? [before, feature] : [feature, before];
    found.set(feature.name, { ...first, violations: { ...second?.violations, ...first.violations } });
  }
  return found;
}

/** How far a score is above its threshold, or minus infinity. */
const excess = ({ scores }) => (scores ? scores.psi / threshold(scores) : -Infinity);

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

const ORDERS = {
  // State first, then drift; among those that are alike what moves the predictions more.
  attention: (a, b) => rankOf(a) - rankOf(b) || (b.broken > 0) - (a.broken > 0) || step(b) - step(a) || (b.importance ?? 0) - (a.importance ?? 0),
  drift: (a, b) => excess(b) - excess(a),
  importance: (a, b) => (b.importance ?? -1) - (a.importance ?? -1),
  violations: (a, b) => b.broken - a.broken,
  name: () => 0,
};

// Coarse steps, so that rows do not change places with every tick of noise.
const step = (item) => Math.floor(Math.max(-4, Math.min(8, 2 * Math.log2(Math.max(excess(item), 1e-9)))));
const rankOf = ({ state }) => (Object.hasOwn(ORDER, state ?? "") ? ORDER[state] : 3);

/** The same in an order: attention, drift, importance, violations, name. */
export function ranked(features, order = "attention") {
  return [...features].sort((a, b) => ORDERS[order](a, b) || byName(a, b));
}

/** Where a score stands on a gauge from 0 to 1 whose middle is the threshold. */
export function gauge(scores) {
  if (!scores) return 0;
  const psi = Math.max(0, scores.psi);
  return psi / (psi + threshold(scores));
}

/** How a gauge looks: a score above its threshold is no drift yet. */
export function gaugeKind({ state, scores }) {
  if (!scores || scores.psi <= threshold(scores)) return "gauge";
  return state === "drifted" ? "gauge drifted" : "gauge over";
}

/** What is to be said of one feature, in sentences. `bins` may not be known yet. */
export function sentences({ state, since, scores }, { window, windowName, bins, source }) {
  const said = [];
  if (state === "drifted") said.push(`Drifted since ${time(since)} (${ago(since)}).`);
  if (state === "stable") said.push(`Stable since ${time(since)} (${ago(since)}).`);
  if (scores) said.push(...ofScores(scores, state));
  else said.push(...insufficient({ window, windowName, bins, source }));
  return said;
}

function ofScores(scores, state) {
  const { psi, psi_expected: expected, psi_critical: critical } = scores;
  const limit = threshold(scores);
  const said = [`PSI is ${number(psi)} over ${count(scores.values)} values. Above ${number(limit)} it counts as drift: ${number(expected)} is expected without any and ${FLOOR} more is allowed, and the critical value is ${number(critical)}.`];
  if (psi > limit && state !== "drifted") said.push("It has not drifted all the same: that takes three of the last five looks and, where the profile has blocks of time, more than the reference does itself.");
  return said;
}

function insufficient({ window, windowName, bins, source }) {
  const rows = window ? `${count(window.counted_rows)} rows were counted so far` : "nothing was counted so far";
  const need = bins ? `${count(least(bins))} values (${VALUES_PER_BIN} for each of its ${bins} bins, ${LEAST_VALUES} at least)` : `${LEAST_VALUES} values and ${VALUES_PER_BIN} for each bin`;
  const passed = window && !window.full && source === "request" ? `its time has passed (it has not yet) and ` : "";
  return [`Too little is known in the ${windowName} window to judge it: it is judged when ${passed}it holds at least ${need}; ${rows}.`];
}

/** How a bin is called: by its bounds, or its value where the server may show it. */
export function binLabel({ name, kind, from, to, value }, digits = 4) {
  const short = (edge) => number(edge, digits);
  if (kind === "missing") return "missing";
  if (kind === "infinity") return name.startsWith("-") ? "−∞" : "+∞";
  if (kind === "other") return "other";
  if (kind === "interval") {
    if (from === null && to === null) return "any";
    if (from === null) return `≤ ${short(to)}`;
    if (to === null) return `> ${short(from)}`;
    // A dash beside a minus reads as two.
    return from < 0 || to < 0 ? `${short(from)} to ${short(to)}` : `${short(from)}–${short(to)}`;
  }
  if (value === undefined || value === null) return `no. ${name}`;
  return value === "" ? "(empty)" : typeof value === "number" ? short(value) : value;
}

/** As many digits as tell the edges of the bins apart. */
function digitsOf(bins) {
  const edges = [...new Set(bins.flatMap(({ from, to }) => [from, to]).filter((edge) => edge !== null && edge !== undefined))];
  const differ = (digits) => new Set(edges.map((edge) => number(edge, digits))).size === edges.length;
  return [3, 4, 5, 6, 7].find(differ) ?? 8;
}

/** The bins as bars: infinities that never came take no room. */
export function bars(bins) {
  const digits = digitsOf(bins);
  return bins
    .map((bin, place) => ({ ...bin, place }))
    .filter(({ kind, reference, current }) => kind !== "infinity" || reference > 0 || (current ?? 0) > 0)
    .map((bin) => ({
      key: String(bin.place),
      label: binLabel(bin, digits),
      values: [bin.reference, bin.current],
      note: `${count(bin.count)} values now`,
    }));
}

/** Whether categories are numbered, since the contract does not let values be shown. */
export function isNumbered(bins) {
  return bins.some(({ kind, value }) => kind === "value" && (value === undefined || value === null));
}

/** The share of a kind of bin: {reference, current}. */
export function shareOf(bins, wanted) {
  const found = bins.filter(({ kind }) => kind === wanted);
  const sum = (side) => found.reduce((all, bin) => all + (bin[side] ?? 0), 0);
  return { reference: sum("reference"), current: found.some(({ current }) => current !== null) ? sum("current") : null };
}
