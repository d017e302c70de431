/** Interface to read faces for an element: with the models in a worker, or on a server. */

import type { FaceResult } from "../reading/results";
import type { ModelSpec } from "../reading/spec";

/** A result: the picture's size, its faces, and the time it took. */
export interface Reading {
  readonly width: number;
  readonly height: number;
  readonly faces: readonly FaceResult[];
  readonly elapsedMs: number;
}

/** Downloaded bytes of the models; `total` is null if the server does not state it. */
export type OnProgress = (loaded: number, total: number | null) => void;

/** Information about a model for an element. */
export type ModelFacts = Pick<ModelSpec, "name" | "class_names" | "abstention_threshold" | "labels">;

/** A frame, and how to read it. */
export interface FrameQuestion {
  /** Takes the picture; called immediately. */
  readonly takeImage: () => Promise<ImageBitmap>;
  readonly timeS: number;
  readonly frame: number;
  /** Top probability below which no emotion is named; undefined uses the model's. */
  readonly threshold?: number;
}

/** One camera or video, whose faces are followed from frame to frame. */
export interface FrameReader {
  /** Whether a frame would be read immediately; otherwise, drop it. */
  readonly isFree: boolean;
  /** Read the next frame; null if the reader dropped it. */
  readFrame(question: FrameQuestion): Promise<Reading | null>;
  /** Release the camera or video. */
  close(): void;
}

/** Reads photos, and opens cameras and videos; several elements may share one. */
export interface FaceReader {
  /** Load the model; later calls return immediately. */
  load(onProgress?: OnProgress): Promise<ModelFacts>;
  /** Read a still picture; the reader takes over the bitmap. */
  readPhoto(image: ImageBitmap, threshold?: number): Promise<Reading>;
  /** Start to read a camera or video. */
  openFrames(): FrameReader;
}
