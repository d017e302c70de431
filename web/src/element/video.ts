/** `<mien-video>`: a video, with a box and a word for every face while it plays. */

import { readKind, refusal } from "../reading/images";
import { Recording } from "../reading/recording";
import { nameOf } from "./base";
import { emit } from "./events";
import { MienMoving } from "./moving";

/** Interval between frames when a whole video is read, in seconds, as in Python. */
const EVERY_S = 0.2;

/** A video, read while it plays, or completely by `analyze`. */
export class MienVideo extends MienMoving {
  static override observedAttributes = [...MienMoving.observedAttributes, "src"];

  private source = "<video>";
  private url = "";
  private analyzing = false;

  constructor() {
    super();
    this.video.controls = true;
    this.video.addEventListener("play", () => {
      if (!this.analyzing && this.recording === null) {
        this.attempt(() => this.readFrames(this.source, false)).catch(() => undefined); // it was told
      }
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.openSource();
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    super.attributeChangedCallback(name, before, after);
    if (name === "src" && this.isConnected && before !== after) {
      this.openSource();
    }
  }

  /** Address of the video, relative to the page. */
  get src(): string {
    return this.getAttribute("src") ?? "";
  }

  set src(address: string) {
    this.setAttribute("src", address);
  }

  /**
   * Play a video from its beginning, and read it.
   *
   * @param video A file or an address; by default `src`.
   * @throws MienError The browser cannot play it; also sent as `mien-error`.
   */
  async start(video?: Blob | string): Promise<void> {
    await this.attempt(async () => {
      if (video !== undefined || this.url === "") {
        await this.open(video ?? this.src);
      }
      await this.video.play();
    });
  }

  /**
   * Read a whole video without playing it, one frame every 0.2 seconds or every `every` seconds.
   *
   * @param video A file or an address; by default the video that is shown.
   * @returns The JSON of a video, with tracks and events.
   * @throws MienError The browser cannot play it; also sent as `mien-error`.
   */
  async analyze(video?: Blob | string): Promise<Record<string, unknown>> {
    return this.attempt(async () => {
      await this.open(video ?? this.src);
      this.analyzing = true;
      try {
        return await this.readWhole();
      } finally {
        this.analyzing = false;
      }
    });
  }

  override stop(): void {
    super.stop();
    if (this.url.startsWith("blob:")) {
      URL.revokeObjectURL(this.url);
    }
    this.url = "";
  }

  protected override writeTexts(): void {
    super.writeTexts();
    const label = this.texts.say("video");
    this.video.setAttribute("aria-label", label);
    this.still.setAttribute("aria-label", label);
  }

  private openSource(): void {
    if (this.src !== "") {
      this.attempt(() => this.open(this.src)).catch(() => undefined); // it was told
    } else if (this.url !== "") {
      this.stop();
    }
  }

  private async open(video: Blob | string): Promise<void> {
    this.stop();
    const { turn } = this;
    const isAddress = typeof video === "string";
    this.source = isAddress ? nameOf(video) : video instanceof File && video.name ? video.name : "<video>";
    if (!isAddress && (await readKind(video)) === "empty") {
      throw refusal(this.source, "empty");
    }
    const url = isAddress ? new URL(video, document.baseURI).href : URL.createObjectURL(video);
    const isOther = new URL(url).origin !== location.origin && !url.startsWith("blob:");
    this.video.crossOrigin = isOther ? "anonymous" : null; // otherwise its pictures could not be read
    this.url = url;
    try {
      await this.openMedia(url);
    } catch (error) {
      if (turn === this.turn) {
        this.stop();
      }
      throw error;
    }
  }

  private async readWhole(): Promise<Record<string, unknown>> {
    const { turn, video } = this;
    this.setState("loading");
    const facts = await this.load();
    const recording = (this.recording = new Recording(this.source, facts));
    const frames = this.reader.openFrames();
    const everyS = this.every || EVERY_S;
    const total = video.duration;
    this.setState("running");
    for (let frame = 0; frame * everyS < total && turn === this.turn; frame++) {
      await seek(video, frame * everyS);
      const takeImage = (): Promise<ImageBitmap> => createImageBitmap(video);
      const timeS = video.currentTime;
      const reading = await frames.readFrame({ takeImage, timeS, frame, threshold: this.threshold ?? undefined });
      if (reading !== null && turn === this.turn) {
        this.showReading(reading);
        emit(this, "mien-progress", { stage: "video", loaded: timeS, total });
        emit(this, "mien-faces", recording.add(timeS, frame, reading.faces));
      }
    }
    frames.close();
    this.speak(true);
    if (turn === this.turn) {
      emit(this, "mien-progress", { stage: "video", loaded: total, total });
      this.setState("ended");
    }
    return recording.toRecord({ width: video.videoWidth, height: video.videoHeight }, total);
  }
}

async function seek(video: HTMLVideoElement, timeS: number): Promise<void> {
  if (video.currentTime === timeS && !video.seeking) {
    return;
  }
  await new Promise<void>((resolve) => {
    video.addEventListener("seeked", () => resolve(), { once: true });
    video.currentTime = timeS;
  });
}
