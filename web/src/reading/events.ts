/**
 * The events of a track, "happy from 10.2 s to 19.7 s", found as `events.py` finds them.
 *
 * Where one expression gives way to another, their smoothed probabilities cross between two frames:
 * there one stretch ends and the next begins. A stretch that is too short, or whose expression
 * hardly leads over its neighbour's, joins that neighbour. tests/golden/tracks.json holds examples
 * on which both are tested.
 */

/** A shorter stretch is not an event. */
const MIN_EVENT_S = 0.5;
/** How far an expression's mean must be above its neighbour's for the two to be told apart. */
const MIN_LEAD = 0.05;
/** The label of a stretch without an expression. */
const NONE = -1;

/** A period in which a track shows one apparent expression. */
export interface Event {
  readonly track_id: number;
  readonly emotion: string;
  readonly start_s: number;
  readonly end_s: number;
  /** The mean smoothed probability of the expression, 0 to 1. */
  readonly confidence: number;
  /** How far start and end may each be off: the time between two frames around them. */
  readonly uncertainty_s: number;
}

/**
 * Find the events of a track, in the order of their beginning.
 *
 * @param timesS The times of the frames it was read in, rising.
 * @param smoothed Its smoothed probabilities, a row for each frame, a column for each emotion.
 * @param threshold Where the most probable emotion is below this, there is no event.
 */
export function findEvents(
  trackId: number,
  timesS: readonly number[],
  smoothed: readonly (readonly number[])[],
  emotions: readonly string[],
  threshold: number | null,
): Event[] {
  if (timesS.length === 0) {
    return [];
  }
  const labels = smoothed.map((row) => {
    const top = row.indexOf(Math.max(...row));
    return threshold === null || row[top] >= threshold ? top : NONE;
  });
  const stretches = new Stretches(labels, timesS, smoothed);
  stretches.join();

  const events: Event[] = [];
  for (const { first, last, label, startS, endS } of stretches.list()) {
    if (label !== NONE && endS - startS >= MIN_EVENT_S - 1e-9) {
      const levels = smoothed.slice(first, last + 1).map((row) => row[label]);
      events.push({
        track_id: trackId,
        emotion: emotions[label],
        start_s: startS,
        end_s: endS,
        confidence: levels.reduce((sum, level) => sum + level, 0) / levels.length,
        uncertainty_s: findUncertainty(timesS, first, last),
      });
    }
  }
  return events;
}

/** At the track's own start and end, the time to the next frame inside stands for the one outside. */
function findUncertainty(timesS: readonly number[], first: number, last: number): number {
  const start = Math.max(first, 1);
  const end = Math.min(last, timesS.length - 2);
  const before = start < timesS.length ? timesS[start] - timesS[start - 1] : 0;
  const after = end >= 0 ? timesS[end + 1] - timesS[end] : 0;
  return Math.max(before, after);
}

/** A stretch that should join a neighbour, in the order in which that happens. */
type Weak = readonly [lengthS: number, stretch: number, version: number, neighbour: number];

/** Runs of frames that show one expression, joined until none is short or weak. */
class Stretches {
  private readonly first: number[] = [];
  private readonly last: number[] = [];
  private readonly label: number[] = [];
  private readonly before: number[];
  private readonly after: number[];
  /** Goes up when a stretch or a neighbour changes: what is queued of it is out of date then. */
  private readonly version: number[];
  /** For each frame and emotion, the sum of the probabilities before it. */
  private readonly sums: Float64Array;
  private readonly columns: number;
  /** The weak ones, the next to join at the end. */
  private readonly queue: Weak[] = [];

  constructor(
    labels: readonly number[],
    private readonly timesS: readonly number[],
    private readonly smoothed: readonly (readonly number[])[],
  ) {
    labels.forEach((label, frame) => {
      if (frame === 0 || label !== labels[frame - 1]) {
        this.first.push(frame);
        this.label.push(label);
        this.last.push(frame);
      }
      this.last[this.last.length - 1] = frame;
    });
    const count = this.first.length;
    this.before = this.first.map((_, stretch) => stretch - 1); // -1 is none
    this.after = this.first.map((_, stretch) => (stretch + 1 < count ? stretch + 1 : -1));
    this.version = this.first.map(() => 0);

    this.columns = smoothed[0].length;
    this.sums = new Float64Array((smoothed.length + 1) * this.columns);
    smoothed.forEach((row, frame) => {
      row.forEach((level, column) => {
        const at = frame * this.columns + column;
        this.sums[at + this.columns] = this.sums[at] + level;
      });
    });
  }

