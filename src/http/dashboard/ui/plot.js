// Series over time, by uPlot.
//
// A canvas says nothing to who cannot see it: each plot has its figures as text beside it, and as
// a table on demand. Lines differ by their dashes as well as by their colours.

import { clock, day, plain, time } from "./format.js";
import { h, keyed, setAttribute, setStyle, setText, show, svg } from "./dom.js";
import { onTheme } from "./theme.js";
import uPlot from "./uplot.js";

let colours = new Map();
const alive = new Set();

onTheme(() => {
  colours = new Map();
  alive.forEach((plot) => plot.redraw(false, true));
});

/** The colour of a custom property such as "c1" as the present theme has it. */
export function colour(name) {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    colours.set(name, value);
  }
  return value;
}

// Colours are written as six hexadecimal digits in style.css; two more are the opacity.
const faint = (name) => `${colour(name)}28`;

/** Puts a gap (nulls) where samples are missing, so that no line goes over it. `step` in seconds. */
export function withGaps(at, values, step) {
  const holes = [];
  for (let index = 1; index < at.length; index += 1) {
    if (at[index] - at[index - 1] > 1.9 * step) holes.push(index);
  }
  if (!holes.length) return [at, ...values];
  const widen = (list, between) => {
    const wide = [];
    list.forEach((value, index) => {
      if (holes.includes(index)) wide.push(between(index));
      wide.push(value);
    });
    return wide;
  };
  return [
    widen(at, (index) => at[index - 1] + step),
    ...values.map((list) => widen(list, () => null)),
  ];
}

// uPlot's own are in the manner of one country.
function timeLabels(_, splits, __, ___, step) {
  return splits.map((at) => {
    if (step >= 86400) return day(at).slice(5);
    const text = clock(at);
    if (step < 60) return text;
    return text.startsWith("00:00") ? day(at).slice(5) : text.slice(0, 5);
  });
}

const FONT = "11px system-ui, sans-serif";

function axes(format) {
  const shared = { stroke: () => colour("muted"), font: FONT, ticks: { show: false } };
  const grid = { stroke: () => colour("line"), width: 1 };
  return [
    { ...shared, grid: { show: false }, values: timeLabels, space: 64, size: 26, gap: 4 },
    {
      ...shared,
      grid,
      values: (_, splits) => splits.map((value) => plain(format(value))),
      space: 34,
      size: 62,
      gap: 4,
    },
  ];
}

function range(top) {
  return (_, low, high) => {
    const floor = Math.min(0, low ?? 0);
    const ceiling = Math.max(high ?? 0, top ?? 0);
    return ceiling > floor ? [floor, ceiling + (ceiling - floor) * 0.08] : [floor, floor + 1];
  };
}

// A server that has just started has samples of some seconds: that is not the whole width. (Of a
// single sample uPlot itself makes years.)
function lasting(plot, first, last) {
  const at = plot.data[0];
  return at.length ? [Math.min(at[0], at.at(-1) - 300), at.at(-1)] : [first, last];
}

const DASHES = { solid: [], dashed: [6, 4], dotted: [2, 3] };

function lineOptions({ label, color, dash = "solid", fill = false, width = 1.5, points = false }) {
  return {
    label,
    stroke: () => colour(color),
    fill: fill ? () => faint(color) : undefined,
    width,
    dash: DASHES[dash],
    // Where there are few samples, or one alone between gaps, uPlot shows them as dots by itself.
    points: points ? { show: true, size: 4 } : { size: 4 },
    spanGaps: false,
  };
}

// Vertical lines where something happened.
function drawMarks(plot, marks) {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "bottom";
  let free = -Infinity;
  for (const { at, kind, label } of marks) {
    if (at < plot.scales.x.min) continue;
    // What happened since the last sample stands at the edge.
    const x = Math.round(plot.valToPos(Math.min(at, plot.scales.x.max), "x", true));
    ctx.strokeStyle = ctx.fillStyle = colour(kind === "bad" ? "bad" : "muted");
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(label).width;
    // Above the plot, where no line is; where there is no room, the list of events says it.
    const left = Math.min(Math.max(bbox.left, x - width / 2), bbox.left + bbox.width - width);
    if (left < free) continue;
    ctx.fillText(label, left, bbox.top - ratio);
    free = left + width + 6 * ratio;
  }
  ctx.restore();
}

function swatch({ color, dash = "solid" }) {
  const line = svg("line", {
    x1: 1,
    y1: 5,
    x2: 21,
    y2: 5,
    "stroke-width": 2,
    "stroke-dasharray": DASHES[dash].join(" ") || null,
  });
  line.style.stroke = `var(--${color})`;
  return svg("svg", { width: 22, height: 10, "aria-hidden": "true", class: "swatch" }, line);
}

