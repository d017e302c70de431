/** Types for pages, in addition to the elements themselves. */

import type { MienEventMap } from "./events";

export type { Box } from "../reading/detector";
export type { ErrorKind, MienError } from "../reading/errors";
export type { FaceResult, FrameResult, ImageResult, Probabilities, Reason } from "../reading/results";
export type { Camera } from "./devices";
export type { MienEventMap, MienFailure, MienProgress, MienState } from "./events";
export type { FaceReader, FrameQuestion, FrameReader, ModelFacts, OnProgress, Reading } from "./reader";

declare global {
  interface HTMLElementEventMap extends MienEventMap {}
}
