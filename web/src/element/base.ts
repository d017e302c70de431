/** Base class of the elements for cameras, photos and videos: reader, language, and drawn boxes. */

import { isOvertaken, MienError, toMienError } from "../reading/errors";
import type { FaceResult, Size } from "../reading/results";
import { ENGLISH, loadTexts, type Texts } from "../texts/texts";
import { emit, type MienState } from "./events";
import { drawFaces, fit, toShown, type ShownFace } from "./overlay";
import type { FaceReader, ModelFacts, Reading } from "./reader";
import { part, styleSheet } from "./style";
import { shareReader } from "./worker_reader";

/** Servers can import the elements, too, but only browsers can create them. */
export const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** How long an element waits before it announces another expression to screen readers. */
const SPEAK_EVERY_MS = 3000;
/** Default folder of the models. It is a variable so that bundlers do not resolve it. */
const here = import.meta.url;

/** Base class of `<mien-camera>`, `<mien-photo>` and `<mien-video>`. */
export abstract class MienElement extends Base {
  static observedAttributes = ["lang", "model", "models-url", "threshold"];

  protected readonly frame = part("div", "frame");
  protected readonly still = part("canvas", "still");
  protected readonly middle = part("div", "middle");
  protected texts: Texts = ENGLISH;
  protected facts: ModelFacts | null = null;
  /** Number of sources opened so far, to ignore results of earlier ones. */
  protected turn = 0;

