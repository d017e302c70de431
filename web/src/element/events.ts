/** The events that the elements send, with what they carry. */

import type { ErrorKind, MienError } from "../reading/errors";
import type { FrameResult, ImageResult } from "../reading/results";

/** What an element is doing. */
export type MienState = "idle" | "loading" | "running" | "paused" | "frozen" | "ended";

/** What is loading, in bytes of the models, or how far a video was read, in seconds. */
export interface MienProgress {
  readonly stage: "model" | "video";
  readonly loaded: number;
  /** null where it is not known. */
  readonly total: number | null;
}

/** What went wrong, as a sentence in the element's language. */
export interface MienFailure {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly error: MienError;
}

/** The events by name; `mien-faces` carries the JSON of a photo or a frame, as `mien analyze` writes it. */
export interface MienEventMap {
  "mien-faces": CustomEvent<ImageResult | FrameResult>;
  "mien-error": CustomEvent<MienFailure>;
  "mien-progress": CustomEvent<MienProgress>;
  "mien-state": CustomEvent<MienState>;
}

/** Send an event that also leaves shadow trees. */
export function emit<K extends keyof MienEventMap>(target: HTMLElement, name: K, detail: MienEventMap[K]["detail"]): void {
  target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}
