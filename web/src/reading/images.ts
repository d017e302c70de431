/** Decode picture files, and read pixels from bitmaps and video frames. */

import { MienError } from "./errors";

/** A picture: height * width * 4 levels, 0 to 255, RGBA row by row; alpha is ignored. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Uint8Array;
}

/** Pictures with more pixels are refused, as in Python. */
export const MAX_PIXELS = 89_478_485;

const HEIC_BRANDS = new Set(["heic", "heix", "hevc", "heim", "mif1", "msf1"]);

/** What the first bytes of a file say it is. */
export type FileKind = "image" | "video" | "heic" | "tiff" | "pdf" | "svg" | "text" | "empty" | "unknown";

/** Return what a file is by its content, never by its name. */
export function describeHead(head: Uint8Array): FileKind {
  if (head.length === 0) {
    return "empty";
  }
  const text = String.fromCharCode(...head.slice(0, 64));
  const brand = text.slice(8, 12);
  if (text.slice(4, 8) === "ftyp") {
    if (brand === "avif" || brand === "avis") {
      return "image";
    }
    return HEIC_BRANDS.has(brand) ? "heic" : "video";
  }
  if (text.startsWith("RIFF")) {
    return brand === "WEBP" ? "image" : brand === "AVI " ? "video" : "unknown";
  }
  if (/^(\xff\xd8\xff|\x89PNG|GIF8|BM)/.test(text)) {
    return "image";
  }
  if (text.startsWith("\x1aE\xdf\xa3") || text.startsWith("OggS")) {
    return "video";
  }
  if (text.startsWith("II*\0") || text.startsWith("MM\0*")) {
    return "tiff";
  }
  if (text.startsWith("%PDF")) {
    return "pdf";
  }
  if (/^\s*(<\?xml|<svg)/i.test(text)) {
    return "svg";
  }
  return /^[\t\n\r\x20-\x7e]*$/.test(text) ? "text" : "unknown";
}

/** Read a file's first bytes and return what it is. */
export async function readKind(file: Blob): Promise<FileKind> {
  return describeHead(new Uint8Array(await file.slice(0, 64).arrayBuffer()));
}

/** Return the error for a file that a browser cannot read as a picture. */
export function refusal(name: string, kind: FileKind): MienError {
  return new MienError("image", kind === "image" ? "error.image.damaged" : `error.image.${kind}`, { name });
}

/**
 * Decode a picture file as it is meant to be seen: EXIF orientation is applied and colour profiles
 * are ignored, as in Python.
 *
 * @throws MienError The file is not a picture, is damaged or is too large.
 */
export async function readImage(file: Blob, name: string): Promise<ImageBitmap> {
  const kind = await readKind(file);
  if (kind !== "image" && kind !== "unknown") {
    throw refusal(name, kind);
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    throw refusal(name, kind);
  }
  if (bitmap.width * bitmap.height > MAX_PIXELS) {
    bitmap.close();
    throw new MienError("image", "error.image.large", { name, limit: MAX_PIXELS });
  }
  return bitmap;
}

/** Reads pixels from bitmaps and video frames, on one reused canvas. */
export class PixelReader {
  private readonly canvas = new OffscreenCanvas(1, 1);
  private readonly context: OffscreenCanvasRenderingContext2D;

  constructor() {
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (context === null) {
      throw new MienError("browser", "error.browser.canvas");
    }
    this.context = context;
  }

  /** Read the pixels; transparent parts become white. */
  read(image: ImageBitmap | VideoFrame): Pixels {
    const width = "displayWidth" in image ? image.displayWidth : image.width;
    const height = "displayHeight" in image ? image.displayHeight : image.height;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, width, height);
    this.context.drawImage(image, 0, 0, width, height);
    return this.context.getImageData(0, 0, width, height);
  }
}
