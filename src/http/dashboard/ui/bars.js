// Bars: two distributions on the same bins, histograms, probabilities of classes, shares; and small
// lines. They need no plotting library.
//
// Of two kinds of bars one is hollow, so that they are told apart without colours.

import { count, plain, share } from "./format.js";
import { h, keyed, replace, setAttribute, setStyle, setText, svg } from "./dom.js";

const LEFT = 46;
const BOTTOM = 22;
const TOP = 8;

/** Round numbers from 0 to at least `most`, at most five; `whole`: no fractions. */
export function ticks(most, whole = false) {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const sizes = [1, 2, 2.5, 5, 10].map((factor) => factor * power);
  const step = sizes.find((size) => size * 4 >= most && (!whole || size % 1 === 0)) ?? 1;
  const steps = Math.ceil(most / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}

/**
 * Upright bars. Options: title; series [{label, hollow}] (one or two); format(value); bin (what a
 * bar stands for, for the table's head); height. Returns {element, set, destroy}:
 * set([{key, label (below the bar), values: [number|null, one a series], note (further text)}], text
 * (what is said below while nobody points at a bar)).
 */
export function barPlot({ title, series, format = count, bin = "Bin", height = 200 }) {
  let bins = [];
  let width = 0;
  let drawn = "";
  const picture = svg("svg", { role: "img", "aria-label": title, height, class: "bars" });
  const said = h("p", { class: "said" });
  let idle = "";
  const key = h(
    "ul",
    null,
    series.map(({ label, hollow }) =>
      h(
        "li",
        null,
        h("span", { class: `key ${hollow ? "hollow" : "solid"}` }),
        h("span", null, label),
      ),
    ),
  );
  const figures = figuresOf(title, bin, series, format);
  const element = h(
    "div",
    { class: "plot" },
    h("div", { class: "canvas" }, picture),
    h("div", { class: "legend" }, series.length > 1 ? key : null, said),
    figures.element,
  );

  const draw = () => {
    const signature = JSON.stringify([width, bins]);
    if (width < 40 || signature === drawn) return;
    drawn = signature;
    setAttribute(picture, "width", width);
    setAttribute(picture, "viewBox", `0 0 ${width} ${height}`);
    const most = Math.max(0, ...bins.flatMap((entry) => entry.values.map((value) => value ?? 0)));
    const scale = ticks(most, format === count);
    const y = (value) => height - BOTTOM - (value / scale.at(-1)) * (height - BOTTOM - TOP);
    replace(
      picture,
      grid(scale, y, width, format),
      columns(bins, series, y, width, height),
      labels(bins, width, height),
    );
  };
  const say = (event) => {
    const index = Math.floor(((event.offsetX - LEFT) / (width - LEFT)) * bins.length);
    setText(said, bins[index] ? sentence(bins[index], series, format) : idle);
  };
  picture.addEventListener("pointermove", say);
  picture.addEventListener("pointerleave", () => setText(said, idle));
  const watcher = new ResizeObserver(([{ contentRect }]) => {
    width = Math.floor(contentRect.width);
    draw();
  });
  watcher.observe(element.firstChild);

  const set = (next, text = "") => {
    bins = next;
    if (said.textContent === idle) setText(said, text);
    idle = text;
    draw();
    figures.set(bins);
    setAttribute(picture, "aria-label", `${title}. ${summary(bins, series, format)}`);
  };
  return { element, set, destroy: () => watcher.disconnect() };
}

const sentence = ({ label, values, note }, series, format) =>
  `${label}: ${series.map((one, index) => `${series.length > 1 ? `${one.label} ` : ""}${format(values[index])}`).join(", ")}${note ? `, ${note}` : ""}`;

function summary(bins, series, format) {
  if (!bins.length) return "Nothing yet.";
  return series
    .map(({ label }, index) => {
      const most = bins.reduce((best, entry) =>
        (entry.values[index] ?? -1) > (best.values[index] ?? -1) ? entry : best,
      );
      return `${label}: most in ${most.label} (${format(most.values[index])})`;
    })
    .join("; ")
    .concat(". All figures are in the table below it.");
}

function grid(scale, y, width, format) {
  return scale.map((value) => [
    svg("line", { x1: LEFT, x2: width, y1: y(value), y2: y(value), class: "grid" }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, plain(format(value))),
  ]);
}

function columns(bins, series, y, width, height) {
  const wide = (width - LEFT) / Math.max(1, bins.length);
  const gap = Math.min(6, wide * 0.2);
  const bar = (wide - gap) / series.length;
  return bins.map(({ values }, index) =>
    values.map((value, number) => {
      const high = height - BOTTOM - y(value ?? 0);
      if (!(high > 0)) return null;
      const x = LEFT + index * wide + gap / 2 + number * bar;
      const hollow = series[number].hollow;
      const inset = hollow ? 0.75 : 0;
      return svg("rect", {
        x: x + inset,
        y: height - BOTTOM - high + inset,
        width: Math.max(0.5, bar - 1 - 2 * inset),
        height: Math.max(0.5, high - inset),
        class: hollow ? "hollow" : "solid",
      });
    }),
  );
}

// As many as have room; the others are in the table and under the pointer.
function labels(bins, width, height) {
  const wide = (width - LEFT) / Math.max(1, bins.length);
  const every = Math.max(1, Math.ceil(44 / wide));
  const room = Math.max(3, Math.floor((wide * every) / 6.4));
  const short = (label) => (label.length > room ? `${label.slice(0, room - 1)}…` : label);
  return bins.map(({ label }, index) => {
    if (index % every) return null;
    const middle = LEFT + (index + 0.5) * wide;
    const isCut = middle + short(label).length * 3.2 > width;
    return svg(
      "text",
      { x: isCut ? width : middle, y: height - 6, "text-anchor": isCut ? "end" : "middle" },
      short(label),
    );
  });
}

function figuresOf(title, bin, series, format) {
  const body = h("tbody", null);
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, bin),
    series.map(({ label }) => h("th", { scope: "col", class: "number" }, label)),
    h("th", { scope: "col" }, "Further"),
  );
  const shell = h(
    "table",
    null,
    h("caption", { class: "visually-hidden" }, title),
    h("thead", null, head),
    body,
  );
  const scroller = h(
    "div",
    { class: "table tall", role: "group", "aria-label": `${title}, figures`, tabindex: "0" },
    shell,
  );
  const element = h("details", { class: "figures" }, h("summary", null, "Figures"), scroller);
  const create = ({ label }) => {
    const cells = series.map(() => h("td", { class: "number" }));
    const further = h("td", null);
    return {
      element: h("tr", null, h("th", { scope: "row" }, label), cells, further),
      update(entry) {
        cells.forEach((cell, index) => setText(cell, format(entry.values[index])));
        setText(further, entry.note ?? "");
      },
    };
  };
  return { element, set: (bins) => keyed(body, bins, (entry) => entry.key ?? entry.label, create) };
}

