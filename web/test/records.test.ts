/** Records, tables, tracks and words: what is kept and shown of what was read. */

import { describe, expect, test } from "vitest";
import { describeHead, refusal } from "../src/images";
import { overlap, roundHalfEven, suppress, type Face } from "../src/faces";
import { fit, toShown } from "../src/overlay";
import { findEvents, findTracks, MAX_FRAMES, Recording } from "../src/recording";
import { calibrate } from "../src/recognizer";
import { frameResult, imageResult, read, unread, type FaceResult } from "../src/results";
import { readSpec } from "../src/spec";
import { columns, toCsv } from "../src/tables";
import { blend, MAX_GAP_S, Tracker } from "../src/tracking";

const NAMES = ["happy", "sad"];
const POINTS = [1, 2, 3, 4, 5].map((n) => [n, n + 0.126] as const);

function faceAt(x: number, size = 40): Face {
  return { box: { x, y: 10, width: size, height: size }, landmarks: POINTS, score: 0.91234 };
}

function readAt(happy: number, trackId?: number): FaceResult {
  const face = read(faceAt(0), { happy, sad: 1 - happy }, 0.6);
  return trackId === undefined ? face : { ...face, track_id: trackId, smoothed: face.probabilities };
}

describe("results", () => {
  test("below the threshold no emotion is named", () => {
    expect(readAt(0.8)).toMatchObject({ emotion: "happy", reason: null });
    expect(readAt(0.55)).toMatchObject({ emotion: null, reason: "uncertain" });
    expect(unread(faceAt(0, 9))).toMatchObject({ probabilities: null, emotion: null, reason: "too_small" });
  });

  test("the keys are Python's, in Python's order", () => {
    const result = imageResult("a.jpg", 640, 480, [readAt(0.123456789)]);
    expect(Object.keys(result)).toEqual(["schema", "source", "width", "height", "faces"]);
    const face = ["box", "landmarks", "detection_score", "probabilities", "emotion", "reason"];
    expect(Object.keys(result.faces[0])).toEqual(face);
    expect(result.faces[0].probabilities).toEqual({ happy: 0.12345679, sad: 0.87654321 });
    expect(result.faces[0].detection_score).toBe(0.9123);
    expect(result.faces[0].landmarks[0]).toEqual([1, 1.13]);
    expect(Object.keys(frameResult("v", 1.23456, 7, [readAt(0.9, 3)]).faces[0])).toEqual([...face, "track_id", "smoothed"]);
  });

  test("what is shown of a video is smoothed", () => {
    const face = { ...readAt(0.9, 1), smoothed: { happy: 0.5, sad: 0.5 } };
    expect(toShown(face, 0.6)).toMatchObject({ emotion: null, word: "uncertain" });
    expect(toShown(unread(faceAt(0, 9)), 0.6).word).toBe("too small");
  });
});

describe("tables", () => {
  test("there is a row for each face, and one where there is none", () => {
    const text = toCsv([imageResult('a, "b".jpg', 9, 9, [readAt(0.9), readAt(0.2)]), imageResult("=c", 9, 9, [])], NAMES);
    const lines = text.trimEnd().split("\r\n");
    expect(lines.length).toBe(4);
    expect(lines[0]).toBe(columns(NAMES).join(","));
    expect(lines[1].startsWith('"a, ""b"".jpg",,,1,,happy,,0.9,0.1,')).toBe(true);
    expect(lines[2]).toContain(",2,,sad,,0.2,0.8,");
    expect(lines[3]).toBe(`'=c${",".repeat(columns(NAMES).length - 1)}`);
  });
});

describe("recordings", () => {
  test("tracks and events", () => {
    const frames = [0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 3.0].map((timeS, index) =>
      frameResult("v", timeS, index, [readAt(timeS < 0.7 ? 0.9 : timeS < 1.1 ? 0.5 : 0.1, 1)]),
    );
    expect(findTracks(frames)).toMatchObject([{ track_id: 1, start_s: 0, end_s: 3, frames: 8 }]);
    expect(findEvents(frames, 0.6)).toEqual([{ track_id: 1, emotion: "happy", start_s: 0, end_s: 0.6, confidence: 0.9 }]);
  });

  test("going back in a video replaces what was read", () => {
    const recording = new Recording("v", null);
    [0, 1, 2, 3].forEach((timeS) => recording.add(timeS, timeS, []));
    recording.add(1.5, 9, []);
    expect(recording.rows.map(({ time_s }) => time_s)).toEqual([0, 1, 1.5]);
  });

  test("the oldest are let go", () => {
    const recording = new Recording("v", null);
    for (let i = 0; i < MAX_FRAMES + 3; i++) {
      recording.add(i, i, []);
    }
    expect([recording.length, recording.dropped, recording.rows[0].frame]).toEqual([MAX_FRAMES, 3, 3]);
  });
});

