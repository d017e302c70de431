/** The lanes of the timeline. */

import { expect, test } from "vitest";
import { findMaxGap, LANE_FILL, toLanes, toShare } from "../../src/element/lanes";
import { frameResult } from "../../src/reading/results";
import { NAMES, readAt } from "../samples";

const frame = (timeS: number, happy: number | null, track = 1) =>
  frameResult("<camera>", timeS, 0, "votes", happy === null ? [] : [readAt(happy, track)]);

test("each expression has its lane, the first on top, solid where it is the one named", () => {
  const { timesS, heights, named, counts } = toLanes([frame(0, 0.9), frame(0.5, 0.55)], new Set([1]), NAMES, 0.6);
  expect(timesS).toEqual([0, 0.5]);
  expect(heights[0]).toEqual([1 + 0.9 * LANE_FILL, 1 + 0.55 * LANE_FILL]);
  expect(toShare(heights[1][1] as number, 1, 2)).toBeCloseTo(0.45);
  expect(named).toEqual([[heights[0][0], null], [null, null]]);
  expect([...counts]).toEqual([["happy", 1], ["uncertain", 1]]);
});

test("frames without the face, and pauses, are gaps", () => {
  const { timesS, heights } = toLanes([frame(0, 0.9), frame(0.2, null), frame(0.4, 0.9, 7), frame(3, 0.9, 2)], new Set([1, 2]), NAMES, null);
  expect(timesS).toEqual([0, 0.2, 0.4, 1.7, 3]);
  expect(heights[0].map((height) => height !== null)).toEqual([true, false, false, false, true]);
  expect(toLanes([frame(0, 0.9), frame(3, 0.9)], new Set([1]), NAMES, null, 4).timesS).toEqual([0, 3]);
});

test("a slow device has longer steps between its readings, and no gaps", () => {
  const every = (stepS: number): ReturnType<typeof frame>[] => [0, 1, 2, 3, 10].map((count) => frame(count * stepS, 0.9));
  expect(findMaxGap([], 0)).toBe(1);
  expect(findMaxGap(every(0.1), 0)).toBe(1);
  expect(findMaxGap(every(2), 0)).toBe(6);
  expect(findMaxGap(every(0.1), 5)).toBe(10);
});
