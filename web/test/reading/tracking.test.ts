/** Faces are followed from frame to frame. */

import { expect, test } from "vitest";
import { blend, MAX_GAP_S, Tracker } from "../../src/reading/tracking";
import { faceAt } from "../samples";

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
