/**
 * Resize pictures, level for level like Pillow in Python.
 *
 * It follows what `Image.resize(..., BILINEAR, reducing_gap=2.0)` computes: a picture much larger
 * than wanted is first averaged over whole blocks; then each axis is weighed with a triangle,
 * in 22-bit fixed point, and rounded to 8 bits after each axis.
 */

import type { Pixels } from "./images";

const REDUCING_GAP = 2.0;
const PRECISION_BITS = 22;

/** Scale a picture to a size, (height, width, RGBA). */
export function resize(image: Pixels, width: number, height: number): Pixels {
  if (image.width === width && image.height === height) {
    return image;
  }
  const factorX = Math.trunc(image.width / width / REDUCING_GAP) || 1;
  const factorY = Math.trunc(image.height / height / REDUCING_GAP) || 1;
  const reduced = factorX > 1 || factorY > 1 ? reduce(image, factorX, factorY) : image;
  // What the reduced picture covers may end within its last pixel.
  const across = weigh(reduced.width, Math.fround(image.width / factorX), width);
  const down = weigh(reduced.height, Math.fround(image.height / factorY), height);
  const narrow = across === null ? reduced : scaleRows(reduced, across);
  return down === null ? narrow : scaleColumns(narrow, down);
}

/** Average whole blocks of pixels; blocks at the right and lower edge may be smaller. */
function reduce(image: Pixels, factorX: number, factorY: number): Pixels {
  const width = Math.ceil(image.width / factorX);
  const height = Math.ceil(image.height / factorY);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const top = y * factorY;
    const bottom = Math.min(top + factorY, image.height);
    for (let x = 0; x < width; x++) {
      const left = x * factorX;
      const right = Math.min(left + factorX, image.width);
      const count = (bottom - top) * (right - left);
      const multiplier = Math.trunc(Math.fround(2 ** 32 / (256 * count)));
      let red = count >> 1;
      let green = red;
      let blue = red;
      for (let row = top; row < bottom; row++) {
        for (let at = (row * image.width + left) * 4, end = at + (right - left) * 4; at < end; at += 4) {
          red += image.data[at];
          green += image.data[at + 1];
          blue += image.data[at + 2];
        }
      }
      const to = (y * width + x) * 4;
      data[to] = Math.floor((red * multiplier) / 2 ** 24);
      data[to + 1] = Math.floor((green * multiplier) / 2 ** 24);
      data[to + 2] = Math.floor((blue * multiplier) / 2 ** 24);
      data[to + 3] = 255;
    }
  }
  return { width, height, data };
}

/** For each pixel of an axis: the first pixel it is made of, and whole-number weights. */
interface Weights {
  readonly size: number;
  readonly first: Int32Array; // (size,)
  readonly counts: Int32Array; // (size,)
  readonly most: number;
  readonly levels: Int32Array; // (size, most), in units of 2^-22
}

/** Weigh one axis: `length` pixels, of which `extent` are covered, become `size`; null keeps it. */
function weigh(length: number, extent: number, size: number): Weights | null {
  if (length === size && extent === size) {
    return null;
  }
  const scale = extent / size;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(size);
  const counts = new Int32Array(size);
  const levels = new Int32Array(size * most);
  const weights = new Float64Array(most);
  for (let i = 0; i < size; i++) {
    const centre = (i + 0.5) * scale;
    const low = Math.max(Math.trunc(centre - support + 0.5), 0);
    const high = Math.min(Math.trunc(centre + support + 0.5), length);
    let sum = 0;
    for (let j = 0; j < high - low; j++) {
      weights[j] = Math.max(1 - Math.abs((j + low - centre + 0.5) * (1 / support)), 0);
      sum += weights[j];
    }
    for (let j = 0; j < high - low; j++) {
      levels[i * most + j] = Math.trunc(0.5 + (weights[j] / sum) * 2 ** PRECISION_BITS);
    }
    first[i] = low;
    counts[i] = high - low;
  }
  return { size, first, counts, most, levels };
}

function scaleRows(image: Pixels, across: Weights): Pixels {
  const data = new Uint8ClampedArray(across.size * image.height * 4);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < across.size; x++) {
      let at = (y * image.width + across.first[x]) * 4;
      weighed(image.data, at, 4, across, x, data, (y * across.size + x) * 4);
    }
  }
  return { width: across.size, height: image.height, data };
}

function scaleColumns(image: Pixels, down: Weights): Pixels {
  const data = new Uint8ClampedArray(image.width * down.size * 4);
  for (let y = 0; y < down.size; y++) {
    for (let x = 0; x < image.width; x++) {
      const at = (down.first[y] * image.width + x) * 4;
      weighed(image.data, at, image.width * 4, down, y, data, (y * image.width + x) * 4);
    }
  }
  return { width: image.width, height: down.size, data };
}

/** Write one pixel: the weighed mean of pixels `stride` apart, rounded. */
function weighed(
  from: Pixels["data"],
  start: number,
  stride: number,
  weights: Weights,
  index: number,
  to: Uint8ClampedArray,
  place: number,
): void {
  const half = 1 << (PRECISION_BITS - 1);
  let red = half;
  let green = half;
  let blue = half;
  const begin = index * weights.most;
  const end = begin + weights.counts[index];
  for (let i = begin, at = start; i < end; i++, at += stride) {
    const weight = weights.levels[i];
    red += from[at] * weight;
    green += from[at + 1] * weight;
    blue += from[at + 2] * weight;
  }
  to[place] = red >> PRECISION_BITS;
  to[place + 1] = green >> PRECISION_BITS;
  to[place + 2] = blue >> PRECISION_BITS;
  to[place + 3] = 255;
}
