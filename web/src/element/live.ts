/** Read a playing camera or video; frames that arrive too soon are dropped. */

import { watchFrames, type ShownFrame } from "./frames";
import type { FrameReader, Reading } from "./reader";

/** Options: the reader, the interval and the callback. */
export interface LiveOptions {
  readonly isCamera: boolean;
  readonly frames: FrameReader;
  /** Minimum interval between readings in seconds, and the threshold to name an emotion. */
  readonly settings: () => { readonly everyS: number; readonly threshold?: number };
  readonly onReading: (reading: Reading, shown: ShownFrame) => void;
  readonly onError: (error: unknown) => void;
}

/** A camera or video that is being read. */
export class Live {
  private readonly stopWatching: () => void;
  private readonly times: number[] = [];
  private lastS = -Infinity;
  paused = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly options: LiveOptions,
  ) {
    this.stopWatching = watchFrames(video, options.isCamera, (shown) => void this.offer(shown));
  }

  /** Stop reading. */
  stop(): void {
    this.paused = true;
    this.stopWatching();
    this.options.frames.close();
  }

  /** Readings per second, over the last two seconds. */
  get framesPerSecond(): number {
    const since = performance.now() - 2000;
    const recent = this.times.filter((time) => time > since);
    return recent.length < 2 ? 0 : ((recent.length - 1) * 1000) / (recent[recent.length - 1] - recent[0]);
  }

  private async offer(shown: ShownFrame): Promise<void> {
    const { frames, settings, onReading, onError } = this.options;
    const { everyS, threshold } = settings();
    const isEarly = shown.timeS >= this.lastS && shown.timeS < this.lastS + everyS;
    if (this.paused || !frames.isFree || isEarly) {
      return;
    }
    this.lastS = shown.timeS;
    try {
      const reading = await frames.readFrame({ takeImage: () => createImageBitmap(this.video), threshold, ...shown });
      if (this.paused || reading === null) {
        return;
      }
      this.times.push(performance.now());
      this.times.splice(0, Math.max(this.times.length - 200, 0));
      onReading(reading, shown);
    } catch (error) {
      if (!this.paused) {
        this.stop();
        onError(error);
      }
    }
  }
}
