/** The page: it connects what visitors do with the reader and the screen. */

import { cameraOf, closeCamera, isSelfie, listCameras, openCamera } from "./camera";
import { Cards } from "./cards";
import { nameAfter, savePng, saveText } from "./downloads";
import { toSentence } from "../reading/errors";
import type { ShownFrame } from "./frames";
import { readImage, readKind, refusal } from "../reading/images";
import { Live } from "./live";
import { MODELS } from "./models";
import { toShown, type ShownFace } from "./overlay";
import { Reader } from "./reader";
import { Recording } from "../reading/recording";
import { imageResult, type FaceResult, type ImageResult } from "../reading/results";
import { element, Stage } from "./stage";
import { toCsv } from "../reading/tables";
import { Timeline } from "./timeline";
import type { Reading } from "./worker";

/** What is open. */
export type Mode = "welcome" | "photo" | "camera" | "video";

/** How long the page waits before it announces another expression to screen readers. */
const SPEAK_EVERY_MS = 3000;
const DRAW_TIMELINE_EVERY_MS = 66;

/** The page as a whole. */
export class Page {
  readonly stage = new Stage();
  private readonly reader = new Reader();
  private readonly timeline = new Timeline(element<HTMLCanvasElement>("timeline"));
  private readonly cards = new Cards(element("cards"), () => this.refresh());
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private model = MODELS[0];
  private mode: Mode = "welcome";
  private source = "";
  private live: Live | null = null;
  private stream: MediaStream | null = null;
  private photo: ImageBitmap | null = null;
  private photoResult: ImageResult | null = null;
  private recording: Recording | null = null;
  private faces: readonly FaceResult[] = [];
  private size: { width: number; height: number } | null = null;
  private turn = 0;
  private spokenAt = 0;
  private drawnAt = 0;
  isFrozen = false;

  constructor() {
    this.dark.addEventListener("change", () => this.refresh());
    new ResizeObserver(() => this.drawTimeline()).observe(element("timeline"));
    this.stage.video.addEventListener("ended", () => this.say("The video is over. The readings can be saved."));
    this.stage.video.addEventListener("pause", () => this.showState());
    this.stage.video.addEventListener("play", () => this.showState());
  }

  /** Open a model, at the start or when another is chosen; returns the name of the one in use. */
  async load(name: string): Promise<string> {
    document.body.dataset.ready = "false";
    this.say(`Loading the model ${name}…`);
    await this.attempt(async () => {
      await this.reader.load(name);
      this.model = MODELS.find(({ spec }) => spec.name === name) ?? this.model;
      document.body.dataset.ready = "true";
      this.say("Ready. Nothing is sent anywhere.");
      if (this.mode === "photo" && this.photo !== null) {
        await this.readStill(this.photo);
      }
    });
    return this.model?.spec.name ?? "";
  }

  /** Open a file; its content decides what it is. */
  async openFile(file: File): Promise<void> {
    await this.attempt(async () => {
      const kind = await readKind(file);
      await (kind === "video" || (kind === "unknown" && file.type.startsWith("video/"))
        ? this.openVideo(file)
        : this.openPhoto(file));
    });
  }

  /** Open a camera: the chosen one, or the one the browser takes first. */
  async openCamera(id?: string): Promise<void> {
    await this.attempt(async () => {
      const turn = this.close();
      this.say("Waiting for the camera…");
      const stream = await openCamera(id);
      if (turn !== this.turn) {
        closeCamera(stream); // something else was opened while the browser asked for permission
        return;
      }
      this.stream = stream;
      this.mirror(isSelfie(stream));
      await this.startLive("camera", "<camera>", stream);
      await this.showCameras();
      stream.getVideoTracks()[0]?.addEventListener("ended", () => {
        if (turn === this.turn) {
          this.close();
          this.complain("The camera was disconnected. Reconnect it, or open a photo.");
        }
      });
    });
  }

