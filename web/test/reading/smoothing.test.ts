/** Probabilities are smoothed as in Python's live view. */

import { expect, test } from "vitest";
import { LiveSmoother } from "../../src/reading/smoothing";
import { tracks } from "../golden";
import { readAt } from "../samples";

test("golden smoothing", () => {
  const smoother = new LiveSmoother();
  for (const { time_s, probabilities, smoothed } of tracks.smoothing) {
    const given = smoother.smooth({ ...readAt(0.5), probabilities }, 1, time_s).smoothed ?? null;
    expect(Object.keys(given ?? {})).toEqual(Object.keys(smoothed ?? {}));
    for (const [name, value] of Object.entries(smoothed ?? {})) {
      expect(given?.[name]).toBeCloseTo(value, 9);
    }
  }
});

test("a track that was lost begins anew", () => {
  const smoother = new LiveSmoother();
  smoother.smooth(readAt(1), 1, 0);
  smoother.forget(1.1);
  expect(smoother.smooth(readAt(0.2), 1, 1.1)).toMatchObject({ track_id: 1, smoothed: { happy: 0.2, sad: 0.8 } });
});
