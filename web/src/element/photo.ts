/** `<mien-photo>`: a photo, with a box and a word for every face. */

import { MienError, overtaken } from "../reading/errors";
import { readImage } from "../reading/images";
import { imageResult, type ImageResult } from "../reading/results";
import { MienElement, nameOf } from "./base";
import { emit } from "./events";

/** A photo, read when `src` is set or `analyze` is called. */
export class MienPhoto extends MienElement {
  static override observedAttributes = [...MienElement.observedAttributes, "src", "alt"];

  private image: ImageBitmap | null = null;
  private source = "<image>";
  private last: ImageResult | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.openSource();
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    super.attributeChangedCallback(name, before, after);
    if (name === "src" && this.isConnected && before !== after) {
      this.openSource();
    } else if (name === "alt") {
      this.writeTexts();
    }
  }

  /** Address of the photo, relative to the page. */
  get src(): string {
    return this.getAttribute("src") ?? "";
  }

  set src(address: string) {
    this.setAttribute("src", address);
  }

  /** Description of the photo for screen readers. */
  get alt(): string {
    return this.getAttribute("alt") ?? "";
  }

  set alt(text: string) {
    this.setAttribute("alt", text);
  }

  /** The result; null before the first one. */
  get result(): ImageResult | null {
    return this.last;
  }

  /**
   * Read a photo and show it.
   *
   * @param photo A file, an address, or a bitmap that you keep; by default the photo that is shown.
   * @throws MienError The photo cannot be read; also sent as `mien-error`.
   * @throws DOMException An `AbortError` if another photo was opened meanwhile.
   */
  async analyze(photo?: Blob | string | ImageBitmap): Promise<ImageResult> {
    const turn = photo === undefined ? this.turn : ++this.turn;
    return this.attempt(async () => {
      try {
        if (photo !== undefined) {
          await this.open(photo, turn);
        }
        return await this.read(turn);
      } catch (error) {
        throw turn === this.turn ? error : overtaken();
      }
    });
  }

  /** Remove the photo. */
  stop(): void {
    this.turn++;
    this.image?.close();
    [this.image, this.last] = [null, null];
    this.clear();
    this.setState("idle");
  }

  protected override get picture(): HTMLCanvasElement {
    return this.still;
  }

  protected override reopen(): void {
    if (this.image !== null) {
      this.analyze().catch(() => undefined); // it was told
    }
  }

  protected override writeTexts(): void {
    super.writeTexts();
    this.still.setAttribute("aria-label", this.alt || this.texts.say("photo"));
  }

  private openSource(): void {
    if (this.src !== "") {
      this.analyze(this.src).catch(() => undefined); // it was told
    } else if (this.image !== null) {
      this.stop();
    }
  }

  private async open(photo: Blob | string | ImageBitmap, turn: number): Promise<void> {
    const isAddress = typeof photo === "string";
    const name = isAddress ? nameOf(photo) : photo instanceof File && photo.name ? photo.name : "<image>";
    const isBitmap = photo instanceof ImageBitmap;
    const image = isBitmap ? await createImageBitmap(photo) : await readImage(isAddress ? await fetchBlob(photo, name) : photo, name);
    if (turn !== this.turn) {
      image.close();
      throw overtaken();
    }
    this.clear();
    this.image?.close();
    [this.image, this.last, this.source] = [image, null, name];
    this.showStill(image);
  }

  private async read(turn: number): Promise<ImageResult> {
    this.setState("loading");
    const facts = await this.load();
    if (turn !== this.turn) {
      throw overtaken();
    }
    this.say(this.texts.say("reading"));
    if (this.image === null) {
      throw new MienError("image", "error.image.empty", { name: "<mien-photo>" });
    }
    const reading = await this.reader.readPhoto(await createImageBitmap(this.image), this.threshold ?? undefined);
    if (turn !== this.turn) {
      throw overtaken();
    }
    const result = imageResult(this.source, reading, facts.labels, reading.faces);
    this.last = result;
    this.say("");
    this.show(reading);
    this.speak(true);
    this.setState("running");
    emit(this, "mien-faces", result);
    return result;
  }
}

async function fetchBlob(address: string, name: string): Promise<Blob> {
  const response = await fetch(new URL(address, document.baseURI)).catch(() => null);
  if (response === null || !response.ok) {
    throw new MienError("image", "error.image.address", { name });
  }
  return response.blob();
}
