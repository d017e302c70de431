/** What is kept of a camera or video. */

import { expect, test } from "vitest";
import { findTracks, listEvents, MAX_FRAMES, Recording } from "../../src/reading/recording";
import { frameResult } from "../../src/reading/results";
import { NAMES, readAt } from "../samples";

const MODEL = { class_names: NAMES, abstention_threshold: null, labels: "votes" } as const;

test("tracks and events, rounded as Python writes them", () => {
  const frames = [0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2].map((timeS, index) =>
    frameResult("v", timeS, index, "votes", [readAt(timeS < 0.7 ? 0.9 : 0.5, 1), readAt(0.876543, 2)]),
  );
  expect(findTracks(frames)).toMatchObject([
    { track_id: 1, start_s: 0, end_s: 1.2, frames: 7 },
    { track_id: 2, start_s: 0, end_s: 1.2, frames: 7 },
  ]);
  expect(listEvents(frames, NAMES, 0.6)).toEqual([
    { track_id: 1, emotion: "happy", start_s: 0, end_s: 0.7, confidence: 0.9, uncertainty_s: 0.2 },
    { track_id: 2, emotion: "happy", start_s: 0, end_s: 1.2, confidence: 0.8765, uncertainty_s: 0.2 },
  ]);
});

test("going back in a video replaces what was read", () => {
  const recording = new Recording("v", MODEL);
  [0, 1, 2, 3].forEach((timeS) => recording.add(timeS, timeS, []));
  recording.add(1.5, 9, []);
  expect(recording.rows.map(({ time_s }) => time_s)).toEqual([0, 1, 1.5]);
});

test("the oldest frames are dropped", () => {
  const recording = new Recording("v", MODEL);
  for (let i = 0; i < MAX_FRAMES + 3; i++) {
    recording.add(i, i, []);
  }
  expect([recording.length, recording.dropped, recording.rows[0].frame]).toEqual([MAX_FRAMES, 3, 3]);
});
