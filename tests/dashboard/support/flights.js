// Flights as the model flight-delay was trained on: each column drawn from the profile of the
// training data, so that no package of data is needed. Columns are drawn apart from each other,
// which is all that a comparison feature by feature sees.

import { atEnd } from "./ends.js";
import { shippedFile } from "./repository.js";

export const TEXTS = ["carrier", "origin", "dest"];
export const NUMBERS = ["weekday", "hour", "distance", "temp", "humid", "wind_speed", "precip", "pressure", "visib"];

const ROWS_OF_REQUEST = 100;

// Of the places and airlines that the profile only counts.
const OTHER = { carrier: "HA", origin: "EWR", dest: "XNA" };

/** Reproducible numbers from 0 to 1 (mulberry32). */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function profile() {
  return JSON.parse(shippedFile("flight-delay/2/profile.json"));
}

/**
 * The profile with blocks of time as much shorter as `window` seconds are than the hour that a
 * window usually has: what is usual in a day is then so in the seconds that stand for it.
 */
export function hurried(window) {
  const made = profile();
  for (const feature of made.features) for (const blocks of feature.blocks ?? []) blocks.seconds *= window / 3600;
  return JSON.stringify(made);
}

export class Flights {
  constructor(seed = 1) {
    this.random = random(seed);
    this.features = new Map(profile().features.map((feature) => [feature.name, feature]));
  }

  /** A value of a column; empty or null where it is missing. */
  draw(name) {
    const { bins, counts, quantiles } = this.features.get(name);
    let at = this.random() * counts.reduce((sum, count) => sum + count, 0);
    const bin = counts.findIndex((count) => (at -= count) < 0);
    if (bins.texts) return bins.texts[bin] ?? (bin === bins.texts.length ? OTHER[name] : "");
    if (bins.numbers) return bins.numbers[bin] ?? null;
    return bin > bins.edges.length ? null : quantiles[Math.floor(this.random() * quantiles.length)];
  }

  /** One flight as an object; `change` may alter it. */
  row(change = (row) => row) {
    return change(Object.fromEntries([...TEXTS, ...NUMBERS].map((name) => [name, this.draw(name)])));
  }

  /** A request of v2 about so many flights. */
  request(count, change) {
    const rows = Array.from({ length: count }, () => this.row(change));
    const column = (name, datatype) => ({ name, datatype, shape: [count, 1], data: rows.map((row) => row[name]) });
    return { inputs: [...TEXTS.map((name) => column(name, "BYTES")), ...NUMBERS.map((name) => column(name, "FP32"))] };
  }

  csv(count, change) {
    const names = [...TEXTS, ...NUMBERS];
    const lines = Array.from({ length: count }, () => Object.values(this.row(change)).map((value) => value ?? "").join(","));
    return `${names.join(",")}\n${lines.join("\n")}\n`;
  }
}

/** Sends flights until the test ends; what `change` does to a row may be set anew at any time. */
export class Replay {
  constructor(t, server, change) {
    this.change = change;
    this.over = false;
    this.running = this.run(server, new Flights());
    atEnd(t, () => this.stop());
  }

  async run(server, flights) {
    while (!this.over) await server.infer("flight-delay", flights.request(ROWS_OF_REQUEST, this.change));
  }

  async stop() {
    this.over = true;
    await this.running;
  }
}

/** Another season: so many degrees more, as far as the contract allows. */
export function warmer(degrees) {
  return (row) => ({ ...row, temp: row.temp === null ? null : row.temp + degrees });
}
