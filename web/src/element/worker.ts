/** The worker: detection and recognition, off the page's thread. */

import { Analyzer } from "../reading/analyzer";
import { FaceDetector } from "../reading/detector";
import { MienError, toMienError, type ErrorKind } from "../reading/errors";
import { PixelReader } from "../reading/images";
import { Recognizer } from "../reading/recognizer";
import { useRuntime } from "../reading/sessions";
import type { ModelSpec } from "../reading/spec";
import { YuNet } from "../reading/yunet";
import type { TextKey, Values } from "../texts/texts";
import type { Reading } from "./reader";

/** Addresses of a model's files. */
export interface ModelFiles {
  readonly spec: ModelSpec;
  readonly weights: string;
  readonly detector: string;
  /** Address of the runtime's WebAssembly. */
  readonly runtime: string;
}

/** Requests to the worker; `stream` is the number of a camera or video. */
export type Question =
  | { readonly kind: "load"; readonly id: number; readonly files: ModelFiles }
  | { readonly kind: "photo"; readonly id: number; readonly image: ImageBitmap; readonly threshold?: number }
  | {
      readonly kind: "frame";
      readonly id: number;
      readonly stream: number;
      readonly image: ImageBitmap;
      readonly timeS: number;
      readonly threshold?: number;
    }
  | { readonly kind: "close"; readonly id: number; readonly stream: number };

/** Responses, with the id of the request. */
export type Answer =
  | { readonly kind: "done"; readonly id: number }
  | { readonly kind: "progress"; readonly id: number; readonly loaded: number; readonly total: number | null }
  | { readonly kind: "reading"; readonly id: number; readonly reading: Reading }
  | { readonly kind: "failure"; readonly id: number; readonly error: ErrorKind; readonly key: TextKey; readonly values: Values };

let detector: FaceDetector | null = null;
let recognizer: Recognizer | null = null;
let reader: PixelReader | null = null;
const streams = new Map<number, Analyzer>();

/** One request at a time: a photo waits for the model, and a model for the current picture. */
let work = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<Question>) => {
  work = work.then(() => answer(data));
};

async function answer(question: Question): Promise<void> {
  const { id } = question;
  try {
    if (question.kind === "load") {
      await load(id, question.files);
      post({ kind: "done", id });
    } else if (question.kind === "close") {
      streams.delete(question.stream);
      post({ kind: "done", id });
    } else {
      post({ kind: "reading", id, reading: await read(question) });
    }
  } catch (error) {
    const { kind, key, values } = toMienError(error);
    post({ kind: "failure", id, error: kind, key, values });
  }
}

function post(message: Answer): void {
  self.postMessage(message);
}

/** Open the detector once, and a model; run both to warm them up. */
async function load(id: number, files: ModelFiles): Promise<void> {
  useRuntime(files.runtime);
  const parts = new Map<string, { loaded: number; total: number | null }>();
  const fetchPart = (address: string): Promise<Uint8Array<ArrayBuffer>> =>
    fetchBytes(address, (loaded, total) => {
      parts.set(address, { loaded, total });
      const all = [...parts.values()];
      const sum = all.reduce<number | null>((so, part) => (so === null || part.total === null ? null : so + part.total), 0);
      post({ kind: "progress", id, loaded: all.reduce((so, part) => so + part.loaded, 0), total: sum });
    });
  const [weights, detectorWeights] = await Promise.all([
    fetchPart(files.weights),
    detector === null ? fetchPart(files.detector) : null,
  ]);
  if (detectorWeights !== null) {
    detector = new FaceDetector(await YuNet.open(detectorWeights, files.detector));
  }
  const opened = await Recognizer.open(weights, files.spec);
  const grey = { width: 160, height: 160, data: new Uint8ClampedArray(160 * 160 * 4).fill(128) };
  await (detector as FaceDetector).detect(grey);
  await opened.predictProbabilities([new Uint8Array(files.spec.input_size ** 2)]);
  recognizer = opened;
  streams.clear();
}

async function read(question: Extract<Question, { kind: "photo" | "frame" }>): Promise<Reading> {
  if (detector === null || recognizer === null) {
    throw new MienError("model", "error.model.early");
  }
  const began = performance.now();
  reader ??= new PixelReader();
  const pixels = reader.read(question.image);
  question.image.close();

  let analyzer = question.kind === "frame" ? streams.get(question.stream) : undefined;
  analyzer ??= new Analyzer(detector, recognizer);
  analyzer.threshold = question.threshold ?? recognizer.spec.abstention_threshold;
  if (question.kind === "frame") {
    streams.set(question.stream, analyzer);
  }
  const faces = question.kind === "frame" ? await analyzer.readFrame(pixels, question.timeS) : await analyzer.readPhoto(pixels);
  const { width, height } = pixels;
  return { width, height, faces, elapsedMs: performance.now() - began };
}

/** Fetch a file and report progress. */
async function fetchBytes(address: string, onProgress: (loaded: number, total: number | null) => void): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(address);
    if (!response.ok) {
      throw new MienError("model", "error.model.status", { status: response.status, address });
    }
    // The length of a compressed response differs from the file's.
    const length = response.headers.has("content-encoding") ? null : Number(response.headers.get("content-length")) || null;
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let loaded = 0;
    onProgress(0, length);
    for (const stream = response.body?.getReader(); stream !== undefined; ) {
      const { done, value } = await stream.read();
      if (done) {
        break;
      }
      chunks.push(value);
      onProgress((loaded += value.length), length);
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  } catch (error) {
    throw error instanceof MienError ? error : new MienError("model", "error.model.connection");
  }
}
