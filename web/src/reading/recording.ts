/** This module turns the frames of a camera or video into a recording: tracks, events, rows. */

import { frameResult, round, SCHEMA, topOf, type FaceResult, type FrameResult, type Probabilities } from "./results";

/** Frames kept at most: about an hour. Of longer recordings the oldest are let go. */
export const MAX_FRAMES = 60_000;
/** A gap in a track that is longer than this ends an event. */
const MAX_GAP_S = 1;
/** A shorter stretch is no event. */
const MIN_EVENT_S = 0.5;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A stretch of time over which a track shows one apparent expression. */
export interface Event {
  readonly track_id: number;
  readonly emotion: string;
  readonly start_s: number;
  readonly end_s: number;
  readonly confidence: number;
}

/** A face that goes on from frame to frame; not an identity. */
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
  /** Frames that had to be let go. */
  dropped = 0;

  constructor(
    readonly source: string,
    readonly threshold: number | null,
  ) {}

  add(timeS: number, frame: number, faces: readonly FaceResult[]): FrameResult {
    const last = this.frames.at(-1);
    if (last !== undefined && timeS < last.time_s) {
      // Somebody went back in the video: what is read again takes the place of what was read.
      this.frames = this.frames.filter((old) => old.time_s < timeS);
    }
    const result = frameResult(this.source, timeS, frame, faces);
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

  /** Give the recording as Python gives a `VideoResult`. */
  toRecord(size: Size | null, durationS: number): Record<string, unknown> {
    return {
      schema: SCHEMA,
      source: this.source,
      width: size?.width ?? null,
      height: size?.height ?? null,
      duration_s: Number.isFinite(durationS) ? round(durationS, 3) : null, // a camera has none
      frames_with_face: this.frames.filter(({ faces }) => faces.length > 0).length,
      tracks: findTracks(this.frames),
      events: findEvents(this.frames, this.threshold),
      damage: null,
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

/** List the stretches over which a track's smoothed probabilities name one emotion. */
export function findEvents(frames: readonly FrameResult[], threshold: number | null): Event[] {
  const events: Event[] = [];
  for (const [id, seen] of byTrack(frames)) {
    let stretch: { emotion: string; start: number; end: number; levels: number[] } | null = null;
    const close = (): void => {
      if (stretch !== null && stretch.end - stretch.start >= MIN_EVENT_S) {
        const confidence = stretch.levels.reduce((sum, level) => sum + level, 0) / stretch.levels.length;
        const { emotion, start, end } = stretch;
        events.push({ track_id: id, emotion, start_s: start, end_s: end, confidence: round(confidence, 4) });
      }
      stretch = null;
    };
    for (const { timeS, face } of seen) {
      const named = nameSmoothed(face, threshold);
      if (stretch !== null && (stretch.emotion !== named?.emotion || timeS - stretch.end > MAX_GAP_S)) {
        close();
      }
      if (named !== null) {
        stretch ??= { emotion: named.emotion, start: timeS, end: timeS, levels: [] };
        stretch.end = timeS;
        stretch.levels.push(named.level);
      }
    }
    close();
  }
  return events.sort((a, b) => a.start_s - b.start_s);
}

function nameSmoothed(face: FaceResult, threshold: number | null): { emotion: string; level: number } | null {
  if (face.smoothed === null || face.smoothed === undefined) {
    return null;
  }
  const emotion = topOf(face.smoothed);
  const level = face.smoothed[emotion];
  return threshold === null || level >= threshold ? { emotion, level } : null;
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
