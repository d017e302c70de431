/** Convert a face's readings over time to chart columns: one lane per expression, the first on top. */

import type { FrameResult } from "../reading/results";
import { toShown } from "./overlay";

/** Readings further apart than this are not connected. */
export const MAX_GAP_S = 1;
/** Fraction of a lane filled by a probability of 1. */
export const LANE_FILL = 0.86;

/** Columns by time: the heights of each expression, and those where it is the named one. */
export interface Lanes {
  readonly timesS: number[];
  /** For each class, in order; null where no face was read. */
  readonly heights: (number | null)[][];
  readonly named: (number | null)[][];
  /** How often each word was shown: an expression, or "uncertain". */
  readonly counts: ReadonlyMap<string, number>;
}

/**
 * Return how far apart two readings may be to be joined.
 *
 * @param frames In the order of their times.
 * @param everyS The interval that was asked for, in seconds; a slow device may take longer.
 */
export function findMaxGap(frames: readonly FrameResult[], everyS: number): number {
  const steps = frames.slice(1).map(({ time_s }, index) => time_s - frames[index].time_s);
  const usual = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  return Math.max(MAX_GAP_S, 2 * everyS, 3 * usual);
}

/** Return the position of a class's lane; the first class is on top. */
export function floorOf(index: number, count: number): number {
  return count - 1 - index;
}

/**
 * Arrange the readings of a face in lanes.
 *
 * @param frames In the order of their times.
 * @param tracks The face's tracks; frames without them are gaps.
 * @param names The model's classes.
 * @param threshold Top probability below which no expression is named.
 * @param maxGapS Readings further apart than this are not joined.
 */
export function toLanes(
  frames: readonly FrameResult[],
  tracks: ReadonlySet<number>,
  names: readonly string[],
  threshold: number | null,
  maxGapS = MAX_GAP_S,
): Lanes {
  const timesS: number[] = [];
  const heights: (number | null)[][] = names.map(() => []);
  const named: (number | null)[][] = names.map(() => []);
  const counts = new Map<string, number>();
  for (const { time_s: timeS, faces } of frames) {
    const face = faces.find(({ track_id }) => track_id !== undefined && tracks.has(track_id));
    const shown = face === undefined ? null : toShown(face, threshold);
    const last = timesS.at(-1);
    if (last !== undefined && timeS - last > maxGapS) {
      timesS.push((last + timeS) / 2);
      [...heights, ...named].forEach((lane) => lane.push(null));
    }
    timesS.push(timeS);
    names.forEach((name, index) => {
      const share = shown?.probabilities?.[name];
      const height = share === undefined ? null : floorOf(index, names.length) + share * LANE_FILL;
      heights[index].push(height);
      named[index].push(shown?.emotion === name ? height : null);
    });
    if (shown?.probabilities) {
      const word = shown.emotion ?? "uncertain";
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return { timesS, heights, named, counts };
}

/** Convert a height within a lane to a probability. */
export function toShare(height: number, index: number, count: number): number {
  return (height - floorOf(index, count)) / LANE_FILL;
}
