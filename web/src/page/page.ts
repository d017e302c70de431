/** The page: it connects what visitors do with the elements and the screen. */

import type { MienElement } from "../element/base";
import type { MienCamera } from "../element/camera";
import type { MienFailure } from "../element/events";
import type { MienMoving } from "../element/moving";
import type { MienPhoto } from "../element/photo";
import type { MienTimeline } from "../element/timeline";
import type { MienVideo } from "../element/video";
import { WorkerReader } from "../element/worker_reader";
import { isOvertaken, MienError, toSentence } from "../reading/errors";
import { readKind } from "../reading/images";
import { toCsv } from "../reading/tables";
import type { TextKey, Texts, Values } from "../texts/texts";
import { showCameras } from "./cameras";
import { Cards } from "./cards";
import { element, write } from "./document";
import { nameAfter, savePng, saveText } from "./downloads";
import { filesOf, MODELS } from "./models";

/** What is open. */
export type Mode = "welcome" | "photo" | "camera" | "video";

/** How long the page waits before it announces another expression to screen readers. */
const SPEAK_EVERY_MS = 3000;

/** The page as a whole. */
export class Page {
  readonly camera = element<MienCamera>("live-camera");
  private readonly photo = element<MienPhoto>("photo");
  private readonly video = element<MienVideo>("video");
  private readonly timeline = element<MienTimeline>("timeline");
  private readonly reader = new WorkerReader(() => filesOf(MODELS[0]));
  private readonly cards = new Cards(element("cards"), () => this.refresh());
  private model = MODELS[0]?.spec.name ?? "";
  private mode: Mode = "welcome";
  private spokenAt = 0;
  /** What the status line and the notice say, so that they can say it in another language. */
  private told: { readonly key: TextKey; readonly values: Values } | null = null;
  private complaint: unknown = null;

  constructor(private texts: Texts) {
    for (const shown of [this.camera, this.photo, this.video]) {
      shown.reader = this.reader;
      shown.addEventListener("mien-faces", () => this.onFaces(shown));
      shown.addEventListener("mien-state", () => this.onState(shown));
      shown.addEventListener("mien-error", ({ detail }: CustomEvent<MienFailure>) => this.onError(shown, detail.error));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.refresh());
    this.translate(texts);
  }

  /** Say everything in another language; what is open stays open. */
  translate(texts: Texts): void {
    this.texts = texts;
    this.showExample();
    if (this.told !== null) {
      this.say(this.told.key, this.told.values);
    }
    if (this.complaint !== null) {
      this.complain(this.complaint);
    }
    this.showTitle();
    this.refresh();
    void this.showCameras();
  }

  /** Open a model, at the start or when another is chosen; returns the name of the one in use. */
  async load(name: string): Promise<string> {
    document.body.dataset.ready = "false";
    this.say("loading", { name });
    this.dismiss();
    try {
      const model = MODELS.find(({ spec }) => spec.name === name);
      await (name === this.model ? this.reader.load() : this.reader.change(() => filesOf(model)));
      this.model = name;
      document.body.dataset.ready = "true";
      this.say("page.ready");
      for (const shown of [this.camera, this.photo, this.video]) {
        shown.reader = this.reader; // a photo is read again
      }
    } catch (error) {
      this.complain(error);
    }
    return this.model;
  }

  /** Open a file; its content decides what it is. */
  async openFile(file: File): Promise<void> {
    const kind = await readKind(file);
    if (kind === "video" || (kind === "unknown" && file.type.startsWith("video/"))) {
      await this.open("video", () => this.video.start(file));
    } else {
      await this.open("photo", () => this.photo.analyze(file));
    }
  }

  /** Open a camera: the chosen one, or the one the browser takes first. */
  async openCamera(id?: string): Promise<void> {
    await this.open("camera", async () => {
      if (id !== undefined) {
        this.camera.device = id;
      }
      this.say("camera.waiting");
      this.camera.removeAttribute("mirrored"); // the side it looks at decides
      await this.camera.start();
      await this.showCameras();
    });
  }

  /** Close what is open. */
  close(): void {
    this.setMode("welcome");
    this.camera.stop();
    this.photo.stop();
    this.video.stop();
    this.dismiss();
  }

  /** Show the camera's picture as in a mirror, or as others see it; what is read stays the same. */
  mirror(mirrored: boolean): void {
    this.camera.mirrored = mirrored;
    this.showState();
  }

  /** List the cameras, where there is a choice. */
  async showCameras(): Promise<void> {
    await showCameras(this.camera, element<HTMLSelectElement>("camera"));
    this.showState();
  }

  /** Pause reading, or resume it. */
  togglePause(): void {
    const { moving } = this;
    if (moving?.state === "running") {
      moving.pause();
    } else if (moving?.state === "paused" || moving?.state === "ended") {
      void moving.resume();
    }
  }

  /** Freeze the current picture and read it as thoroughly as a photo; or resume. */
  async toggleFreeze(): Promise<void> {
    const { moving } = this;
    if (moving?.state === "frozen") {
      await moving.resume();
    } else {
      await moving?.freeze().catch(() => undefined); // it was told
    }
  }

