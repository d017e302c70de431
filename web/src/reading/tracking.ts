/**
 * This module turns faces over time into tracks, and smooths what is read of them.
 *
 * A track says that a face went on from frame to frame, by overlap alone; never whose it is.
 */

import { overlap, type Box, type Face } from "./detector";
import type { FaceResult, Probabilities } from "./results";

/** Time in which a smoothed probability goes about two thirds of the way to a new level. */
export const SMOOTHING_S = 0.35;
/** A face that was not seen for longer begins a new track. */
export const MAX_GAP_S = 1;
const MIN_OVERLAP = 0.2;

interface Track {
  readonly id: number;
  box: Box;
  timeS: number;
  smoothed: Probabilities | null;
}

/** The tracks of one camera or video. */
export class Tracker {
  private tracks: Track[] = [];
  private next = 1;

  /** The boxes of the tracks that were in the last frame. */
  boxesAt(timeS: number): Box[] {
    return this.tracks.filter((track) => track.timeS === timeS).map((track) => track.box);
  }

  /** Give each face its track: the ids, in the order of the faces; best overlaps first. */
  assign(faces: readonly Face[], timeS: number): number[] {
    this.tracks = this.tracks.filter((track) => timeS - track.timeS <= MAX_GAP_S);
    const pairs = faces
      .flatMap((face, index) => this.tracks.map((track) => ({ index, track, shared: overlap(face.box, track.box) })))
      .filter((pair) => pair.shared >= MIN_OVERLAP)
      .sort((a, b) => b.shared - a.shared);
    const given = new Map<number, Track>();
    const taken = new Set<Track>();
    for (const { index, track } of pairs) {
      if (!given.has(index) && !taken.has(track)) {
        given.set(index, track);
        taken.add(track);
      }
    }
    return faces.map((face, index) => {
      const track = given.get(index) ?? this.begin(face);
      track.box = face.box;
      track.timeS = timeS;
      return track.id;
    });
  }

  /** Add the track and its smoothed probabilities to a face; `elapsedS` since the last frame. */
  smooth(face: FaceResult, trackId: number, elapsedS: number): FaceResult {
    const track = this.tracks.find((candidate) => candidate.id === trackId);
    if (track === undefined) {
      return face;
    }
    if (face.probabilities !== null) {
      track.smoothed = blend(track.smoothed, face.probabilities, 1 - Math.exp(-elapsedS / SMOOTHING_S));
    }
    return { ...face, track_id: trackId, smoothed: track.smoothed };
  }

  private begin(face: Face): Track {
    const track: Track = { id: this.next++, box: face.box, timeS: 0, smoothed: null };
    this.tracks.push(track);
    return track;
  }
}

/** Move probabilities a part of the way to new ones; they still sum to 1. */
export function blend(old: Probabilities | null, fresh: Probabilities, part: number): Probabilities {
  if (old === null) {
    return fresh;
  }
  return Object.fromEntries(Object.keys(fresh).map((name) => [name, old[name] + part * (fresh[name] - old[name])]));
}
