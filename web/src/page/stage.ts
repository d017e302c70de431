/** The stage: it shows a photo, a camera or a video, and the faces in it. */

import { MienError } from "../reading/errors";
import { drawFaces, fit, type ShownFace } from "./overlay";

/** The stage: a video element, a canvas for stills, and a canvas over both for boxes. */
export class Stage {
  readonly video = element<HTMLVideoElement>("video");
  private readonly still = element<HTMLCanvasElement>("still");
  private readonly overlay = element<HTMLCanvasElement>("overlay");
  private readonly box = element<HTMLElement>("stage");
  private faces: readonly ShownFace[] = [];
  private size: { width: number; height: number } | null = null;
  private selected = 0;
  private isMirrored = false;

  constructor() {
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  /** Show a still picture; the bitmap stays the caller's. */
  showStill(image: ImageBitmap): void {
    this.still.width = image.width;
    this.still.height = image.height;
    context2d(this.still).drawImage(image, 0, 0);
  }

  /** Whether the picture is shown as in a mirror, as people expect of their own camera. */
  get mirrored(): boolean {
    return this.isMirrored;
  }

  set mirrored(mirrored: boolean) {
    this.isMirrored = mirrored;
    this.box.classList.toggle("mirrored", mirrored);
    this.draw();
  }

  /** Play a camera's stream or a video's address; resolves when the first picture is there. */
  async play(source: MediaStream | string, isCamera: boolean): Promise<void> {
    const { video } = this;
    video.controls = !isCamera;
    if (typeof source === "string") {
      video.src = source;
    } else {
      video.srcObject = source;
    }
    await new Promise<void>((resolve, reject) => {
      video.onloadeddata = () => resolve();
      video.onerror = () => reject(new MienError("video", describeMediaError(video.error)));
    });
    await video.play();
  }

  /** Remove the picture. */
  clear(): void {
    const { video } = this;
    video.pause();
    video.onerror = null;
    video.srcObject = null;
    if (video.hasAttribute("src")) {
      video.removeAttribute("src");
      video.load();
    }
    this.mirrored = false;
    this.showFaces([], null, 0);
  }

  /** Draw faces over a picture of this size; null means there is no picture. */
  showFaces(faces: readonly ShownFace[], size: { width: number; height: number } | null, selected: number): void {
    this.faces = faces;
    this.size = size;
    this.selected = selected;
    this.draw();
  }

  /** Render the annotated picture at its own size, not mirrored. */
  render(isStill: boolean): HTMLCanvasElement {
    const { width, height } = this.size ?? { width: this.still.width, height: this.still.height };
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = context2d(canvas);
    context.drawImage(isStill ? this.still : this.video, 0, 0, width, height);
    const place = { x: 0, y: 0, scale: 1, mirrored: false, width };
    const unit = Math.max(1, Math.max(width, height) / 900);
    drawFaces(context, this.faces, place, { selected: this.selected, unit, letter: 14 * unit });
    return canvas;
  }

  private draw(): void {
    const ratio = Math.min(devicePixelRatio, 2);
    const { overlay, size } = this;
    const width = Math.max(1, Math.round(overlay.clientWidth * ratio));
    const height = Math.max(1, Math.round(overlay.clientHeight * ratio));
    if (overlay.width !== width || overlay.height !== height) {
      overlay.width = width;
      overlay.height = height;
    }
    const context = context2d(overlay);
    context.clearRect(0, 0, width, height);
    if (size !== null) {
      const place = fit(size.width, size.height, width, height, this.mirrored);
      const letter = ratio * Math.min(15, Math.max(11, overlay.clientWidth / 45));
      drawFaces(context, this.faces, place, { selected: this.selected, unit: ratio, letter });
    }
  }
}

/** Find an element of index.html. */
export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) {
    throw new MienError("browser", `The page is damaged: it has no ${id}; reload it.`);
  }
  return found as T;
}

function context2d(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) {
    throw new MienError("browser", "This browser provides no canvas to draw on; try a current one.");
  }
  return context;
}

function describeMediaError(error: MediaError | null): string {
  if (error?.code === MediaError.MEDIA_ERR_DECODE) {
    return "The video is damaged, or this browser does not support its codec; convert it to MP4 (H.264) or WebM.";
  }
  return "This browser does not play this file: it is not a video, or its codec is not supported; convert it to MP4 (H.264) or WebM.";
}
