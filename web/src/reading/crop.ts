/**
 * Crop faces to the model's input format.
 *
 * The arithmetic is that of docs/crop.md, to the last grey level; tests/golden/crops.json holds
 * examples that Python and this page both reproduce.
 */

import type { Face } from "./detector";
import type { Pixels } from "./images";

/** A face whose box is smaller than this on its shorter side is not read. */
export const MIN_FACE_PX = 20;

const ROUNDING = 0.5 + 1e-6; // ties go up, also where summing in another order would miss the tie
const DOWN = [
  [0, 1],
  [-1, 0],
  [0, -1],
  [1, 0],
]; // where the chin points in the picture, by quarter turns

/** How a model's faces are cropped. */
export interface CropOptions {
  readonly margin: number;
  readonly shiftY: number;
  readonly size: number;
}

/** Return whether a face is too small to be read. */
export function isTooSmall(face: Face): boolean {
  return Math.min(face.box.width, face.box.height) < MIN_FACE_PX;
}

/**
 * Cut a square around a face, as grey levels: (size, size) uint8.
 *
 * Pixels outside the picture repeat its edge; a face that lies on its side is turned upright.
 */
export function cropFace(image: Pixels, face: Face, { margin, shiftY, size }: CropOptions): Uint8Array {
  const { box } = face;
  const longer = Math.max(box.width, box.height);
  const side = longer * (1 + 2 * margin);
  const turns = quarterTurns(face);
  const left = box.x + box.width / 2 + DOWN[turns][0] * shiftY * longer - side / 2;
  const top = box.y + box.height / 2 + DOWN[turns][1] * shiftY * longer - side / 2;
  const across = areaWeights(left, side, size, image.width);
  const rows = areaWeights(top, side, size, image.height);
  const narrow = new Float64Array(rows.count * size); // (h, size)
  for (let y = 0; y < rows.count; y++) {
    const grey = greyRow(image, rows.first + y, across.first, across.count);
    for (let x = 0; x < size; x++) {
      narrow[y * size + x] = dot(across, x, grey, 0, 1);
    }
  }
  const crop = new Uint8Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      crop[y * size + x] = Math.floor(dot(rows, y, narrow, x, size) + ROUNDING);
    }
  }
  return turnBack(crop, size, turns);
}

/** Count the quarter turns, clockwise, by which a face is turned away from upright: 0 to 3. */
export function quarterTurns(face: Face): number {
  if (face.landmarks.length !== 5) {
    return 0;
  }
  const [rightEye, leftEye, , rightMouth, leftMouth] = face.landmarks;
  const x = rightMouth[0] + leftMouth[0] - rightEye[0] - leftEye[0];
  const y = rightMouth[1] + leftMouth[1] - rightEye[1] - leftEye[1];
  if (Math.abs(y) >= Math.abs(x)) {
    return y >= 0 ? 0 : 2;
  }
  return x < 0 ? 1 : 3;
}

/** Scale crops to what the model takes: (N, 1, size, size) float32 in [0, 1]. */
export function toInput(crops: readonly Uint8Array[], size: number): Float32Array {
  const input = new Float32Array(crops.length * size * size);
  crops.forEach((crop, n) => {
    for (let i = 0; i < crop.length; i++) {
      input[n * size * size + i] = crop[i] / 255;
    }
  });
  return input;
}

/** For each pixel of the crop, the weights of `count` pixels of the picture from `first` on. */
interface AreaWeights {
  readonly first: number;
  readonly count: number;
  readonly weights: Float64Array; // (size, count)
  readonly starts: Int32Array; // (size,) where a row's weights begin not to be 0
  readonly stops: Int32Array; // (size,) where they end
}

/** Weigh the pixels of one axis for each pixel of the crop; see docs/crop.md. */
function areaWeights(start: number, extent: number, size: number, length: number): AreaWeights {
  const step = extent / size;
  const width = Math.max(step, 1);
  const low = (i: number): number => start + (i + 0.5) * step - width / 2;
  const high = (i: number): number => start + (i + 0.5) * step + width / 2;
  const first = Math.min(Math.max(Math.floor(low(0)), 0), length - 1);
  const stop = Math.min(Math.max(Math.ceil(high(size - 1)), first + 1), length);
  const count = stop - first;
  const weights = new Float64Array(size * count);
  const starts = new Int32Array(size).fill(count);
  const stops = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < count; j++) {
      const left = j === 0 && first === 0 ? -Infinity : first + j;
      const right = j === count - 1 && stop === length ? Infinity : first + j + 1;
      const covered = Math.min(high(i), right) - Math.max(low(i), left);
      if (covered > 0) {
        weights[i * count + j] = covered / width;
        starts[i] = Math.min(starts[i], j);
        stops[i] = j + 1;
      }
    }
  }
  return { first, count, weights, starts, stops };
}

/** Sum values weighed for one pixel of the crop. */
function dot(axis: AreaWeights, index: number, values: Float64Array, offset: number, stride: number): number {
  let sum = 0;
  for (let j = axis.starts[index]; j < axis.stops[index]; j++) {
    sum += axis.weights[index * axis.count + j] * values[offset + j * stride];
  }
  return sum;
}

/** Bring a stretch of one row to grey levels: ITU-R 601-2 luma, in whole numbers. */
function greyRow(image: Pixels, y: number, first: number, count: number): Float64Array {
  const grey = new Float64Array(count);
  for (let x = 0, at = (y * image.width + first) * 4; x < count; x++, at += 4) {
    const { data } = image;
    grey[x] = (19595 * data[at] + 38470 * data[at + 1] + 7471 * data[at + 2] + 32768) >>> 16;
  }
  return grey;
}

/** Rotate a crop by quarter turns, counterclockwise, so that the chin is at the bottom. */
function turnBack(crop: Uint8Array, size: number, turns: number): Uint8Array {
  let turned = crop;
  for (let turn = 0; turn < turns; turn++) {
    const next = new Uint8Array(size * size);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        next[y * size + x] = turned[x * size + (size - 1 - y)];
      }
    }
    turned = next;
  }
  return turned;
}
