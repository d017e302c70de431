/** Read a playing camera or video; frames that arrive too soon are dropped. */

import { watchFrames, type ShownFrame } from "./frames";
import type { Reader } from "./reader";
import type { Reading } from "./worker";

/** A camera or video that is being read. */
export class Live {
  private stopWatching: () => void = () => undefined;
  private restart = true;
  private readonly times: number[] = [];
  paused = false;

  constructor(
    private readonly video: HTMLVideoElement,
    isCamera: boolean,
    private readonly reader: Reader,
    private readonly onReading: (reading: Reading, shown: ShownFrame) => void,
    private readonly onError: (error: unknown) => void,
  ) {
    this.stopWatching = watchFrames(video, isCamera, (shown) => void this.offer(shown));
  }

  /** Stop reading. */
  stop(): void {
    this.paused = true;
    this.stopWatching();
  }

  /** Readings per second, over the last two seconds. */
  get framesPerSecond(): number {
    const since = performance.now() - 2000;
    const recent = this.times.filter((time) => time > since);
    return recent.length < 2 ? 0 : ((recent.length - 1) * 1000) / (recent[recent.length - 1] - recent[0]);
  }

  private async offer(shown: ShownFrame): Promise<void> {
    if (this.paused || !this.reader.isFree) {
      return;
    }
    try {
      const { restart } = this;
      this.restart = false;
      const reading = await this.reader.readFrame(() => createImageBitmap(this.video), shown.timeS, restart);
      this.times.push(performance.now());
      this.times.splice(0, Math.max(this.times.length - 200, 0));
      if (!this.paused) {
        this.onReading(reading, shown);
      }
    } catch (error) {
      if (!this.paused) {
        this.stop();
        this.onError(error);
      }
    }
  }
}
