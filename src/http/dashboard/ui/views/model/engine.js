// How a version runs: what runs cost by rows, how many rows ran together, operators, memory.

import { barPlot, shareBars } from "../../bars.js";
import { h, setText, show } from "../../dom.js";
import { bytes, count, number, plural, share, us } from "../../format.js";
import { empty, facts, section } from "../../parts.js";

const MOST_OPERATORS = 12;

/** {elements (sections), update(version), destroy}: a version of /api/models/{m}/versions/{v}, or
 * null. What does not serve has none of it. */
export function engine() {
  const parts = [cost(), batches(), operators()];
  const update = (version) => {
    parts.forEach((part) => show(part.element, version?.sha256 !== undefined));
    parts.forEach((part) => part.update(version ?? {}));
  };
  return {
    elements: parts.map((part) => part.element),
    update,
    destroy: () => parts.forEach((part) => part.destroy?.()),
  };
}

function cost() {
  const plot = barPlot({
    title: "Time of a row in a run",
    series: [{ label: "µs a row" }],
    format: us,
    bin: "Rows of a run",
    height: 180,
  });
  const nothing = empty("No curve: runs of it were not measured.");
  const element = section("Cost of a row by the size of a run", {}, plot.element, nothing);
  const update = ({ cost: curve = [], batch_rows: rows, batching, batching_reason: reason }) => {
    plot.set(
      curve.map(({ rows: size, us: time }) => ({
        key: String(size),
        label: count(size),
        values: [time / size],
        note: `the run takes ${us(time)}`,
      })),
      joining(batching, rows, reason),
    );
    show(plot.element, curve.length > 0);
    show(nothing, curve.length === 0);
  };
  return { element, update, destroy: plot.destroy };
}

function joining(batching, rows, reason) {
  if (batching === undefined) return "";
  if (!batching)
    return `Rows of several requests do not run together: ${reason ?? "their results depend on each other"}.`;
  return rows
    ? `Worth running together: ${plural(rows, "row")}.`
    : "Requests are neither joined nor taken apart.";
}

function batches() {
  const plot = barPlot({
    title: "Runs by their rows",
    series: [{ label: "runs" }],
    format: count,
    bin: "Rows",
    height: 180,
  });
  const nothing = empty("Nothing has run yet.");
  const element = section("Batch sizes since it was loaded", {}, plot.element, nothing);
  const update = ({ batches: runs = [] }) => {
    plot.set(
      runs.map(({ rows, runs: times, mean_us: mean }) => ({
        key: String(rows),
        label: count(rows),
        values: [times],
        note: `${us(mean)} on average`,
      })),
    );
    show(plot.element, runs.length > 0);
    show(nothing, runs.length === 0);
  };
  return { element, update, destroy: plot.destroy };
}

function operators() {
  const bars = shareBars({ label: "Operators of the file by their nodes" });
  const rest = h("p", { class: "small muted" });
  const nothing = empty("They are known while a version serves.");
  const about = facts();
  const element = section(
    "Operators and memory",
    {},
    h("div", { class: "stack" }, about.element, bars.element, rest, nothing),
  );
  const update = (version) => {
    const all = [...(version.operators ?? [])].sort((a, b) => b.nodes - a.nodes);
    const most = all[0]?.nodes ?? 1;
    const shown = all.slice(0, MOST_OPERATORS);
    bars.set(
      shown.map(({ operator, nodes }) => ({
        label: operator,
        value: nodes / most,
        text: count(nodes),
      })),
    );
    setText(
      rest,
      all.length > shown.length
        ? `and ${all
            .slice(MOST_OPERATORS)
            .map(({ operator, nodes }) => `${operator} ×${nodes}`)
            .join(", ")}`
        : "",
    );
    show(nothing, all.length === 0);
    about.update(memory(version));
  };
  return { element, update };
}

function memory(version) {
  return [
    [
      "Memory of the plans",
      version.memory_bytes === undefined ? null : bytes(version.memory_bytes),
    ],
    [
      "Plans",
      version.plans === undefined
        ? null
        : `${count(version.plans)} held, ${count(version.plan_compiles)} compiled`,
    ],
    ["Strategy", version.strategy],
    ["Because", version.strategy_reason],
    ["Help of idle cores", helps(version.help_gains)],
    ["Deadline", version.deadline_ms === undefined ? null : us(version.deadline_ms * 1e3)],
    [
      "Nodes",
      version.operators
        ? count(version.operators.reduce((sum, { nodes }) => sum + nodes, 0))
        : null,
    ],
  ];
}

function helps(gains) {
  return gains === null || gains === undefined
    ? null
    : `a long run takes ${share(gains)} of its time alone (${number(1 / gains, 2)} times as fast)`;
}
