/** What is kept of a camera or video. */

import { expect, test } from "vitest";
import { findEvents, findTracks, MAX_FRAMES, Recording } from "../../src/reading/recording";
import { frameResult } from "../../src/reading/results";
import { readAt } from "../samples";

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