describe("tracks", () => {
  test("a face keeps its number while it moves, and gets a new one after a long gap", () => {
    const tracker = new Tracker();
    expect(tracker.assign([faceAt(0), faceAt(200)], 0)).toEqual([1, 2]);
    expect(tracker.assign([faceAt(205), faceAt(5)], 0.1)).toEqual([2, 1]);
    expect(tracker.boxesAt(0.1).length).toBe(2);
    expect(tracker.assign([faceAt(10)], 0.5)).toEqual([1]);
    expect(tracker.assign([faceAt(10)], 0.5 + MAX_GAP_S + 0.1)).toEqual([3]);
  });

  test("smoothed probabilities go part of the way and sum to 1", () => {
    const blended = blend({ happy: 1, sad: 0 }, { happy: 0, sad: 1 }, 0.25);
    expect(blended).toEqual({ happy: 0.75, sad: 0.25 });
    expect(blend(null, { happy: 0.2, sad: 0.8 }, 0.25)).toEqual({ happy: 0.2, sad: 0.8 });
  });
});

describe("arithmetic", () => {
  test("rounding is Python's", () => {
    expect([0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3]);
  });

  test("of two candidates that overlap, the better stays", () => {
    const at = (x: number, score: number) => ({ x, y: 0, width: 10, height: 10, landmarks: [], score });
    expect(suppress([at(0, 0.8), at(1, 0.9), at(30, 0.7)]).map(({ x }) => x)).toEqual([1, 30]);
    expect(overlap(at(0, 1), at(5, 1))).toBeCloseTo(1 / 3);
    expect(overlap(at(0, 1), at(50, 1))).toBe(0);
  });

  test("probabilities sum to 1, however large the logits", () => {
    const row = calibrate([1000, 999, -1000], 2);
    expect(row.reduce((sum, value) => sum + value)).toBeCloseTo(1);
    expect(row[0] / row[1]).toBeCloseTo(Math.exp(0.5));
  });

  test("a picture lies in the middle", () => {
    expect(fit(640, 480, 1000, 480, false)).toEqual({ x: 180, y: 0, scale: 1, mirrored: false, width: 640 });
  });
});

describe("files and contracts", () => {
  test.each([
    ["\xff\xd8\xff\xe0", "image"],
    ["\x89PNG\r\n\x1a\n", "image"],
    ["\0\0\0\x18ftypheic", "heic"],
    ["\0\0\0\x18ftypavif", "image"],
    ["\0\0\0\x18ftypisom", "video"],
    ["\x1aE\xdf\xa3", "video"],
    ["RIFF....WEBP", "image"],
    ["RIFF....AVI ", "video"],
    ["II*\0", "tiff"],
    ["%PDF-1.7", "pdf"],
    ["<svg xmlns=''>", "svg"],
    ["Dear all,", "text"],
    ["", "empty"],
    ["\x01\x02\x03\x04", "unknown"],
  ])("%j is %s", (head, kind) => {
    expect(describeHead(Uint8Array.from(head, (letter) => letter.charCodeAt(0)))).toBe(kind);
  });

  test("a refusal is a sentence", () => {
    expect(refusal("a.heic", "heic").message).toMatch(/^a\.heic is a HEIC picture.*\.$/);
  });

  test("a contract is checked", () => {
    const contract = { schema: 1, name: "m", onnx_sha256: "0".repeat(64), class_names: NAMES, abstention_threshold: null };
    expect(readSpec(contract)).toMatchObject({ temperature: 1, input_size: 48, crop_shift_y: -0.02 });
    const wrong: [object, RegExp][] = [
      [{ schema: 2 }, /schema/],
      [{ class_names: ["a", "a"] }, /class_names/],
      [{ onnx_sha256: "X" }, /onnx_sha256/],
      [{ temperature: 0 }, /temperature/],
      [{ abstention_threshold: 2 }, /abstention_threshold/],
      [{ color: "rgb" }, /color/],
      [{ input_size: 48.5 }, /input_size/],
    ];
    for (const [change, sentence] of wrong) {
      expect(() => readSpec({ ...contract, ...change })).toThrow(sentence);
    }
    expect(() => readSpec([])).toThrow(/JSON object/);
  });
});
