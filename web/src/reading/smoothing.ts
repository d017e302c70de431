/** Probabilities smoothed over time while frames arrive, as the live view in `watch` does it. */

import { MAX_LOSS_S } from "./tracking";
import type { FaceResult, Probabilities } from "./results";

/** Time in which a smoothed probability goes about two thirds of the way to a new level. */
export const SMOOTHING_S = 0.4;

/** Smooths the faces of one camera or video; it looks back only. */
export class LiveSmoother {
  private known = new Map<number, { timeS: number; values: Probabilities }>();

  /** Forget the tracks that have ended before a time. */
  forget(timeS: number): void {
    for (const [trackId, { timeS: lastS }] of this.known) {
      if (timeS - lastS > MAX_LOSS_S) {
        this.known.delete(trackId);
      }
    }
  }

  /** Add the track and its smoothed probabilities to a face. */
  smooth(face: FaceResult, trackId: number, timeS: number): FaceResult {
    const known = this.known.get(trackId);
    if (face.probabilities === null) {
      return { ...face, track_id: trackId, smoothed: known?.values ?? null };
    }
    let values = face.probabilities;
    if (known !== undefined) {
      const kept = Math.exp(-(timeS - known.timeS) / SMOOTHING_S);
      values = blend(known.values, values, 1 - kept);
    }
    this.known.set(trackId, { timeS, values });
    return { ...face, track_id: trackId, smoothed: values };
  }
}

/** Move probabilities a part of the way to new ones; they still sum to 1. */
export function blend(old: Probabilities, fresh: Probabilities, part: number): Probabilities {
  return Object.fromEntries(Object.keys(fresh).map((name) => [name, (1 - part) * old[name] + part * fresh[name]]));
}
