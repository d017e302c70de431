/** What reads the faces for an element: the models in a worker, or a server. */

import type { FaceResult } from "../reading/results";
import type { ModelSpec } from "../reading/spec";

/** What was read: the picture's size, its faces, and how long that took. */
export interface Reading {
  readonly width: number;
  readonly height: number;
  readonly faces: readonly FaceResult[];
  readonly elapsedMs: number;
}

/** Bytes of the models that have come; `total` is null where the server does not say. */
export type OnProgress = (loaded: number, total: number | null) => void;

/** What an element needs to know of a model. */
export type ModelFacts = Pick<ModelSpec, "name" | "class_names" | "abstention_threshold" | "labels">;

/** A frame, and what is asked about it. */
export interface FrameQuestion {
  /** Takes the picture; it is called at once. */
  readonly takeImage: () => Promise<ImageBitmap>;
  readonly timeS: number;
  readonly frame: number;
  /** Below this no emotion is named; undefined takes the model's. */
  readonly threshold?: number;
}

/** One camera or video: its faces are followed from frame to frame. */
export interface FrameReader {
  /** Whether a frame would be read at once; otherwise, drop it. */
  readonly isFree: boolean;
  /** Read the next frame; null where the reader dropped it. */
  readFrame(question: FrameQuestion): Promise<Reading | null>;
  /** Forget the camera or video. */
  close(): void;
}

/** Reads photos, and opens cameras and videos; several elements may share one. */
export interface FaceReader {
  /** Load the model; later calls return at once. */
  load(onProgress?: OnProgress): Promise<ModelFacts>;
  /** Read a still picture; the bitmap is the reader's from then on. */
  readPhoto(image: ImageBitmap, threshold?: number): Promise<Reading>;
  /** Begin to read a camera or video. */
  openFrames(): FrameReader;
}
