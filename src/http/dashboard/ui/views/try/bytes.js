// The editor of an input that takes the bytes of a file as whole numbers.

import { h, setText, show } from "../../dom.js";
import { bytes as size, count } from "../../format.js";
import { check, file, number, select } from "./control.js";
import { bounds } from "./datatype.js";

/** Space as Python's bytes.strip() has it. */
const SPACE = new Set([9, 10, 11, 12, 13, 32]);
const MOST_BYTES = 256 << 20;

/** What the example says of how files become numbers: 256 is no byte, so it fills up. */
export function guess(data) {
  const fills = data.includes("256");
  return { take: fills ? "both" : "start", fill: fills ? 256 : 0, strip: fills };
}

/**
 * So many elements of the content of a file. `take`: "start", or "both" for one half from its
 * beginning and one from its end; `fill` stands where there is no byte, `strip` leaves out white
 * space at the ends. Without a width all bytes are taken.
 */
export function elements(content, width, { take, fill, strip }) {
  const count_ = width ?? content.length;
  const look = 2 * count_;
  if (take !== "both") return padded(stripped(content.subarray(0, look), strip, false).subarray(0, count_), count_, fill, false);
  const half = Math.ceil(count_ / 2);
  const head = stripped(content.subarray(0, look), strip, false).subarray(0, half);
  const rest = count_ - half;
  const tail = stripped(content.subarray(Math.max(0, content.length - look)), strip, true);
  const end = rest === 0 ? tail.subarray(0, 0) : tail.subarray(Math.max(0, tail.length - rest));
  return padded(head, half, fill, false).concat(padded(end, rest, fill, true));
}

function stripped(content, strip, atEnd) {
  if (!strip) return content;
  let [first, last] = [0, content.length];
  if (atEnd) while (last > 0 && SPACE.has(content[last - 1])) last -= 1;
  else while (first < last && SPACE.has(content[first])) first += 1;
  return content.subarray(first, last);
}

function padded(content, length, fill, before) {
  const given = Array.from(content, String);
  const lacks = new Array(Math.max(0, length - given.length)).fill(String(fill));
  return before ? lacks.concat(given) : given.concat(lacks);
}

/** One file, or one a row. */
export function bytesEditor({ input, tensor, changed }) {
  const rows = input.hasRows ? tensor.shape[0] : 1;
  const had = tensor.data.length / Math.max(1, rows);
  const settings = guess(tensor.data);
  const contents = new Array(rows).fill(null);
  const data = Array.from({ length: rows }, (_, row) => tensor.data.slice(row * had, (row + 1) * had));
  const problem = h("p", { class: "fault", hidden: true });
  const said = contents.map(() => h("span", { class: "hint" }, `as in the example: ${count(had)} numbers`));
  const fault = (message) => {
    setText(problem, message);
    show(problem, Boolean(message));
  };

  const render = () => {
    const longest = Math.max(0, ...contents.map((content, row) => content?.length ?? data[row].length));
    const width = input.width ?? longest;
    contents.forEach((content, row) => {
      if (content !== null) data[row] = elements(content, width, settings);
    });
    changed();
  };
  const take = (row) => async (chosen) => {
    if (chosen.size > MOST_BYTES) return fault(`${chosen.name} is larger than ${MOST_BYTES >> 20} MiB`);
    contents[row] = new Uint8Array(await chosen.arrayBuffer());
    setText(said[row], `${chosen.name}, ${size(chosen.size)}`);
    fault(null);
    render();
  };
  const set = (name) => (value) => {
    settings[name] = value;
    render();
  };
  const { least, most } = bounds(input.datatype);
  const within = { least: Number(least), most: Number(most), whole: true };
  const files = contents.map((_, row) => h("div", null, file(rows > 1 ? `File for row ${row + 1}` : "File", null, take(row)).element, said[row]));
  const element = h(
    "div",
    { class: "images", tabindex: "-1" },
    h("p", { class: "hint" }, `${input.datatype}: the bytes of a file as numbers${input.width === null ? "" : `, ${count(input.width)} of them`}`),
    problem,
    files,
    h(
      "details",
      { class: "more" },
      h("summary", null, "How the file becomes numbers"),
      h(
        "div",
        { class: "settings" },
        input.width === null ? null : select("Take", { start: "its beginning", both: "half from the beginning, half from the end" }, settings.take, set("take")).element,
        number("Fill up with", settings.fill, within, set("fill")).element,
        check("Without white space at the ends", settings.strip, set("strip")).element,
      ),
    ),
  );
  return {
    element,
    read() {
      const width = input.width ?? data[0]?.length ?? 0;
      const shape = input.hasRows ? [rows, width] : [width];
      const uneven = data.findIndex((row) => row.length !== width);
      if (uneven >= 0) return { faults: [{ element: null, message: `Row ${uneven + 1} has ${count(data[uneven].length)} numbers, row 1 has ${count(width)}.` }] };
      return { tensor: { shape, data: [].concat(...data) } };
    },
    fault: (_, message) => fault(message),
    clear: () => fault(null),
    focus: () => element.focus(),
  };
}