function legend(lines, format) {
  const values = lines.map(() => h("b", null));
  const items = lines.map((line, index) =>
    h("li", null, swatch(line), h("span", null, line.label), values[index]),
  );
  const when = h("span", { class: "when" });
  const element = h("div", { class: "legend" }, h("ul", null, items), when);
  const update = (data, index) => {
    lines.forEach((_, line) => setText(values[line], format(data[line + 1]?.[index] ?? null)));
    setText(
      when,
      data[0]?.length ? `${day(data[0][index]).slice(5)} ${clock(data[0][index])}` : "",
    );
  };
  return { element, update };
}

const MOST_ROWS = 120;

function asTable(title, lines, format, figures) {
  const body = h("tbody", null);
  const table = h(
    "table",
    null,
    h("caption", { class: "visually-hidden" }, title),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        h("th", { scope: "col" }, "Time"),
        lines.map((line) => h("th", { scope: "col", class: "number" }, line.label)),
      ),
    ),
    body,
  );
  const scroller = h(
    "div",
    { class: "table tall", role: "group", "aria-label": `${title}, figures`, tabindex: "0" },
    table,
  );
  const element = h("details", { class: "figures" }, h("summary", null, "Figures"), scroller);
  const fill = () => {
    if (!element.open) return;
    const [at = [], ...values] = figures();
    const first = Math.max(0, at.length - MOST_ROWS);
    const rows = at
      .slice(first)
      .map((moment, index) => [time(moment), ...values.map((list) => format(list[first + index]))])
      .reverse();
    keyed(
      body,
      rows,
      (cells) => cells.join(),
      ([when, ...cells]) =>
        h(
          "tr",
          null,
          h("th", { scope: "row" }, when),
          cells.map((cell) => h("td", { class: "number" }, cell)),
        ),
    );
  };
  element.addEventListener("toggle", fill);
  return { element, fill };
}

function summary(title, lines, data, format) {
  const parts = lines.map((line, index) => {
    const values = data[index + 1].filter((value) => value !== null && value !== undefined);
    if (!values.length) return `${line.label}: nothing yet`;
    const [low, high] = values.reduce(
      ([a, b], value) => [Math.min(a, value), Math.max(b, value)],
      [Infinity, -Infinity],
    );
    return `${line.label}: now ${format(values.at(-1))}, between ${format(low)} and ${format(high)}`;
  });
  return `${title}. ${parts.join("; ")}.`;
}

/**
 * A plot over time. Options: title; format(value) for figures; lines [{label, color: "c1" (a
 * custom property), dash: "solid"|"dashed"|"dotted", fill, width, points}]; bands [{between: [0, 1] (lines),
 * color}]; top (the scale reaches at least so far); height (px); sync (plots with one name share
 * the cursor). Returns {element, set, destroy}: set({at (seconds), values: [[number|null], one
 * list a line], step (seconds), marks: [{at, kind: "bad"|"info", label}]}).
 */
export function timePlot({ title, format, lines, bands = [], top, height = 170, sync }) {
  let data = [[], ...lines.map(() => [])];
  let marks = [];
  let plot = null;
  const host = h("div", { class: "canvas", role: "img", "aria-label": title });
  const nothing = h("p", { class: "empty" }, "No samples yet.");
  const key = legend(lines, format);
  const figures = asTable(title, lines, format, () => data);
  const element = h("div", { class: "plot" }, host, nothing, key.element, figures.element);
  setStyle(host, { height: `${height}px` });

  const point = () => key.update(data, plot?.cursor.idx ?? data[0].length - 1);
  const make = (width) => {
    const options = {
      width,
      height,
      series: [{}, ...lines.map(lineOptions)],
      bands: bands.map(({ between, color }) => ({
        series: between.map((line) => line + 1),
        fill: () => faint(color),
      })),
      scales: { x: { range: lasting }, y: { range: range(top) } },
      axes: axes(format),
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
        sync: sync ? { key: sync } : undefined,
      },
      padding: [18, 8, 0, 0],
      hooks: { draw: [(drawn) => drawMarks(drawn, marks)], setCursor: [point] },
    };
    plot = new uPlot(options, data, host);
    alive.add(plot);
  };
  const watcher = new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (width < 40) return;
    if (!plot) make(width);
    else if (plot.width !== width) plot.setSize({ width, height });
  });
  watcher.observe(host);

  const set = ({ at, values, step, marks: happened = [] }) => {
    data = step ? withGaps(at, values, step) : [at, ...values];
    marks = happened;
    const some = at.length > 0;
    show(nothing, !some);
    show(host, some);
    show(key.element, some);
    show(figures.element, some);
    plot?.setData(data);
    point();
    figures.fill();
    if (some) setAttribute(host, "aria-label", summary(title, lines, data, format));
  };
  set({ at: [], values: lines.map(() => []) });
  const destroy = () => {
    watcher.disconnect();
    alive.delete(plot);
    plot?.destroy();
  };
  return { element, set, destroy };
}
