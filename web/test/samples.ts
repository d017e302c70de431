/** Faces and readings that several tests take. */

import type { Face } from "../src/reading/detector";
import { read, type FaceResult } from "../src/reading/results";

export const NAMES = ["happy", "sad"];
const POINTS = [1, 2, 3, 4, 5].map((n) => [n, n + 0.126] as const);

export function faceAt(x: number, size = 40): Face {
  return { box: { x, y: 10, width: size, height: size }, landmarks: POINTS, score: 0.91234 };
}

export function readAt(happy: number, trackId?: number): FaceResult {
  const face = read(faceAt(0), { happy, sad: 1 - happy }, { abstention_threshold: 0.6, certainty_temperature: 0.5 });
  return trackId === undefined ? face : { ...face, track_id: trackId, smoothed: face.probabilities };
}
