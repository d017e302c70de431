/** The events of the elements, and their details. */

import type { ErrorKind, MienError } from "../reading/errors";
import type { FrameResult, ImageResult } from "../reading/results";

/** State of an element. */
export type MienState = "idle" | "loading" | "running" | "paused" | "frozen" | "ended";

/** Progress of loading, in bytes, or of reading a video, in seconds. */
export interface MienProgress {
  readonly stage: "model" | "video";
  readonly loaded: number;
  /** null if unknown. */
  readonly total: number | null;
}

/** An error, as a sentence in the element's language. */
export interface MienFailure {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly error: MienError;
}

/** Events by name; `mien-faces` has the JSON of a photo or frame, as in `mien analyze`. */
export interface MienEventMap {
  "mien-faces": CustomEvent<ImageResult | FrameResult>;
  "mien-error": CustomEvent<MienFailure>;
  "mien-progress": CustomEvent<MienProgress>;
  "mien-state": CustomEvent<MienState>;
}

/** Send an event that also crosses shadow trees. */
export function emit<K extends keyof MienEventMap>(target: HTMLElement, name: K, detail: MienEventMap[K]["detail"]): void {
  target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}
