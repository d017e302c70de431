/** Base class of `<mien-camera>` and `<mien-video>`, which read frames while they play. */

import { MienError, overtaken } from "../reading/errors";
import { Recording } from "../reading/recording";
import { imageResult, type FrameResult, type ImageResult, type Size } from "../reading/results";
import { MienElement } from "./base";
import { emit } from "./events";
import { Live } from "./live";
import type { Reading } from "./reader";
import { part } from "./style";

/** Base class of playing elements. */
export abstract class MienMoving extends MienElement {
  protected readonly video = part("video", "video");
  protected recording: Recording | null = null;
  private live: Live | null = null;
  private shown: Size | null = null;
  private cancelOpening: () => void = () => undefined;

  constructor() {
    super();
    this.video.muted = this.video.playsInline = true;
    this.video.addEventListener("pause", () => this.followPlayer());
    this.video.addEventListener("play", () => this.followPlayer());
    this.video.addEventListener("ended", () => this.followPlayer());
    this.frame.prepend(this.video);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  /** Minimum interval between readings, in seconds; 0 reads as often as the device can. */
  get every(): number {
    return Math.max(0, Number(this.getAttribute("every")) || 0);
  }

  set every(seconds: number) {
    this.setAttribute("every", String(seconds));
  }

  /** Results so far, one per frame. */
  get frames(): readonly FrameResult[] {
    return this.recording?.rows ?? [];
  }

  /** Results so far, with tracks and events, as the JSON of a video; null before the first frame. */
  get result(): Record<string, unknown> | null {
    return this.recording?.length ? this.recording.toRecord(this.shown, this.video.duration) : null;
  }

  /** Readings per second, over the last two seconds. */
  get framesPerSecond(): number {
    return this.live?.framesPerSecond ?? 0;
  }

  /** Seconds in the video, or since the camera's start. */
  get currentTime(): number {
    return Number.isFinite(this.video.duration) ? this.video.currentTime : (this.frames.at(-1)?.time_s ?? 0);
  }

  set currentTime(seconds: number) {
    this.video.currentTime = seconds;
  }

  /** Duration of the video in seconds; infinite for a camera, NaN before it is known. */
  get duration(): number {
    return this.video.duration;
  }

  /** Freeze the picture, and stop reading. */
  pause(): void {
    this.video.pause();
  }

  /** Continue after `pause` or `freeze`. */
  async resume(): Promise<void> {
    if (this.live !== null) {
      this.live.paused = false;
      this.still.hidden = true;
      await this.video.play();
      this.setState("running");
    }
  }

  /** Freeze one picture and read it as thoroughly as a photo. */
  async freeze(): Promise<ImageResult> {
    return this.attempt(async () => {
      const { turn } = this;
      if (this.live === null || this.recording === null) {
        throw new MienError("browser", "error.model.early");
      }
      this.live.paused = true;
      this.setState("frozen");
      const image = await createImageBitmap(this.video);
      if (Number.isFinite(this.video.duration)) {
        this.video.pause();
      }
      this.showStill(image);
      const facts = await this.load();
      const reading = await this.reader.readPhoto(image, this.threshold ?? undefined);
      const result = imageResult(this.recording.source, reading, facts.labels, reading.faces);
      if (turn === this.turn) {
        this.showReading(reading);
        this.speak(true);
        emit(this, "mien-faces", result);
      }
      return result;
    });
  }

  /** Stop, release the camera or video, and drop the results. */
  stop(): void {
    this.turn++;
    this.live?.stop();
    this.release();
    [this.live, this.recording, this.shown] = [null, null, null];
    this.setMirrored(false);
    this.clear();
    this.setState("idle");
  }

  /** Release the source. */
  protected release(): void {
    const { video } = this;
    this.cancelOpening();
    video.onerror = video.onloadeddata = null;
    video.pause();
    video.srcObject = null;
    if (video.hasAttribute("src")) {
      video.removeAttribute("src");
      video.load();
    }
  }

  protected override get picture(): HTMLCanvasElement | HTMLVideoElement {
    return this.still.hidden ? this.video : this.still;
  }

  protected override reopen(): void {
    if (this.live !== null) {
      this.attempt(() => this.load()).catch(() => undefined); // it was told; the worker follows anew
    }
  }

  /** Show a source's first picture; resolves once it is shown. */
  protected async openMedia(source: MediaStream | string): Promise<void> {
    const { video } = this;
    await new Promise<void>((resolve, reject) => {
      this.cancelOpening = () => reject(overtaken());
      video.onloadeddata = () => resolve();
      video.onerror = () => reject(new MienError("video", describe(video.error)));
      if (typeof source === "string") {
        video.src = source;
      } else {
        video.srcObject = source;
      }
      video.load();
    });
    this.setRatio({ width: video.videoWidth, height: video.videoHeight });
  }

  /** Read the frames that are played from now on. */
  protected async readFrames(source: string, isCamera: boolean): Promise<void> {
    const { turn } = this;
    this.setState("loading");
    const facts = await this.load();
    if (turn !== this.turn || this.live !== null) {
      return;
    }
    const recording = (this.recording = new Recording(source, facts));
    this.live = new Live(this.video, {
      isCamera,
      frames: this.reader.openFrames(),
      settings: () => ({ everyS: this.every, threshold: this.threshold ?? undefined }),
      onReading: (reading, { timeS, frame }) => {
        if (this.state !== "frozen") {
          const record = recording.add(timeS, frame, reading.faces);
          this.showReading(reading);
          this.speak(false);
          emit(this, "mien-faces", record);
        }
      },
      onError: (error) => this.complain(error),
    });
    this.followPlayer();
  }

  /** Show the faces of a frame, and record its size for the result. */
  protected showReading(reading: Reading): void {
    this.shown = { width: reading.width, height: reading.height };
    this.show(reading);
  }

  /** Send the player's state. */
  protected followPlayer(): void {
    if (this.live !== null && this.state !== "frozen") {
      this.setState(this.video.ended ? "ended" : this.video.paused ? "paused" : "running");
    }
  }
}

function describe(error: MediaError | null): "error.video.damaged" | "error.video.unknown" {
  return error?.code === MediaError.MEDIA_ERR_DECODE ? "error.video.damaged" : "error.video.unknown";
}