  /** Close what is open; returns the number of the turn that begins. */
  close(): number {
    this.live?.stop();
    closeCamera(this.stream);
    if (this.stage.video.src.startsWith("blob:")) {
      URL.revokeObjectURL(this.stage.video.src);
    }
    this.stage.clear();
    this.photo?.close();
    [this.live, this.stream, this.photo, this.photoResult, this.recording] = [null, null, null, null, null];
    [this.faces, this.size, this.isFrozen] = [[], null, false];
    this.timeline.clear();
    element("notice").hidden = true;
    this.setMode("welcome");
    return ++this.turn;
  }

  /** Show the camera's picture as in a mirror, or as others see it; what is read stays the same. */
  mirror(mirrored: boolean): void {
    this.stage.mirrored = mirrored;
    element("mirror").setAttribute("aria-pressed", String(mirrored));
  }

  /** List the cameras, where there is a choice. */
  async showCameras(): Promise<void> {
    if (this.stream === null) {
      return;
    }
    const select = element<HTMLSelectElement>("camera");
    const cameras = await listCameras();
    select.replaceChildren(...cameras.map(({ id, name }) => new Option(name, id)));
    select.value = cameraOf(this.stream) ?? "";
    select.hidden = cameras.length < 2;
  }

  /** Pause reading, or resume it. */
  togglePause(): void {
    if (this.live !== null) {
      const { video } = this.stage;
      void (video.paused ? video.play() : video.pause());
    }
  }

  /** Freeze the current picture and read it as thoroughly as a photo; or resume. */
  async toggleFreeze(): Promise<void> {
    if (this.live === null) {
      return;
    }
    this.isFrozen = !this.isFrozen;
    this.live.paused = this.isFrozen;
    this.showState();
    if (!this.isFrozen) {
      void this.stage.video.play();
      return;
    }
    await this.attempt(async () => {
      const image = await createImageBitmap(this.stage.video);
      if (this.mode === "video") {
        this.stage.video.pause();
      }
      await this.readStill(image);
      image.close();
    });
  }

  /** Save the picture or the readings. */
  async save(kind: "png" | "csv" | "json"): Promise<void> {
    const { spec } = this.model;
    const name = nameAfter(this.source, kind);
    await this.attempt(async () => {
      const rows = this.recording?.rows ?? (this.photoResult === null ? [] : [this.photoResult]);
      if (kind === "png") {
        await savePng(this.stage.render(this.mode === "photo" || this.isFrozen), name);
      } else if (kind === "csv") {
        saveText(toCsv(rows, spec.class_names), name, "text/csv");
      } else {
        const record = this.recording?.toRecord(this.size, this.stage.video.duration) ?? this.photoResult;
        saveText(`${JSON.stringify(record)}\n`, name, "application/json");
      }
    });
  }

  /** Show what went wrong, over the picture and to screen readers. */
  complain(sentence: string): void {
    const notice = element("notice");
    notice.textContent = sentence;
    notice.hidden = false;
    this.say("");
  }

  private async openPhoto(file: File): Promise<void> {
    const name = file.name || "The picture";
    const image = await readImage(file, name);
    this.close();
    this.source = file.name || "<image>";
    this.photo = image;
    this.stage.showStill(image);
    this.setMode("photo");
    this.say("Reading…");
    await this.readStill(image);
  }

  private async openVideo(file: File): Promise<void> {
    if ((await readKind(file)) === "empty") {
      throw refusal(file.name, "empty");
    }
    this.close();
    await this.startLive("video", file.name || "<video>", URL.createObjectURL(file));
  }

  private async startLive(mode: "camera" | "video", source: string, stream: MediaStream | string): Promise<void> {
    this.source = source;
    this.setMode(mode);
    try {
      await this.stage.play(stream, mode === "camera");
    } catch (error) {
      this.close();
      throw error;
    }
    this.recording = new Recording(source, this.model.spec);
    this.live = new Live(
      this.stage.video,
      mode === "camera",
      this.reader,
      (reading, shown) => this.onFrame(reading, shown),
      (error) => this.complain(toSentence(error)),
    );
    this.showState();
  }

