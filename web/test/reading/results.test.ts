/** Records have the keys and the rounding that Python's have. */

import { expect, test } from "vitest";
import { frameResult, imageResult, unread } from "../../src/reading/results";
import { faceAt, readAt } from "../samples";

test("below the threshold no emotion is named", () => {
  expect(readAt(0.8)).toMatchObject({ emotion: "happy", reason: null });
  expect(readAt(0.55)).toMatchObject({ emotion: null, reason: "uncertain" });
  expect(unread(faceAt(0, 9))).toMatchObject({ probabilities: null, emotion: null, reason: "too_small" });
});

test("the keys are Python's, in Python's order", () => {
  const result = imageResult("a.jpg", { width: 640, height: 480 }, "votes", [readAt(0.123456789)]);
  expect(Object.keys(result)).toEqual(["schema", "source", "width", "height", "turned", "damage", "labels", "faces"]);
  const face = ["box", "landmarks", "detection_score", "probabilities", "emotion", "reason", "certainty"];
  expect(Object.keys(result.faces[0])).toEqual(face);
  expect(result.faces[0].probabilities).toEqual({ happy: 0.12345679, sad: 0.87654321 });
  expect(result.faces[0].detection_score).toBe(0.9123);
  expect(result.faces[0].landmarks[0]).toEqual([1, 1.13]);
  expect(Object.keys(frameResult("v", 1.23456, 7, "votes", [readAt(0.9, 3)]).faces[0])).toEqual([...face, "track_id", "smoothed"]);
});
