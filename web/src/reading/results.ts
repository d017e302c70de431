/** Results as plain records, with the keys of Python's JSON. */

import type { Box, Face } from "./detector";
import type { Labels, ModelSpec } from "./spec";

export const SCHEMA = 1;

/** Probabilities by emotion, summing to 1. */
export type Probabilities = Readonly<Record<string, number>>;
/** Why a face has no emotion: it is too small, or no emotion is probable enough. */
export type Reason = "too_small" | "uncertain";

/** One face and its apparent expression; see `results.FaceResult` in Python. */
export interface FaceResult {
  readonly box: Box;
  readonly landmarks: readonly (readonly [number, number])[];
  readonly detection_score: number;
  readonly probabilities: Probabilities | null;
  readonly emotion: string | null;
  readonly reason: Reason | null;
  /** How likely it is that most people would choose the most probable emotion, in [0, 1]. */
  readonly certainty: number | null;
  readonly track_id?: number;
  readonly smoothed?: Probabilities | null;
}

export interface ImageResult {
  readonly schema: number;
  readonly source: string;
  readonly width: number;
  readonly height: number;
  /** By how many degrees, clockwise, the picture has to be turned to be upright; the page searches it as it is. */
  readonly turned: 0 | 90 | 180 | 270;
  /** What is missing from the file; the page's browser refuses or completes such files itself. */
  readonly damage: string | null;
  readonly labels: Labels;
  readonly faces: readonly FaceResult[];
}

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** One analysed frame: `time_s` is when it is shown, `frame` its number as counted by the browser. */
export interface FrameResult {
  readonly schema: number;
  readonly source: string;
  readonly time_s: number;
  readonly frame: number;
  readonly labels: Labels;
  readonly faces: readonly FaceResult[];
}

/** Return the record of a face that is too small to be read. */
export function unread(face: Face): FaceResult {
  const { box, landmarks, score } = face;
  return { box, landmarks, detection_score: score, probabilities: null, emotion: null, reason: "too_small", certainty: null };
}

/** What of a contract names a face that was read. */
export type Naming = Pick<ModelSpec, "abstention_threshold" | "certainty_temperature">;

/** Return the record of a face that was read; below the contract's threshold no emotion is named. */
export function read(face: Face, probabilities: Probabilities, spec: Naming): FaceResult {
  const emotion = topOf(probabilities);
  const { abstention_threshold: threshold, certainty_temperature: temperature } = spec;
  const certain = threshold === null || probabilities[emotion] >= threshold;
  const { box, landmarks, score } = face;
  return {
    box,
    landmarks,
    detection_score: score,
    probabilities,
    emotion: certain ? emotion : null,
    reason: certain ? null : "uncertain",
    certainty: temperature === null ? null : findCertainty(Object.values(probabilities), temperature),
  };
}

/** Return how likely the most probable emotion is the one that most people would choose; see `model.certainty` in Python. */
export function findCertainty(probabilities: readonly number[], temperature: number): number {
  const top = Math.max(...probabilities);
  return 1 / probabilities.reduce((sum, value) => sum + (value / top) ** (1 / temperature), 0);
}

/** Return the most probable emotion. */
export function topOf(probabilities: Probabilities): string {
  return Object.keys(probabilities).reduce((best, name) => (probabilities[name] > probabilities[best] ? name : best));
}

/** Return a face as it is written: pixels to 2 decimals, probabilities to 8. */
export function toRecord(face: FaceResult): FaceResult {
  const { box } = face;
  const record: FaceResult = {
    box: { x: round(box.x, 2), y: round(box.y, 2), width: round(box.width, 2), height: round(box.height, 2) },
    landmarks: face.landmarks.map(([x, y]) => [round(x, 2), round(y, 2)] as const),
    detection_score: round(face.detection_score, 4),
    probabilities: roundAll(face.probabilities),
    emotion: face.emotion,
    reason: face.reason,
    certainty: face.certainty === null ? null : round(face.certainty, 4),
  };
  if (face.track_id === undefined) {
    return record;
  }
  return { ...record, track_id: face.track_id, smoothed: roundAll(face.smoothed ?? null) };
}

/** Return the record of a photo in the size given, read by a model that answers with these labels. */
export function imageResult(source: string, { width, height }: Size, labels: Labels, faces: readonly FaceResult[]): ImageResult {
  return { schema: SCHEMA, source, width, height, turned: 0, damage: null, labels, faces: faces.map(toRecord) };
}

/** Return the record of a frame, read by a model that answers with these labels. */
export function frameResult(
  source: string,
  timeS: number,
  frame: number,
  labels: Labels,
  faces: readonly FaceResult[],
): FrameResult {
  return { schema: SCHEMA, source, time_s: round(timeS, 3), frame, labels, faces: faces.map(toRecord) };
}

export function round(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale;
}

function roundAll(probabilities: Probabilities | null): Probabilities | null {
  if (probabilities === null) {
    return null;
  }
  return Object.fromEntries(Object.entries(probabilities).map(([name, value]) => [name, round(value, 8)]));
}