  private async readStill(image: ImageBitmap): Promise<void> {
    const { turn } = this;
    const { width, height, faces } = await this.reader.readPhoto(await createImageBitmap(image));
    if (turn !== this.turn) {
      return;
    }
    if (this.mode === "photo") {
      this.photoResult = imageResult(this.source, { width, height }, this.model.spec.labels, faces);
    } else {
      this.stage.showStill(image);
    }
    [this.faces, this.size] = [faces, { width, height }];
    this.refresh();
    const count = faces.length === 1 ? "One face" : `${faces.length || "No"} faces`;
    this.say(`${count} found.`);
    this.speak(true);
    this.showState();
  }

  private onFrame({ width, height, faces }: Reading, { timeS, frame }: ShownFrame): void {
    if (this.isFrozen || this.recording === null) {
      return;
    }
    [this.faces, this.size] = [faces, { width, height }];
    this.recording.add(timeS, frame, faces);
    const shown = this.refresh();
    const selected = shown[this.cards.selected];
    this.timeline.add({ timeS, probabilities: selected?.probabilities ?? null, emotion: selected?.emotion ?? null });
    const now = performance.now();
    if (now - this.drawnAt > DRAW_TIMELINE_EVERY_MS) {
      this.drawnAt = now;
      this.drawTimeline();
    }
    this.speak(false);
    if (this.recording.length === 1) {
      this.showState();
    }
    if (!this.stage.video.ended) {
      this.say(`${(this.live?.framesPerSecond ?? 0).toFixed(0)} readings a second`);
    }
  }

  /** Show the most recent faces. */
  private refresh(): ShownFace[] {
    const threshold = this.model?.spec.abstention_threshold ?? null;
    const shown = this.faces.map((face) => toShown(face, threshold));
    this.cards.update(shown, threshold, this.dark.matches);
    this.stage.showFaces(shown, this.size, this.cards.selected);
    const empty = element("empty");
    empty.hidden = shown.length > 0;
    const text = this.size === null ? "Looking…" : "No face found.";
    if (empty.textContent !== text) {
      empty.textContent = text;
    }
    return shown;
  }

  private drawTimeline(): void {
    const names = this.model?.spec.class_names ?? [];
    this.timeline.draw(names, { isDark: this.dark.matches, isCamera: this.mode === "camera" });
  }

  /** Announce to screen readers what is seen, not more often than they can say it. */
  private speak(atOnce: boolean): void {
    const now = performance.now();
    if (!atOnce && now - this.spokenAt < SPEAK_EVERY_MS) {
      return;
    }
    this.spokenAt = now;
    const threshold = this.model.spec.abstention_threshold;
    const words = this.faces.map((face, index) => `face ${index + 1}: ${toShown(face, threshold).word}`);
    const text = words.length ? words.join(", ") : "no face";
    const spoken = element("spoken");
    if (spoken.textContent !== text) {
      spoken.textContent = text;
    }
    element("timeline").setAttribute("aria-label", this.timeline.describe());
  }

  private setMode(mode: Mode): void {
    this.mode = mode;
    document.body.dataset.mode = mode;
    this.refresh();
    this.showState();
  }

  /** Update the buttons to what they would do now. */
  private showState(): void {
    const { video } = this.stage;
    const isLive = this.live !== null;
    document.body.dataset.frozen = String(this.isFrozen);
    button("pause", isLive && !this.isFrozen).textContent = isLive && video.paused && !this.isFrozen ? "Resume" : "Pause";
    const freeze = button("freeze", isLive);
    freeze.setAttribute("aria-pressed", String(this.isFrozen));
    button("close", this.mode !== "welcome");
    button("save-png", this.size !== null);
    const hasReadings = this.photoResult !== null || (this.recording?.length ?? 0) > 0;
    button("save-csv", hasReadings);
    button("save-json", hasReadings);
  }

  private say(sentence: string): void {
    const status = element("status");
    if (status.textContent !== sentence) {
      status.textContent = sentence;
    }
  }

  /** Run an action; if it fails, show why in a sentence. */
  private async attempt(action: () => Promise<void>): Promise<void> {
    element("notice").hidden = true;
    try {
      await action();
    } catch (error) {
      this.complain(toSentence(error));
    }
  }
}

function button(id: string, isEnabled: boolean): HTMLButtonElement {
  const found = element<HTMLButtonElement>(id);
  found.disabled = !isEnabled;
  return found;
}
