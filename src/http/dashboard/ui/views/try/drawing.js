// A canvas on which somebody draws what a model sees: with a pointer, or with arrows and space.

import { announce, h, uniqueId } from "../../dom.js";
import { reach, stroke } from "./strokes.js";

/**
 * {element, canvas}: `get()` gives the inks (0 to 1, row by row), `put(changed)` is told of cells
 * that changed, `paint(context)` draws the grid, one pixel a cell.
 */
export function drawing({ height, width, label, get, put, paint }) {
  const hintId = uniqueId("drawing");
  const canvas = h("canvas", {
    class: "drawing",
    width,
    height,
    tabindex: "0",
    // Screen readers leave its keys to it.
    role: "application",
    "aria-roledescription": "drawing",
    "aria-label": `${label}: drawing of ${width} by ${height} cells`,
    "aria-describedby": hintId,
  });
  const hint = h("span", { class: "hint", id: hintId }, "Draw with the pointer, erase with the right button. By keyboard: arrows move, space draws, backspace erases.");
  const cursor = { x: Math.floor(width / 2), y: Math.floor(height / 2), seen: false };
  const size = { height, width };
  const radius = reach(height, width);
  const context = canvas.getContext("2d");

  const redraw = () => {
    paint(context);
    if (!cursor.seen) return;
    context.fillStyle = "rgb(255 60 60 / 70%)";
    context.fillRect(cursor.x, cursor.y, 1, 1);
  };
  const draw = (from, to, erase) => {
    put(stroke(get(), size, from, to, radius, erase));
    redraw();
  };

  let last = null;
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * width, y: ((event.clientY - box.top) / box.height) * height };
  };
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => {
    cursor.seen = false;
    canvas.setPointerCapture(event.pointerId);
    last = point(event);
    draw(last, last, event.button === 2);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null) return;
    const next = point(event);
    draw(last, next, (event.buttons & 2) !== 0);
    last = next;
  });
  const end = () => (last = null);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    const draws = event.key === " " || event.key === "Enter";
    const erases = event.key === "Backspace" || event.key === "Delete";
    if (!move && !draws && !erases) return;
    event.preventDefault();
    cursor.seen = true;
    if (move) {
      cursor.x = Math.min(width - 1, Math.max(0, cursor.x + move[0]));
      cursor.y = Math.min(height - 1, Math.max(0, cursor.y + move[1]));
      announce(`Column ${cursor.x + 1}, row ${cursor.y + 1}`);
      return redraw();
    }
    const at = { x: cursor.x + 0.5, y: cursor.y + 0.5 };
    draw(at, at, erases);
    announce(erases ? "Erased" : "Drawn");
  });
  canvas.addEventListener("blur", () => {
    cursor.seen = false;
    redraw();
  });
  return { element: h("div", null, canvas, hint), canvas, redraw };
}
