/**
 * Write results as CSV with the columns of Python's tables: one row for each
 * face, and one row with empty face columns for a photo or frame without any.
 */

import type { FaceResult, FrameResult, ImageResult } from "./results";

const POINTS = ["right_eye", "left_eye", "nose_tip", "right_mouth_corner", "left_mouth_corner"];

type Cell = string | number | null;

/** Name the columns, in order. */
export function columns(emotions: readonly string[]): string[] {
  return [
    ...["source", "time_s", "frame", "face", "track_id", "emotion", "reason", "certainty"],
    ...emotions,
    "smoothed_emotion",
    ...emotions.map((name) => `smoothed_${name}`),
    "detection_score",
    ...["box_x", "box_y", "box_width", "box_height"],
    ...POINTS.flatMap((point) => [`${point}_x`, `${point}_y`]),
    "turned",
    "error",
  ];
}

/** Return photos or frames as CSV. */
export function toCsv(records: readonly (ImageResult | FrameResult)[], emotions: readonly string[]): string {
  const rows = records.flatMap((record) => {
    const before = "time_s" in record ? [record.source, record.time_s, record.frame] : [record.source, null, null];
    const faces: readonly (FaceResult | null)[] = record.faces.length ? record.faces : [null];
    const after = ["turned" in record ? record.turned : null, null];
    return faces.map((face, index) => [
      ...before,
      face === null ? null : index + 1,
      ...cells(face, emotions),
      ...after,
    ]);
  });
  return [columns(emotions), ...rows].map((row) => `${row.map(quote).join(",")}\r\n`).join("");
}

/** Return a face's columns, from `track_id` to the last landmark. */
function cells(face: FaceResult | null, emotions: readonly string[]): Cell[] {
  const box = face?.box;
  return [
    face?.track_id ?? null,
    face?.emotion ?? null,
    face?.reason ?? null,
    face?.certainty ?? null,
    ...emotions.map((name) => face?.probabilities?.[name] ?? null),
    mostProbable(face?.smoothed, emotions),
    ...emotions.map((name) => face?.smoothed?.[name] ?? null),
    face?.detection_score ?? null,
    ...[box?.x, box?.y, box?.width, box?.height].map((value) => value ?? null),
    ...POINTS.flatMap((_, index) => [face?.landmarks[index][0] ?? null, face?.landmarks[index][1] ?? null]),
  ];
}

/** Return the most probable emotion, or null where there are no probabilities. */
function mostProbable(probabilities: FaceResult["smoothed"], emotions: readonly string[]): string | null {
  if (!probabilities) {
    return null;
  }
  return emotions.reduce((best, name) => (probabilities[name] > probabilities[best] ? name : best), emotions[0]);
}

/** Quote where needed, and keep spreadsheets from running text as a formula. */
function quote(value: Cell): string {
  if (value === null || typeof value === "number") {
    return value === null ? "" : String(value);
  }
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
