/** Find the faces of an image: box, five landmarks, score. */

import type { Pixels } from "./images";
import { resize } from "./resize";
import { MULTIPLE, YuNet, type Candidate } from "./yunet";

/** The picture's longer side at detection. */
export const DETECTOR_SIZE = 640;
export const MIN_SCORE = 0.7;
/** Of two candidates that overlap more than this (intersection over union), the better stays. */
export const MAX_OVERLAP = 0.3;
/** Longer sides tried if nothing was found: a face that fills its picture is missed at 640. */
export const TIGHT_CROP_SIZES = [224, 160];
/** Side of the square in which a face is searched for in the next frame, as the network sees it. */
const NEAR_SIZE = 160;
/** That square's side, as a multiple of the longer side of the expected box. */
const NEAR_EXTENT = 2.2;

/** A picture longer than this many times its shorter side is searched at a larger size, at most `MAX_SIZES` times. */
const MAX_PROPORTION = 3;
const MAX_SIZES = 16;

/** A rectangle in pixels of the picture; it may reach past the picture's edge. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A face that was found; `score` in [0, 1] is not a probability. */
export interface Face {
  readonly box: Box;
  readonly landmarks: readonly (readonly [number, number])[];
  readonly score: number;
}

/** A face detector, opened once for many pictures. */
export class FaceDetector {
  constructor(private readonly network: Pick<YuNet, "propose">) {}

  /** Find the faces of a picture, the largest first. */
  async detect(image: Pixels): Promise<Face[]> {
    for (const size of [firstSize(image), ...TIGHT_CROP_SIZES]) {
      const faces = await this.detectAt(image, size);
      if (faces.length > 0) {
        return faces.sort((a, b) => area(b.box) - area(a.box));
      }
    }
    return [];
  }

  /** Find a face again near where it is expected; null if it is gone. */
  async detectNear(image: Pixels, box: Box): Promise<Face | null> {
    const side = Math.max(MULTIPLE, Math.round(Math.max(box.width, box.height) * NEAR_EXTENT));
    const left = Math.round(box.x + box.width / 2 - side / 2);
    const top = Math.round(box.y + box.height / 2 - side / 2);
    const faces = await this.detectAt(cut(image, left, top, side), NEAR_SIZE);
    let best: Face | null = null;
    let most = MAX_OVERLAP;
    for (const face of faces.map((found) => move(found, left, top))) {
      const shared = overlap(face.box, box);
      if (shared > most) {
        [best, most] = [face, shared];
      }
    }
    return best;
  }

  private async detectAt(image: Pixels, size: number): Promise<Face[]> {
    const { pixels, scaleX, scaleY } = letterbox(image, size);
    const candidates = await this.network.propose(pixels, MIN_SCORE);
    return suppress(candidates).map(({ x, y, width, height, landmarks, score }) => ({
      box: { x: x / scaleX, y: y / scaleY, width: width / scaleX, height: height / scaleY },
      landmarks: landmarks.map(([px, py]) => [px / scaleX, py / scaleY] as const),
      score,
    }));
  }
}

/** Choose the first size: a panorama's faces would vanish at the usual one. */
function firstSize({ width, height }: Pixels): number {
  const longer = Math.max(width, height);
  const fitting = roundHalfEven(
    DETECTOR_SIZE * Math.min(longer / Math.min(width, height) / MAX_PROPORTION, MAX_SIZES),
  );
  return Math.max(DETECTOR_SIZE, Math.min(fitting, longer));
}

/** Scale a picture to a longer side and pad it, black, to the right and below. */
export function letterbox(image: Pixels, size: number): { pixels: Pixels; scaleX: number; scaleY: number } {
  const longer = Math.max(image.width, image.height);
  const width = Math.max(1, roundHalfEven((image.width * size) / longer));
  const height = Math.max(1, roundHalfEven((image.height * size) / longer));
  const scaled = resize(image, width, height);
  const padded = cut(scaled, 0, 0, ceilTo(width), ceilTo(height));
  return { pixels: padded, scaleX: width / image.width, scaleY: height / image.height };
}

/** Keep the best of overlapping candidates, the best first. */
export function suppress(candidates: Candidate[]): Candidate[] {
  const waiting = [...candidates].sort((a, b) => b.score - a.score); // stable
  const kept: Candidate[] = [];
  for (const candidate of waiting) {
    if (kept.every((better) => overlap(better, candidate) <= MAX_OVERLAP)) {
      kept.push(candidate);
    }
  }
  return kept;
}

/** Return how much two boxes overlap: intersection over union, 0 to 1. */
export function overlap(a: Box, b: Box): number {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  const shared = Math.max(across, 0) * Math.max(down, 0);
  const joined = area(a) + area(b) - shared;
  return joined > 0 ? shared / joined : 0;
}

/** Crop a rectangle from a picture; pixels outside it are black. */
function cut(image: Pixels, left: number, top: number, width: number, height = width): Pixels {
  if (left === 0 && top === 0 && width === image.width && height === image.height) {
    return image;
  }
  const data = new Uint8ClampedArray(width * height * 4);
  const first = Math.max(left, 0);
  const stop = Math.min(left + width, image.width);
  for (let y = Math.max(top, 0); y < Math.min(top + height, image.height) && first < stop; y++) {
    const row = image.data.subarray((y * image.width + first) * 4, (y * image.width + stop) * 4);
    data.set(row, ((y - top) * width + first - left) * 4);
  }
  return { width, height, data };
}

function move(face: Face, x: number, y: number): Face {
  return {
    ...face,
    box: { ...face.box, x: face.box.x + x, y: face.box.y + y },
    landmarks: face.landmarks.map(([px, py]) => [px + x, py + y] as const),
  };
}

function area(box: Box): number {
  return box.width * box.height;
}

function ceilTo(length: number): number {
  return Math.ceil(length / MULTIPLE) * MULTIPLE;
}

/** Round like Python: halves go to the even number. */
export function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}
