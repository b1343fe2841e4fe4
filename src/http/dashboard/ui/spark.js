// Small lines without scales, for cells of tables. Apart from plot.js, so that the overview needs
// no plotting library.

import { setAttribute, svg } from "./dom.js";

const WIDE = 100;
const HIGH = 24;

/** A path for values in a box of 100 by 24, from 0 to the greatest of them. */
export function sparkPath(values) {
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
