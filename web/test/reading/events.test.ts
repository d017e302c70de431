/** Events are those that Python finds. */

import { describe, expect, test } from "vitest";
import { findEvents } from "../../src/reading/events";
import { tracks } from "../golden";

const examples = tracks.events.flatMap(({ times_s, smoothed, cases }, index) =>
  cases.map(({ threshold, events }) => [index, threshold, times_s, smoothed, events] as const),
);

describe("golden events", () => {
  test.each(examples)("example %i at threshold %s", (_, threshold, timesS, smoothed, wanted) => {
    const given = findEvents(7, timesS, smoothed, tracks.emotions, threshold);
    expect(given.map(({ track_id, emotion }) => [track_id, emotion])).toEqual(
      wanted.map(({ track_id, emotion }) => [track_id, emotion]),
    );
    wanted.forEach((event, index) => {
      for (const key of ["start_s", "end_s", "confidence", "uncertainty_s"] as const) {
        expect(given[index][key]).toBeCloseTo(event[key], 9);
      }
    });
  });
});

test("no frames hold no events", () => {
  expect(findEvents(1, [], [], ["happy"], null)).toEqual([]);
});
