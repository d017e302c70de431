/** Faces get the tracks that Python gives them. */

import { describe, expect, test } from "vitest";
import { assign } from "../../src/reading/assignment";
import { MAX_LOSS_S, Tracker } from "../../src/reading/tracking";
import { tracks } from "../golden";
import { faceAt } from "../samples";

describe("golden tracks", () => {
  test.each(tracks.tracks.map(({ frames }, index) => [index, frames] as const))("example %i", (_, frames) => {
    const tracker = new Tracker();
    for (const { time_s, boxes, expected, track_ids } of frames) {
      const given = tracker.expect(time_s).map(({ x, y, width, height }) => [x, y, width, height]);
      expect(given.length).toBe(expected.length);
      given.flat().forEach((value, index) => expect(value).toBeCloseTo(expected.flat()[index], 8));
      const faces = boxes.map(([x, y, width, height]) => ({ box: { x, y, width, height } }));
      expect(tracker.update(time_s, faces)).toEqual(track_ids);
    }
  });
});

test("a face keeps its number while it moves, and gets a new one after a long loss", () => {
  const tracker = new Tracker();
  expect(tracker.update(0, [faceAt(0), faceAt(200)])).toEqual([1, 2]);
  expect(tracker.update(0.1, [faceAt(205), faceAt(5)])).toEqual([2, 1]);
  expect(tracker.expect(0.1).length).toBe(2);
  expect(tracker.update(0.5, [faceAt(10)])).toEqual([1]);
  expect(tracker.update(0.5 + MAX_LOSS_S + 0.1, [faceAt(10)])).toEqual([3]);
});

test("as many as possible are paired, at the least cost", () => {
  expect(assign([[1, 2], [1, 9]])).toEqual([[0, 1], [1, 0]]);
  expect(assign([[5, Infinity], [1, 7]])).toEqual([[0, 0], [1, 1]]);
  expect(assign([[Infinity, Infinity, 3]])).toEqual([[0, 2]]);
  expect(assign([[Infinity]])).toEqual([]);
  expect(assign([])).toEqual([]);
});