  private readonly overlay = part("canvas", "overlay");
  private readonly notice = part("p", "notice");
  private readonly status = part("p", "status");
  private readonly caption = part("p", "caption");
  private readonly spoken = part("p", "spoken");
  private readonly sizes = new ResizeObserver(() => this.draw());
  private ownReader: FaceReader | null = null;
  private found: readonly FaceResult[] = [];
  private followed: number | null = null;
  private course = new Set<number>();
  private index = 0;
  private size: Size | null = null;
  private spokenAt = 0;
  private now: MienState = "idle";
  private failure: MienError | null = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styleSheet()];
    this.overlay.setAttribute("aria-hidden", "true");
    this.notice.setAttribute("role", "alert");
    this.spoken.setAttribute("aria-live", "polite");
    this.still.setAttribute("role", "img");
    [this.notice, this.status, this.still, this.middle].forEach((element) => (element.hidden = true));
    this.frame.append(this.still, this.overlay, this.middle, this.status, this.notice);
    root.append(this.frame, this.caption, this.spoken);
  }

  connectedCallback(): void {
    // A property that a framework set before the element was defined hides the setter: set it again.
    const own = this as Record<string, unknown>;
    for (const name of Object.getOwnPropertyNames(this).filter((name) => name in Object.getPrototypeOf(this))) {
      const value = own[name];
      delete own[name];
      own[name] = value;
    }
    this.sizes.observe(this.frame);
    this.writeTexts();
    void this.chooseTexts();
  }

  disconnectedCallback(): void {
    this.sizes.disconnect();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) {
      return;
    }
    if (name === "lang") {
      void this.chooseTexts();
    } else if (name === "threshold") {
      this.draw();
    } else if (name.startsWith("model")) {
      this.facts = null;
      this.reopen();
    }
  }

  /** Name of the model; its files are `NAME.json` and `NAME.onnx` in the models' folder. */
  get model(): string {
    return this.getAttribute("model") ?? "fast";
  }

  set model(name: string) {
    this.setAttribute("model", name);
  }

  /** Address of the models' folder, relative to the page. */
  get modelsUrl(): string {
    const given = this.getAttribute("models-url");
    const folder = given === null ? new URL("models/", here) : new URL(given, document.baseURI);
    return folder.href.replace(/\/?$/, "/");
  }

  set modelsUrl(address: string) {
    this.setAttribute("models-url", address);
  }

  /** Top probability below which no expression is named; null uses the model's own threshold. */
  get threshold(): number | null {
    const given = this.getAttribute("threshold");
    return given === null || Number.isNaN(Number(given)) ? null : Number(given);
  }

  set threshold(value: number | null) {
    value === null ? this.removeAttribute("threshold") : this.setAttribute("threshold", String(value));
  }

  /** The reader of the faces; null uses the model in a worker. */
  get reader(): FaceReader {
    return this.ownReader ?? shareReader(this.modelsUrl, this.model);
  }

  set reader(reader: FaceReader | null) {
    this.ownReader = reader;
    this.facts = null;
    if (this.isConnected) {
      this.reopen();
    }
  }

  /** The element's state. */
  get state(): MienState {
    return this.now;
  }

  /** The faces of the last picture, the largest first. */
  get faces(): readonly FaceResult[] {
    return this.found;
  }

  /** The faces as shown: smoothed over time, with the threshold applied. */
  get shownFaces(): ShownFace[] {
    return this.found.map((face) => toShown(face, this.effectiveThreshold));
  }

  /** The threshold in use: `threshold`, or the model's own; null always names an expression. */
  get effectiveThreshold(): number | null {
    return this.threshold ?? this.facts?.abstention_threshold ?? null;
  }

  /** Class names of the model, once it is loaded. */
  get emotions(): readonly string[] {
    return this.facts?.class_names ?? [];
  }

  /** The face that is highlighted; in a camera or video, the same person's while in view. */
  get selected(): number {
    return this.index;
  }

  set selected(index: number) {
    this.index = Math.min(Math.max(index, 0), Math.max(this.found.length - 1, 0));
    this.followed = this.found[this.index]?.track_id ?? null;
    this.course = new Set(this.followed === null ? [] : [this.followed]);
    this.draw();
  }

  /** Tracks of the selected face: after a long loss, the next face continues under another track. */
  get selectedTracks(): ReadonlySet<number> {
    return this.course;
  }

  /** The picture with boxes and words, at its own size, not mirrored. */
  snapshot(): HTMLCanvasElement {
    const picture = this.picture;
    const { width, height } = this.size ?? { width: this.still.width, height: this.still.height };
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const context = context2d(canvas);
    context.drawImage(picture, 0, 0, width, height);
    const unit = Math.max(1, Math.max(width, height) / 900);
    const place = { x: 0, y: 0, scale: 1, mirrored: false, width };
    drawFaces(context, this.shownFaces, place, { selected: this.index, unit, letter: 14 * unit, texts: this.texts });
    return canvas;
  }

  /** The current content of the screen. */
  protected abstract get picture(): HTMLCanvasElement | HTMLVideoElement;

  /** Restart after another model was chosen. */
  protected abstract reopen(): void;

  /** Load the model and report progress. */
  protected async load(): Promise<ModelFacts> {
    const { reader, model } = this;
    if (this.facts === null) {
      this.say(this.texts.say("loading", { name: model }));
      this.facts = await reader.load((loaded, total) => {
        emit(this, "mien-progress", { stage: "model", loaded, total });
        const percent = total === null ? null : this.texts.percent(loaded / total);
        this.say(percent === null ? this.texts.say("loading", { name: model }) : this.texts.say("loading.share", { name: model, percent }));
      });
    }
    this.say("");
    return this.facts;
  }

  /** Show the faces, and send them as an event. */
  protected show({ width, height, faces }: Pick<Reading, "width" | "height" | "faces">): void {
    [this.found, this.size] = [faces, { width, height }];
    const again = this.followed === null ? -1 : faces.findIndex(({ track_id }) => track_id === this.followed);
    if (again >= 0) {
      this.index = again;
    } else {
      this.index = Math.min(this.index, Math.max(faces.length - 1, 0));
      this.followed = faces[this.index]?.track_id ?? this.followed;
      if (this.followed !== null) {
        this.course.add(this.followed);
      }
    }
    this.draw();
  }

  /** Clear the screen. */
  protected clear(): void {
    [this.found, this.size, this.followed, this.index] = [[], null, null, 0];
    this.course = new Set();
    this.notice.hidden = true;
    this.still.hidden = true;
    this.spoken.textContent = "";
    this.say("");
    this.draw();
  }

  /** Draw a still picture; the caller keeps the bitmap. */
  protected showStill(image: ImageBitmap): void {
    [this.still.width, this.still.height] = [image.width, image.height];
    context2d(this.still).drawImage(image, 0, 0);
    this.still.hidden = false;
    this.setRatio(image);
  }

  protected setRatio({ width, height }: Size): void {
    this.frame.style.setProperty("--_ratio", `${width} / ${height}`);
  }

  /** Whether the picture is mirrored on the screen; results are unaffected. */
  protected setMirrored(mirrored: boolean): void {
    this.frame.classList.toggle("mirrored", mirrored);
    this.draw();
  }

  protected setState(state: MienState): void {
    if (this.now !== state) {
      this.now = state;
      emit(this, "mien-state", state);
    }
  }

  /** Announce the faces to screen readers, at a limited rate. */
  protected speak(atOnce: boolean): void {
    const now = performance.now();
    if (atOnce || now - this.spokenAt >= SPEAK_EVERY_MS) {
      this.spokenAt = now;
      setText(this.spoken, this.describe());
    }
  }

  /** Describe the faces in words. */
  describe(): string {
    const { texts } = this;
    const words = this.shownFaces.map(({ word, face }, index) =>
      texts.say("spoken.face", { number: face.track_id ?? index + 1, word: texts.word(word) }),
    );
    return words.length ? words.join(", ") : texts.say("spoken.none");
  }

  /** Show a sentence in the corner; an empty one removes it. */
  protected say(sentence: string): void {
    setText(this.status, sentence);
    this.status.hidden = sentence === "";
  }

  /** Run an action; if it fails, show the error and send it as an event. */
  protected async attempt<T>(action: () => Promise<T>): Promise<T> {
    this.notice.hidden = true;
    try {
      return await action();
    } catch (error) {
      throw isOvertaken(error) ? error : this.complain(error);
    }
  }

  /** Show an error, and send it as an event. */
  protected complain(thrown: unknown): MienError {
    const error = (this.failure = toMienError(thrown));
    const message = this.texts.say(error.key, error.values);
    setText(this.notice, message);
    this.notice.hidden = false;
    this.say("");
    emit(this, "mien-error", { kind: error.kind, message, error });
    return error;
  }

  /** Write the static texts; called when the language changes. */
  protected writeTexts(): void {
    this.frame.dir = this.caption.dir = this.texts.direction;
    setText(this.caption, this.texts.say("not.felt"));
    if (this.failure !== null) {
      setText(this.notice, this.texts.say(this.failure.key, this.failure.values));
    }
    this.draw();
  }

  private async chooseTexts(): Promise<void> {
    this.texts = await findTexts(this);
    this.writeTexts();
  }

  private draw(): void {
    const ratio = Math.min(devicePixelRatio, 2);
    const { overlay, size } = this;
    const width = Math.max(1, Math.round(overlay.clientWidth * ratio));
    const height = Math.max(1, Math.round(overlay.clientHeight * ratio));
    if (overlay.width !== width || overlay.height !== height) {
      [overlay.width, overlay.height] = [width, height];
    }
    const context = context2d(overlay);
    context.clearRect(0, 0, width, height);
    if (size !== null) {
      const place = fit(size.width, size.height, width, height, this.frame.classList.contains("mirrored"));
      const letter = ratio * Math.min(15, Math.max(11, overlay.clientWidth / 45));
      drawFaces(context, this.shownFaces, place, { selected: this.index, unit: ratio, letter, texts: this.texts });
    }
  }
}

/** Return the texts in an element's language: its own, its parent's, or the browser's. */
export async function findTexts(element: HTMLElement): Promise<Texts> {
  const given = element.closest<HTMLElement>("[lang]")?.lang;
  return loadTexts(given ? [given] : navigator.languages);
}

/** Write only changes, to disturb neither screen readers nor layout. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export function context2d(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) {
    throw new MienError("browser", "error.browser.canvas");
  }
  return context;
}

/** Name a photo or video by the last part of its address. */
export function nameOf(address: string): string {
  const { pathname } = new URL(address, document.baseURI);
  return decodeURIComponent(pathname.split("/").pop() ?? "") || address;
}
