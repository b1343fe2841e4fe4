// Between pixels and the numbers of a tensor. Nothing here knows of the page.

import { fromNumber, isFloat } from "./datatype.js";
import { numberOf } from "./json.js";

/** What many networks were trained with, of red, green and blue. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/** Ranges of numbers that black and white may become. */
export const RANGES = {
  unit: { title: "0 to 1", low: 0, high: 1 },
  signed: { title: "−1 to 1", low: -1, high: 1 },
  bytes: { title: "0 to 255", low: 0, high: 255 },
  imagenet: { title: "ImageNet mean and deviation" },
};

/** The range that an example's numbers, or the rule of a contract, speak of: {range, low, high}. */
export function guessRange(datatype, data, channels, rule) {
  const [least, most] = [Number(rule?.min ?? NaN), Number(rule?.max ?? NaN)];
  if (most > least) return named(least, most);
  let low = Infinity;
  let high = -Infinity;
  for (const element of data) {
    const number = numberOf(element);
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (!isFloat(datatype)) return high === 1 ? named(0, 1) : named(0, 255);
  if (low < 0) return low >= -1.001 && high <= 1.001 ? named(-1, 1) : channels === 3 ? { range: "imagenet", low: 0, high: 1 } : named(-1, 1);
  if (high <= 1.001) return named(0, 1);
  return high <= 16 ? named(0, 16) : named(0, 255);
}

function named(low, high) {
  const found = Object.entries(RANGES).find(([, range]) => range.low === low && range.high === high);
  return { range: found ? found[0] : "own", low, high };
}

const grey = (red, green, blue) => 0.299 * red + 0.587 * green + 0.114 * blue;

/** A level of 0 to 255 in the range of the model. */
function scaled(level, channel, { range, low, high }) {
  if (range === "imagenet") return (level / 255 - MEAN[channel % 3]) / DEVIATION[channel % 3];
  return low + (level / 255) * (high - low);
}

function unscaled(number, channel, { range, low, high }) {
  if (range === "imagenet") return (number * DEVIATION[channel % 3] + MEAN[channel % 3]) * 255;
  return ((number - low) / (high - low)) * 255;
}

/** Where a channel of a pixel stands among the numbers of a row. */
function place({ height, width, channels, order }, x, y, channel) {
  return order === "pixels" ? (y * width + x) * channels + channel : (channel * height + y) * width + x;
}

// Which of red, green, blue and alpha a channel takes, by its number.
const COLOURS = { rgb: [0, 1, 2, 3], bgr: [2, 1, 0, 3] };

/**
 * The elements of one row. `rgba` has four bytes a pixel, `filled(x, y)` says where the image
 * ends and zeros begin. Settings: {colour: "rgb"|"bgr"|"grey", inverted, range, low, high}.
 */
export function toElements(datatype, size, rgba, settings, filled = () => false) {
  const { height, width, channels } = size;
  const nothing = fromNumber(datatype, 0);
  const data = new Array(height * width * channels);
  const known = new Map();
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 4;
      for (let channel = 0; channel < channels; channel += 1) {
        const target = place(size, x, y, channel);
        if (filled(x, y)) {
          data[target] = nothing;
          continue;
        }
        const level = levelOf(rgba, at, channel, channels, settings);
        const name = level * 4 + (settings.range === "imagenet" ? channel : 0);
        let element = known.get(name);
        if (element === undefined) {
          element = fromNumber(datatype, scaled(level, channelOf(settings, channel), settings));
          known.set(name, element);
        }
        data[target] = element;
      }
    }
  }
  return data;
}

// The mean and deviation belong to the colour, wherever it stands.
const channelOf = ({ colour }, channel) => (colour === "bgr" ? COLOURS.bgr[channel] : channel);

function levelOf(rgba, at, channel, channels, { colour, inverted }) {
  if (channel === 3) return rgba[at + 3];
  const level = channels === 1 || colour === "grey" ? Math.round(grey(rgba[at], rgba[at + 1], rgba[at + 2])) : rgba[at + COLOURS[colour][channel]];
  return inverted ? 255 - level : level;
}

/** The same back: four bytes a pixel, as the model sees the row. */
export function toPixels(size, data, settings) {
  const { height, width, channels } = size;
  const rgba = new Uint8ClampedArray(height * width * 4);
  const order = COLOURS[settings.colour] ?? COLOURS.rgb;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 4;
      rgba[at + 3] = 255;
      for (let channel = 0; channel < Math.min(3, channels); channel += 1) {
        const number = numberOf(data[place(size, x, y, channel)] ?? "0");
        const level = unscaled(number, channelOf(settings, channel), settings);
        if (channels === 1) rgba.fill(Math.round(clamped(level)), at, at + 3);
        else rgba[at + order[channel]] = level;
      }
    }
  }
  return rgba;
}

const clamped = (level) => (Number.isFinite(level) ? Math.min(255, Math.max(0, level)) : 0);

/** Whether bytes may be a portable grey- or pixmap, which browsers do not read. */
export function isPortable(bytes) {
  return bytes[0] === 0x50 && bytes[1] >= 0x32 && bytes[1] <= 0x36 && bytes[1] !== 0x34;
}

const MOST_PIXELS = 64_000_000;

/** A PGM or PPM (P2, P3, P5, P6) of 8 bits as {width, height, rgba}. */
export function readPortable(bytes) {
  let at = 2;
  const space = (byte) => byte === 32 || (byte >= 9 && byte <= 13);
  const whole = () => {
    while (at < bytes.length && (space(bytes[at]) || bytes[at] === 35)) {
      if (bytes[at] === 35) while (at < bytes.length && bytes[at] !== 10) at += 1;
      at += 1;
    }
    let number = 0;
    const start = at;
    while (bytes[at] >= 48 && bytes[at] <= 57) {
      number = number * 10 + bytes[at] - 48;
      at += 1;
    }
    if (at === start) throw new Error("the file ends too early, or is no PGM or PPM");
    return number;
  };
  const kind = bytes[1] - 48;
  const [width, height, top] = [whole(), whole(), whole()];
  if (top < 1 || top > 255) throw new Error("only PGM and PPM of 8 bits can be read");
  if (width < 1 || height < 1 || width * height > MOST_PIXELS) throw new Error("the image is empty or too large");
  const colours = kind === 3 || kind === 6 ? 3 : 1;
  const binary = kind >= 5;
  if (binary) at += 1;
  if (binary && bytes.length - at < width * height * colours) throw new Error("the file ends too early");
  const next = binary ? () => bytes[at++] : whole;
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const first = (next() * 255) / top;
    const rest = colours === 3 ? [(next() * 255) / top, (next() * 255) / top] : [first, first];
    rgba.set([first, ...rest, 255], pixel * 4);
  }
  return { width, height, rgba };
}

/** How far an image reaches when it keeps its shape in a box. */
export function contained(image, box) {
  const factor = Math.min(box.width / image.width, box.height / image.height);
  return {
    width: Math.max(1, Math.min(box.width, Math.ceil(image.width * factor))),
    height: Math.max(1, Math.min(box.height, Math.ceil(image.height * factor))),
  };
}

/** The part of an image that fills a box of another shape. */
export function covering(image, box) {
  const factor = Math.min(image.width / box.width, image.height / box.height);
  const [width, height] = [box.width * factor, box.height * factor];
  return { x: (image.width - width) / 2, y: (image.height - height) / 2, width, height };
}
