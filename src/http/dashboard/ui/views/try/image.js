// The editor of an input that is an image: a file or a drawing for each row, and how it becomes
// numbers. What is shown is what the model sees.

import { h, setStyle, setText, show } from "../../dom.js";
import { shape as shapeText } from "../../format.js";
import { check, file, number, select } from "./control.js";
import { drawing } from "./drawing.js";
import { fromNumber } from "./datatype.js";
import { fitted, load, ofPixels } from "./picture.js";
import { RANGES, guessRange, toElements, toPixels } from "./pixels.js";
import { MOST_DRAWN, image as imageOf, imageShape, product } from "./signature.js";

const MOST_SIDE = 4096;

export function imageEditor({ input, tensor, rule, changed }) {
  const rank = input.inner.length;
  const inner = input.hasRows ? tensor.shape.slice(1) : tensor.shape;
  const declared = imageOf(input, inner);
  const size = { ...declared };
  const rows = input.hasRows ? tensor.shape[0] : 1;
  const { range, low, high } = guessRange(input.datatype, tensor.data, size.channels, rule);
  const settings = { colour: "rgb", inverted: false, fit: "fill", range, low, high };
  const length = product(inner);
  const row = (index) => tensor.data.slice(index * length, (index + 1) * length);
  const pictures = Array.from({ length: rows }, (_, index) => picture(index, row(index)));

  function picture(index, elements) {
    const state = { elements, image: null };
    const label = rows > 1 ? `${input.name}, row ${index + 1}` : input.name;
    const problem = h("span", { class: "fault", hidden: true });
    const choose = file(rows > 1 ? `Image for row ${index + 1}` : "Image", "image/*,.pgm,.ppm,.pnm", async (chosen) => {
      try {
        state.image = await load(chosen);
        show(problem, false);
        render(state);
        changed();
      } catch (error) {
        setText(problem, `${chosen.name}: ${error.message}`);
        show(problem, true);
      }
    });
    const stage = h("div", { class: "stage" });
    const element = h("div", { class: "picture" }, choose.element, problem, stage);
    Object.assign(state, { element, stage, label, problem, drawn: null });
    restage(state);
    return state;
  }

  // A new size needs a new canvas.
  function restage(state) {
    const { height, width } = size;
    const byHand = size.channels === 1 && height <= MOST_DRAWN && width <= MOST_DRAWN;
    state.drawn = byHand ? byHandOf(state) : { element: h("canvas", { class: "preview", width, height, role: "img", "aria-label": `${state.label}: what the model sees` }) };
    const canvas = state.drawn.canvas ?? state.drawn.element;
    setStyle(canvas, { "--ratio": width / height });
    const wipe = byHand && h("button", { type: "button", class: "button small", onclick: () => clear(state) }, "Clear the drawing");
    state.stage.replaceChildren(...[state.drawn.element, wipe].filter(Boolean));
    repaint(state);
  }

  function byHandOf(state) {
    return drawing({
      ...size,
      label: state.label,
      get: () => (state.inks ??= inksOf(state)),
      put: (cells) => {
        for (const { cell, ink } of cells) state.elements[cell] = level(ink);
        if (cells.length > 0) {
          state.image = null;
          changed();
        }
      },
      paint: (context) => context.putImageData(pixels(state), 0, 0),
    });
  }

  function level(ink) {
    return fromNumber(input.datatype, settings.low + ink * (settings.high - settings.low));
  }

  function inksOf(state) {
    const ink = (element) => (Number(element) - settings.low) / (settings.high - settings.low) || 0;
    return state.elements.map((element) => Math.min(1, Math.max(0, ink(element))));
  }

  function pixels(state) {
    return new ImageData(toPixels(size, state.elements, settings), size.width, size.height);
  }

  function repaint(state) {
    if (state.drawn.redraw) state.drawn.redraw();
    else state.drawn.element.getContext("2d").putImageData(pixels(state), 0, 0);
  }

  function clear(state) {
    state.elements = new Array(size.height * size.width).fill(level(0));
    state.inks = null;
    state.image = null;
    repaint(state);
    changed();
  }

  function render(state) {
    if (state.image !== null) {
      const { rgba, filled } = fitted(state.image, size, settings.fit);
      state.elements = toElements(input.datatype, size, rgba, settings, filled);
    }
    state.inks = null;
    repaint(state);
  }

  const set = (name) => (value) => {
    settings[name] = value;
    arrange();
    pictures.forEach(render);
    changed();
  };
  // What was an example or a drawing becomes an image, to be fitted into the new size.
  const resize = (name) => async (value) => {
    for (const state of pictures) state.image ??= await ofPixels(toPixels(size, state.elements, settings), size);
    size[name] = value;
    pictures.forEach((state) => {
      const { rgba, filled } = fitted(state.image, size, settings.fit);
      state.elements = toElements(input.datatype, size, rgba, settings, filled);
      state.inks = null;
      restage(state);
    });
    setText(said, summary());
    changed();
  };

  const ranges = Object.fromEntries(Object.entries(RANGES).filter(([name]) => name !== "imagenet" || size.channels === 3).map(([name, { title }]) => [name, title]));
  const range_ = select("Black to white becomes", { ...ranges, own: "another range" }, settings.range, (value) => {
    const { low: least, high: most } = RANGES[value] ?? {};
    if (least !== undefined) Object.assign(settings, { low: least, high: most });
    set("range")(value);
  });
  const least = number("Black", settings.low, {}, set("low"));
  const most = number("White", settings.high, {}, set("high"));
  const open = (axisSize, name, label) => (axisSize ? number(label, size[name], { least: 1, most: MOST_SIDE, whole: true }, resize(name)).element : null);
  const [heightAxis, widthAxis] = size.order === "planes" ? [rank - 2, rank - 1] : [rank - 3, rank - 2];
  const controls = h(
    "div",
    { class: "settings" },
    range_.element,
    least.element,
    most.element,
    size.channels >= 3 ? select("Colours", { rgb: "red, green, blue", bgr: "blue, green, red", grey: "grey" }, settings.colour, set("colour")).element : null,
    select("Fit", { fill: "stretch", contain: "keep its shape, zeros around", cover: "keep its shape, cut the rest" }, settings.fit, set("fit")).element,
    check("Invert (dark becomes white)", settings.inverted, set("inverted")).element,
    open(size.order !== "flat" && input.inner[heightAxis] < 0, "height", "Height"),
    open(size.order !== "flat" && input.inner[widthAxis] < 0, "width", "Width"),
  );
  const arrange = () => {
    const own = settings.range === "own";
    show(least.element, own);
    show(most.element, own);
    least.control.value = String(settings.low);
    most.control.value = String(settings.high);
  };
  const summary = () => `${input.datatype} ${shapeText(input.shape)}: ${size.width} by ${size.height}${size.channels > 1 ? `, ${size.channels} channels` : ", grey"}`;
  const said = h("p", { class: "hint" }, summary());
  const wrong = h("p", { class: "fault", hidden: true });
  arrange();
  const element = h(
    "div",
    { class: "images", tabindex: "-1" },
    said,
    wrong,
    h("div", { class: "pictures" }, pictures.map((state) => state.element)),
    h("details", { class: "more" }, h("summary", null, "How the image becomes numbers"), controls),
  );
  return {
    element,
    read() {
      const shape = imageShape(size, rank);
      // Not spread into a call: there may be more elements than arguments.
      const data = [].concat(...pictures.map((state) => state.elements));
      return { tensor: { shape: input.hasRows ? [rows, ...shape] : shape, data } };
    },
    fault(_, message) {
      setText(wrong, message);
      show(wrong, true);
    },
    clear: () => show(wrong, false),
    focus: () => element.focus(),
  };
}
