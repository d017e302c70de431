/**
 * Faces followed from frame to frame, by motion and overlap alone, as `tracking.py` does it.
 *
 * A track says that a face went on from frame to frame; it is not an identity.
 * tests/golden/tracks.json holds examples on which both are tested.
 */

import { assign } from "./assignment";
import type { Box, Face } from "./detector";

/** A track whose face was not seen for longer has ended. */
export const MAX_LOSS_S = 1;

/** How far from where it is expected a face may be, in face sizes: at most, at once, and per second. */
const [MAX_GATE, GATE, GATE_PER_S] = [1.5, 0.6, 2];
/** By what factor a face may grow or shrink. */
const MAX_GROWTH = 2;
/** Motion is not extrapolated for longer than this. */
const MAX_AHEAD_S = 0.5;
/** The weight of the last movement in a velocity. */
const NEW_SHARE = 0.5;
/** A velocity is measured over at least this long: frames that arrive together are no movement. */
const MIN_STEP_S = 0.015;

/** A face that is being followed; positions in pixels, velocities in pixels per second. */
class Track {
  private velocity = { x: 0, y: 0 };
  private seen = 1;

  constructor(
    readonly id: number,
    private box: Box,
    private timeS: number,
  ) {}

  /** Return whether the face was not seen for too long. */
  hasEnded(timeS: number): boolean {
    return timeS - this.timeS > MAX_LOSS_S;
  }

  /** Return where the face is expected at a time, at constant velocity. */
  predict(timeS: number): Box {
    const aheadS = Math.min(timeS - this.timeS, MAX_AHEAD_S);
    return { ...this.box, x: this.box.x + this.velocity.x * aheadS, y: this.box.y + this.velocity.y * aheadS };
  }

  /** Update where the face was seen. */
  move(box: Box, timeS: number): void {
    const passedS = timeS - this.timeS;
    if (passedS > 0) {
      const [old, now] = [centre(this.box), centre(box)];
      const share = this.seen === 1 ? 1 : NEW_SHARE;
      const stepS = Math.max(passedS, MIN_STEP_S);
      this.velocity = {
        x: (1 - share) * this.velocity.x + (share * (now.x - old.x)) / stepS,
        y: (1 - share) * this.velocity.y + (share * (now.y - old.y)) / stepS,
      };
    }
    [this.box, this.timeS, this.seen] = [box, timeS, this.seen + 1];
  }

  /** How far a face is from where it is expected, in face sizes; infinite if too far. */
  cost(box: Box, timeS: number): number {
    const expected = this.predict(timeS);
    const size = Math.sqrt(Math.max(expected.width * expected.height, 1e-6));
    const growth = Math.sqrt(Math.max(box.width * box.height, 1e-6)) / size;
    const [from, to] = [centre(expected), centre(box)];
    const distance = Math.hypot(to.x - from.x, to.y - from.y) / size;
    const gate = Math.min(GATE + GATE_PER_S * (timeS - this.timeS), MAX_GATE);
    if (distance > gate || growth < 1 / MAX_GROWTH || growth > MAX_GROWTH) {
      return Infinity;
    }
    return distance + Math.abs(Math.log(growth));
  }
}

/** Follows the faces of one camera or video; frames come in the order of their times. */
export class Tracker {
  private tracks: Track[] = [];
  private visible = new Set<number>();
  private nextId = 1;

  /** Return where the faces of the last frame are expected at a time. */
  expect(timeS: number): Box[] {
    return this.tracks.filter(({ id }) => this.visible.has(id)).map((track) => track.predict(timeS));
  }

  /** Return each face's track; new faces begin new tracks, in their order. */
  update(timeS: number, faces: readonly Pick<Face, "box">[]): number[] {
    this.tracks = this.tracks.filter((track) => !track.hasEnded(timeS));
    const costs = this.tracks.map((track) => faces.map(({ box }) => track.cost(box, timeS)));
    const trackOf = new Map(assign(costs).map(([row, column]) => [column, this.tracks[row]]));
    const ids = faces.map(({ box }, index) => {
      const known = trackOf.get(index);
      if (known !== undefined) {
        known.move(box, timeS);
        return known.id;
      }
      const track = new Track(this.nextId++, box, timeS);
      this.tracks.push(track);
      return track.id;
    });
    this.visible = new Set(ids);
    return ids;
  }
}

function centre({ x, y, width, height }: Box): { x: number; y: number } {
  return { x: x + width / 2, y: y + height / 2 };
}