  /** List the stretches in order, with their bounds in seconds. */
  list(): { first: number; last: number; label: number; startS: number; endS: number }[] {
    const found = [];
    for (let stretch = 0; stretch >= 0; stretch = this.after[stretch]) {
      const [startS, endS] = this.bounds(stretch);
      found.push({ first: this.first[stretch], last: this.last[stretch], label: this.label[stretch], startS, endS });
    }
    return found;
  }

  /** Join stretches that are too short or too weak to a neighbour, the shortest first. */
  join(): void {
    this.first.forEach((_, stretch) => this.judge(stretch));
    for (let weak = this.queue.pop(); weak !== undefined; weak = this.queue.pop()) {
      let [, stretch] = weak;
      const [, , version, neighbour] = weak;
      if (version !== this.version[stretch]) {
        continue; // it was joined, or judged again, since it was queued
      }

      // It takes the neighbour's label; then both neighbours may be of one kind with it.
      this.label[stretch] = this.label[neighbour];
      for (const other of [this.before[stretch], this.after[stretch]]) {
        if (other >= 0 && this.label[other] === this.label[stretch]) {
          stretch = this.merge(Math.min(stretch, other), Math.max(stretch, other));
        }
      }

      // Lengths and leads have changed around it.
      for (const changed of [this.before[stretch], stretch, this.after[stretch]]) {
        if (changed >= 0) {
          this.version[changed] += 1;
          this.judge(changed);
        }
      }
    }
  }

  /** Extend a stretch by the next one. */
  private merge(one: number, other: number): number {
    this.last[one] = this.last[other];
    this.after[one] = this.after[other];
    if (this.after[one] >= 0) {
      this.before[this.after[one]] = one;
    }
    this.version[other] = -1;
    return one;
  }

  /** Queue a stretch if it should join a neighbour. */
  private judge(stretch: number): void {
    const neighbours = [this.before[stretch], this.after[stretch]].filter((other) => other >= 0);
    if (neighbours.length === 0) {
      return;
    }
    const leads = neighbours.map((other) => this.lead(stretch, other));
    const chosen = leads.indexOf(Math.min(...leads));
    const [startS, endS] = this.bounds(stretch);
    const isAtEdge = neighbours.length === 1; // it may have lasted longer than was seen
    if (leads[chosen] >= MIN_LEAD && (isAtEdge || endS - startS >= MIN_EVENT_S)) {
      return;
    }
    this.enqueue([endS - startS, stretch, this.version[stretch], neighbours[chosen]]);
  }

  /** Insert into the queue, which is sorted with the next to join at its end. */
  private enqueue(weak: Weak): void {
    let [low, high] = [0, this.queue.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comesBefore(weak, this.queue[middle])) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    this.queue.splice(low, 0, weak);
  }

  /** How far a stretch's expression leads over its neighbour's, in the mean. */
  private lead(stretch: number, neighbour: number): number {
    const [label, other] = [this.label[stretch], this.label[neighbour]];
    return label === NONE || other === NONE ? 1 : this.mean(stretch, label) - this.mean(stretch, other);
  }

  /** An expression's mean probability over a stretch. */
  private mean(stretch: number, label: number): number {
    const [first, stop] = [this.first[stretch], this.last[stretch] + 1];
    return (this.sums[stop * this.columns + label] - this.sums[first * this.columns + label]) / (stop - first);
  }

  /** When a stretch begins and ends. */
  private bounds(stretch: number): [number, number] {
    const [before, after] = [this.before[stretch], this.after[stretch]];
    return [
      before >= 0 ? this.crossing(before, stretch) : this.timesS[this.first[stretch]],
      after >= 0 ? this.crossing(stretch, after) : this.timesS[this.last[stretch]],
    ];
  }

  /** When a stretch's expression gives way to the next one's, between two frames. */
  private crossing(one: number, other: number): number {
    const [before, after] = [this.last[one], this.first[other]];
    const [label, next] = [this.label[one], this.label[other]];

    // Both probabilities are taken as straight lines between the frames: where do they meet?
    let share = 0.5;
    if (label !== NONE && next !== NONE) {
      const lead = this.smoothed[before][label] - this.smoothed[before][next];
      const lag = this.smoothed[after][next] - this.smoothed[after][label];
      if (lead >= 0 && lag >= 0 && lead + lag > 0) {
        share = lead / (lead + lag);
      }
    }
    return this.timesS[before] + share * (this.timesS[after] - this.timesS[before]);
  }
}

/** Whether one weak stretch is joined before another: the shorter, then the earlier. */
function comesBefore(one: Weak, other: Weak): boolean {
  const differs = one.findIndex((value, index) => value !== other[index]);
  return differs >= 0 && one[differs] < other[differs];
}
