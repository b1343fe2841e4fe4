// Image files into pixels of the size that a model takes.

import { contained, covering, isPortable, readPortable } from "./pixels.js";

const MOST_BYTES = 64 << 20;

/** An image file as {width, height, source}, for `fitted`. */
export async function load(file) {
  if (file.size > MOST_BYTES) throw new Error(`the file is larger than ${MOST_BYTES >> 20} MiB`);
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (isPortable(head)) {
    const { width, height, rgba } = readPortable(new Uint8Array(await file.arrayBuffer()));
    return { width, height, source: await createImageBitmap(new ImageData(rgba, width, height)) };
  }
  try {
    const source = await createImageBitmap(file);
    return { width: source.width, height: source.height, source };
  } catch {
    throw new Error("this browser cannot read the file as an image");
  }
}

/** Pixels as an image, so that they can be fitted anew. */
export async function ofPixels(rgba, { width, height }) {
  return { width, height, source: await createImageBitmap(new ImageData(rgba, width, height)) };
}

/**
 * An image in a box of this size: {rgba, filled(x, y)}. `fit`: "fill" stretches it, "contain"
 * leaves zeros on the right or below, "cover" takes its middle.
 */
export function fitted(image, box, fit) {
  const canvas = document.createElement("canvas");
  canvas.width = box.width;
  canvas.height = box.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // What is transparent is paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, box.width, box.height);
  context.imageSmoothingQuality = "high";
  const part = fit === "cover" ? covering(image, box) : { x: 0, y: 0, width: image.width, height: image.height };
  const into = fit === "contain" ? contained(image, box) : box;
  context.drawImage(halved(image.source, part, into), 0, 0, into.width, into.height);
  const { data } = context.getImageData(0, 0, box.width, box.height);
  return { rgba: data, filled: (x, y) => x >= into.width || y >= into.height };
}

// Browsers look at few pixels when they make an image much smaller: halving keeps all of them.
function halved(source, part, into) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(part.width));
  canvas.height = Math.max(1, Math.round(part.height));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, part.x, part.y, part.width, part.height, 0, 0, canvas.width, canvas.height);
  if (canvas.width < 2 * into.width || canvas.height < 2 * into.height) return canvas;
  const half = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  const smaller = document.createElement("canvas");
  smaller.width = Math.floor(canvas.width / 2);
  smaller.height = Math.floor(canvas.height / 2);
  const next = smaller.getContext("2d");
  next.imageSmoothingQuality = "high";
  next.drawImage(canvas, 0, 0, smaller.width, smaller.height);
  return halved(smaller, { ...half, width: smaller.width, height: smaller.height }, into);
}