  /** Save the picture or the readings. */
  async save(kind: "png" | "csv" | "json"): Promise<void> {
    const { shown } = this;
    const result = this.moving?.result ?? this.photo.result;
    const name = nameAfter(String(result?.source ?? ""), kind);
    this.dismiss();
    try {
      if (shown === null) {
        return;
      }
      if (kind === "png") {
        await savePng(shown.snapshot(), name);
      } else if (kind === "csv") {
        const rows = this.moving?.frames ?? (this.photo.result === null ? [] : [this.photo.result]);
        saveText(toCsv(rows, shown.emotions), name, "text/csv");
      } else {
        saveText(`${JSON.stringify(result)}\n`, name, "application/json");
      }
    } catch (error) {
      this.complain(error);
    }
  }

  /** Show what went wrong, over the picture and to screen readers. */
  complain(error: unknown): void {
    const notice = element("notice");
    this.complaint = error;
    write(notice, toSentence(error, this.texts));
    notice.hidden = false;
    this.say(null);
  }

  private dismiss(): void {
    this.complaint = null;
    element("notice").hidden = true;
  }

  /** The element that is on the screen. */
  private get shown(): MienElement | null {
    return this.mode === "welcome" ? null : { photo: this.photo, camera: this.camera, video: this.video }[this.mode];
  }

  private get moving(): MienMoving | null {
    return this.mode === "camera" ? this.camera : this.mode === "video" ? this.video : null;
  }

  private async open(mode: Mode, action: () => Promise<unknown>): Promise<void> {
    this.close();
    this.setMode(mode);
    if (mode === "photo") {
      this.say("reading");
    }
    await action().catch((error) => {
      if (!(error instanceof MienError) && !isOvertaken(error)) {
        this.complain(error); // the elements have told their own
      }
    });
  }

  private onFaces(shown: MienElement): void {
    if (shown !== this.shown) {
      return;
    }
    this.refresh();
    const isStill = this.mode === "photo" || shown.state === "frozen";
    this.speak(isStill);
    if (isStill) {
      const count = shown.faces.length;
      this.say(count === 0 ? "found.none" : "found", { count });
    } else if (shown.state !== "ended") {
      this.say("rate", { count: Math.round(this.moving?.framesPerSecond ?? 0) });
    }
    this.showState();
  }

  private onState(shown: MienElement): void {
    if (shown === this.shown) {
      if (shown.state === "ended") {
        this.say("page.over");
      }
      this.showState();
    }
  }

  private onError(shown: MienElement, error: MienError): void {
    if (shown === this.shown) {
      if (shown.faces.length === 0 || shown.state === "idle") {
        this.close();
      }
      this.complain(error);
    }
  }

  /** Show the most recent faces. */
  private refresh(): void {
    const { shown } = this;
    this.cards.update(shown, this.texts);
    element("empty").hidden = (shown?.faces.length ?? 0) > 0;
    const isRead = this.moving?.result != null || this.photo.result !== null;
    write(element("empty"), this.texts.say(shown === null ? "page.empty" : isRead ? "found.none" : "looking"));
    this.timeline.draw();
  }

  /** Announce to screen readers what is seen, not more often than they can say it. */
  private speak(atOnce: boolean): void {
    const now = performance.now();
    if (this.shown !== null && (atOnce || now - this.spokenAt >= SPEAK_EVERY_MS)) {
      this.spokenAt = now;
      write(element("spoken"), this.shown.describe());
    }
  }

  private setMode(mode: Mode): void {
    this.mode = mode;
    document.body.dataset.mode = mode;
    this.showExample();
    this.timeline.target = this.moving;
    this.showTitle();
    this.refresh();
    this.showState();
  }

  /** Write the drawing's word, and make its chip as wide. */
  private showExample(): void {
    const example = element<SVGTextElement & HTMLElement>("example");
    write(example, `${this.texts.word("happy")} ${this.texts.percent(0.82)}`);
    const width = example.getComputedTextLength();
    if (width > 0) {
      element("chip").setAttribute("width", String(Math.ceil(width) + 38));
    }
  }

  /** Name the timeline after what it shows. */
  private showTitle(): void {
    const { mode, texts, timeline } = this;
    write(element("timeline-title"), mode === "camera" ? texts.say("page.last", { count: timeline.seconds }) : texts.say("page.timeline"));
  }

  /** Update the buttons to what they would do now. */
  private showState(): void {
    const state = this.shown?.state ?? "idle";
    const isLive = this.moving !== null && !["idle", "loading"].includes(state);
    const isFrozen = state === "frozen";
    const isHeld = state === "paused" || state === "ended";
    write(button("pause", isLive && !isFrozen), this.texts.say(isHeld ? "page.resume" : "page.pause"));
    button("freeze", isLive).setAttribute("aria-pressed", String(isFrozen));
    element("mirror").setAttribute("aria-pressed", String(this.camera.mirrored));
    button("close", this.mode !== "welcome");
    const hasReadings = this.moving !== null ? this.moving.frames.length > 0 : this.shown !== null && this.photo.result !== null;
    ["png", "csv", "json"].forEach((kind) => button(`save-${kind}`, hasReadings));
  }

  /** Say something in the status line; null empties it. */
  private say(key: TextKey | null, values: Values = {}): void {
    this.told = key === null ? null : { key, values };
    write(element("status"), key === null ? "" : this.texts.say(key, values));
  }
}

function button(id: string, isEnabled: boolean): HTMLButtonElement {
  const found = element<HTMLButtonElement>(id);
  found.disabled = !isEnabled;
  return found;
}