/**
 * Lying bars with their figures as text: probabilities of classes and the like. Returns {element,
 * set}: set([{key, label, value (0 to 1), text, strong}]).
 */
export function shareBars({ label }) {
  const element = h("ul", { class: "share-bars", "aria-label": label });
  const create = (first) => {
    const name = h("span", { class: "name" }, first.label);
    const fill = h("span", { class: "fill" });
    const figure = h("span", { class: "figure" });
    const item = h(
      "li",
      null,
      name,
      h("span", { class: "track", "aria-hidden": "true" }, fill),
      figure,
    );
    return {
      element: item,
      update({ value, text, strong }) {
        setStyle(fill, { width: `${Math.min(100, Math.max(0, (value ?? 0) * 100)).toFixed(2)}%` });
        setText(figure, text ?? share(value));
        setAttribute(item, "class", strong ? "strong" : null);
      },
    };
  };
  return {
    element,
    set: (items) => keyed(element, items, (item) => item.key ?? item.label, create),
  };
}

/** A short bar for a share, to stand beside its figure: {element, set(value)}. Decoration only. */
export function meter() {
  const fill = h("span", { class: "fill" });
  const element = h("span", { class: "meter", "aria-hidden": "true" }, fill);
  return {
    element,
    set: (value) =>
      setStyle(fill, { width: `${Math.min(100, Math.max(0, (value ?? 0) * 100)).toFixed(1)}%` }),
  };
}

const WIDE = 100;
const HIGH = 24;

/** A path for values in a box of 100 by 24, from 0 to the greatest of them. */
function sparkPath(values) {
  const numbers = values.map((value) => (Number.isFinite(value) ? value : 0));
  if (numbers.length < 2) return "";
  const most = Math.max(...numbers) || 1;
  const step = WIDE / (numbers.length - 1);
  return numbers
    .map(
      (value, index) =>
        `${index ? "L" : "M"}${(index * step).toFixed(1)} ${(HIGH - 1.5 - (value / most) * (HIGH - 3)).toFixed(1)}`,
    )
    .join("");
}

/** A line without scales for a table's cell: {element, set(values)}. What it shows must stand beside it as text. */
export function sparkline() {
  const line = svg("path", { class: "spark-line", "vector-effect": "non-scaling-stroke" });
  const area = svg("path", { class: "spark-area" });
  const element = svg(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${WIDE} ${HIGH}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    area,
    line,
  );
  const set = (values) => {
    const path = sparkPath(values);
    setAttribute(line, "d", path);
    setAttribute(area, "d", path && `${path}L${WIDE} ${HIGH}L0 ${HIGH}Z`);
  };
  return { element, set };
}
