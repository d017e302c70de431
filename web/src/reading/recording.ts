/** A recording of a camera or video: its frames, tracks and events. */

import { findEvents, type Event } from "./events";
import { frameResult, round, SCHEMA, type FaceResult, type FrameResult, type Probabilities, type Size } from "./results";
import type { ModelSpec } from "./spec";

/** Frames kept at most: about an hour. In longer recordings the oldest are dropped. */
export const MAX_FRAMES = 60_000;

/** A face followed from frame to frame; not an identity. */
export interface Track {
  readonly track_id: number;
  readonly start_s: number;
  readonly end_s: number;
  readonly frames: number;
  readonly probabilities: Probabilities | null;
}

/** What is kept of a camera or video while it is read. */
export class Recording {
  private frames: FrameResult[] = [];
  /** Frames that had to be dropped. */
  dropped = 0;

  constructor(
    readonly source: string,
    private readonly model: Pick<ModelSpec, "class_names" | "abstention_threshold" | "labels">,
  ) {}

  add(timeS: number, frame: number, faces: readonly FaceResult[]): FrameResult {
    const last = this.frames.at(-1);
    if (last !== undefined && timeS < last.time_s) {
      // The visitor went back in the video: new readings replace the old ones.
      this.frames = this.frames.filter((old) => old.time_s < timeS);
    }
    const result = frameResult(this.source, timeS, frame, this.model.labels, faces);
    this.frames.push(result);
    if (this.frames.length > MAX_FRAMES) {
      this.dropped += this.frames.length - MAX_FRAMES;
      this.frames = this.frames.slice(-MAX_FRAMES);
    }
    return result;
  }

  get length(): number {
    return this.frames.length;
  }

  /** Return the recording with the keys of Python's `VideoResult`. */
  toRecord(size: Size | null, durationS: number): Record<string, unknown> {
    return {
      schema: SCHEMA,
      source: this.source,
      width: size?.width ?? null,
      height: size?.height ?? null,
      duration_s: Number.isFinite(durationS) ? round(durationS, 3) : null, // a camera has none
      frames_with_face: this.frames.filter(({ faces }) => faces.length > 0).length,
      tracks: findTracks(this.frames),
      events: listEvents(this.frames, this.model.class_names, this.model.abstention_threshold),
      damage: null,
      labels: this.model.labels,
      frames: this.frames,
    };
  }

  get rows(): readonly FrameResult[] {
    return this.frames;
  }
}

/** List the tracks of a recording, in the order of appearance. */
export function findTracks(frames: readonly FrameResult[]): Track[] {
  return [...byTrack(frames)].map(([id, seen]) => {
    const read = seen.flatMap(({ face }) => (face.probabilities === null ? [] : [face.probabilities]));
    const names = Object.keys(read[0] ?? {});
    const mean = (name: string): number => read.reduce((sum, row) => sum + row[name], 0) / read.length;
    return {
      track_id: id,
      start_s: seen[0].timeS,
      end_s: seen[seen.length - 1].timeS,
      frames: seen.length,
      probabilities: read.length ? Object.fromEntries(names.map((name) => [name, round(mean(name), 8)])) : null,
    };
  });
}

/** List the events of all tracks, in order of time, as Python writes them. */
export function listEvents(frames: readonly FrameResult[], emotions: readonly string[], threshold: number | null): Event[] {
  return [...byTrack(frames)]
    .flatMap(([id, seen]) => {
      const read = seen.flatMap(({ timeS, face }) => (face.smoothed ? [{ timeS, smoothed: face.smoothed }] : []));
      const rows = read.map(({ smoothed }) => emotions.map((name) => smoothed[name]));
      return findEvents(id, read.map(({ timeS }) => timeS), rows, emotions, threshold);
    })
    .sort((a, b) => a.start_s - b.start_s || a.track_id - b.track_id)
    .map((event) => ({
      ...event,
      start_s: round(event.start_s, 3),
      end_s: round(event.end_s, 3),
      confidence: round(event.confidence, 4),
      uncertainty_s: round(event.uncertainty_s, 3),
    }));
}

function byTrack(frames: readonly FrameResult[]): Map<number, { timeS: number; face: FaceResult }[]> {
  const tracks = new Map<number, { timeS: number; face: FaceResult }[]>();
  for (const frame of frames) {
    for (const face of frame.faces) {
      const id = face.track_id ?? 0;
      const seen = tracks.get(id) ?? [];
      seen.push({ timeS: frame.time_s, face });
      tracks.set(id, seen);
    }
  }
  return tracks;
}
