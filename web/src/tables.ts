/** This module turns results into CSV: one row for every face, and one for a frame without any. */

import type { FaceResult, FrameResult, ImageResult } from "./results";

const BEFORE = ["x", "y", "width", "height", "detection_score", "emotion", "reason"];

/** Give a photo's faces as CSV. */
export function photoTable(result: ImageResult, names: readonly string[]): string {
  const rows = result.faces.length ? result.faces : [null];
  return table(["source", ...BEFORE, ...names], rows.map((face) => [result.source, ...cells(face, names)]));
}

/** Give a recording's frames as CSV, with the smoothed probabilities after the others. */
export function videoTable(frames: readonly FrameResult[], names: readonly string[]): string {
  const header = ["source", "time_s", "frame", "track_id", ...BEFORE, ...names, ...names.map((name) => `smoothed_${name}`)];
  const rows = frames.flatMap(({ source, time_s, frame, faces }) =>
    (faces.length ? faces : [null]).map((face) => [
      source,
      time_s,
      frame,
      face?.track_id ?? null,
      ...cells(face, names),
      ...names.map((name) => face?.smoothed?.[name] ?? null),
    ]),
  );
  return table(header, rows);
}

function cells(face: FaceResult | null, names: readonly string[]): (string | number | null)[] {
  const before = face === null ? BEFORE.map(() => null) : [...Object.values(face.box), face.detection_score, face.emotion, face.reason];
  return [...before, ...names.map((name) => face?.probabilities?.[name] ?? null)];
}

function table(header: readonly string[], rows: readonly (string | number | null)[][]): string {
  return [header, ...rows].map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";
}

/** Quote where needed; a text that a spreadsheet would take for a formula is defused. */
function quote(value: string | number | null): string {
  if (value === null || typeof value === "number") {
    return value === null ? "" : String(value);
  }
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
