// How figures read. Nothing here asks the browser for a locale: two people who look at the same
// page see the same text. Null and NaN are a dash everywhere.

/** What stands for "not known". */
export const NONE = "–";

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** 1234567 -> "1 234 567" (narrow no-break spaces). */
export function count(value) {
  if (!known(value)) return NONE;
  const whole = Math.round(Math.abs(value)).toString();
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return value < 0 ? `−${grouped}` : grouped;
}

/** A number with so many significant digits, never in powers unless it is extreme. */
export function number(value, digits = 3) {
  if (!known(value)) return NONE;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return value.toExponential(digits - 1).replace("-", "−");
  if (size >= 10 ** (digits - 1)) {
    return Number.isInteger(value) || size >= 10 ** digits ? count(value) : value.toFixed(0);
  }
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return trimmed(value.toFixed(places)).replace("-", "−");
}

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** A number with a fixed count of places, for columns that are read downwards. */
export function fixed(value, places) {
  return known(value) ? value.toFixed(places).replace("-", "−") : NONE;
}

/** Per second: "0", "0.25", "12.3", "1 204". */
export function rate(value) {
  if (!known(value)) return NONE;
  if (value === 0) return "0";
  if (value < 0.01) return "<0.01";
  if (value < 1) return value.toFixed(2);
  return value < 100 ? value.toFixed(1) : count(value);
}

/** A share of one: 0.123 -> "12.3 %". */
export function share(value) {
  if (!known(value)) return NONE;
  const percent = value * 100;
  if (percent === 0) return "0 %";
  if (Math.abs(percent) < 0.01) return percent > 0 ? "<0.01 %" : ">−0.01 %";
  // What is not quite all must not read as all.
  if (percent < 100 && percent > 99.9) return `${(Math.floor(percent * 100) / 100).toFixed(2)} %`;
  const places = Math.abs(percent) < 1 ? 2 : Math.abs(percent) < 99.95 ? 1 : 0;
  return `${trimmed(percent.toFixed(places)).replace("-", "−")} %`;
}

/** Milliseconds: "41 µs", "0.41 ms", "12.3 ms", "1.20 s". */
export function ms(value) {
  if (!known(value)) return NONE;
  if (value === 0) return "0 ms";
  if (value < 0.1) return `${number(value * 1e3, 2)} µs`;
  if (value < 10) return `${value.toFixed(2)} ms`;
  if (value < 100) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${value.toFixed(0)} ms`;
  return `${(value / 1000).toFixed(value < 1e4 ? 2 : 1)} s`;
}

/** A figure for a scale: "50.0 ms" -> "50 ms". */
export function plain(text) {
  return text.replace(/\.0+(?=\D|$)/, "");
}

/** Microseconds, as ms() writes them. */
export function us(value) {
  return value === 0 ? "0 µs" : known(value) ? ms(value / 1e3) : NONE;
}

/** A length of time in seconds: "4 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const units = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const at = units.findIndex(([, size]) => whole >= size);
  const [name, size] = units[at];
  const [below, step] = units[at + 1];
  const rest = Math.floor((whole % size) / step);
  const head = `${Math.floor(whole / size)} ${name}`;
  return rest ? `${head} ${rest} ${below}` : head;
}

/** "512 B", "53.1 kB", "1.24 GB" (powers of 1000, as docs say sizes). */
export function bytes(value) {
  if (!known(value)) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? size.toFixed(0) : size.toFixed(size < 10 ? 2 : 1)} ${units[unit]}`;
}

const two = (value) => String(value).padStart(2, "0");

/** Seconds since 1970, or an ISO text, as a Date; null if it is neither. */
export function moment(at) {
  if (at === null || at === undefined || at === "") return null;
  // Server times of jobs may end with a time zone's name in brackets, which Date does not know.
  const date = typeof at === "number" ? new Date(at * 1000) : new Date(at.replace(/\[.*\]$/, ""));
  return Number.isNaN(date.getTime()) ? null : date;
}

/** "2026-11-27 20:09:06", in the time zone of the browser. */
export function time(at) {
  const date = moment(at);
  return date ? `${day(at)} ${clock(at)}` : NONE;
}

/** "2026-11-27". */
export function day(at) {
  const date = moment(at);
  return date ? `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}` : NONE;
}

/** "20:09:06". */
export function clock(at) {
  const date = moment(at);
  return date
    ? `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
    : NONE;
}

let ahead = 0;

/** Takes the server's time: clocks of browsers differ from it. */
export function serverTime(at) {
  ahead = at - Date.now() / 1000;
}

/** Seconds since 1970 by the server's clock, as far as it is known. */
export const now = () => Date.now() / 1000 + ahead;

/** "just now", "12 s ago", "3 min ago", "in 4 h". */
export function ago(at) {
  const date = moment(at);
  if (!date) return NONE;
  const seconds = now() - date.getTime() / 1000;
  if (Math.abs(seconds) < 5) return "just now";
  const [first, second] = duration(Math.abs(seconds)).split(" ");
  return seconds > 0 ? `${first} ${second} ago` : `in ${first} ${second}`;
}

/** A tensor's shape: "[N, 64]"; -1 is N for the first axis and ? for others. */
export function shape(dimensions) {
  return `[${dimensions.map((size, axis) => (size >= 0 ? size : axis === 0 ? "N" : "?")).join(", ")}]`;
}

/** "1 version", "3 versions". */
export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}
