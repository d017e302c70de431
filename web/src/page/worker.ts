/** The worker: detection and recognition, off the page's thread. */

import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { Analyzer } from "../reading/analyzer";
import { MienError, toSentence, type ErrorKind } from "../reading/errors";
import { FaceDetector } from "../reading/detector";
import { PixelReader } from "../reading/images";
import { detectorUrl, MODELS } from "./models";
import { Recognizer } from "../reading/recognizer";
import type { FaceResult } from "../reading/results";
import { useRuntime } from "../reading/sessions";
import { YuNet } from "../reading/yunet";

/** What the page asks for. `restart` forgets earlier frames. */
export type Question =
  | { readonly kind: "load"; readonly id: number; readonly model: string }
  | { readonly kind: "photo"; readonly id: number; readonly image: ImageBitmap }
  | { readonly kind: "frame"; readonly id: number; readonly image: ImageBitmap; readonly timeS: number; readonly restart: boolean };

/** What was read: the picture's size, its faces, and how long that took. */
export interface Reading {
  readonly width: number;
  readonly height: number;
  readonly faces: readonly FaceResult[];
  readonly elapsedMs: number;
}

/** What comes back, under the question's id. */
export type Answer =
  | { readonly kind: "ready"; readonly id: number }
  | { readonly kind: "reading"; readonly id: number; readonly reading: Reading }
  | { readonly kind: "failure"; readonly id: number; readonly error: ErrorKind; readonly message: string };

let detector: FaceDetector | null = null;
let analyzer: Analyzer | null = null;
let reader: PixelReader | null = null;

/** One question at a time: a photo waits for the model, and a model for the current picture. */
let work = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<Question>) => {
  work = work.then(() => answer(data));
};

async function answer(question: Question): Promise<void> {
  try {
    self.postMessage(question.kind === "load" ? await load(question.id, question.model) : await read(question));
  } catch (error) {
    const kind = error instanceof MienError ? error.kind : "browser";
    self.postMessage({ kind: "failure", id: question.id, error: kind, message: toSentence(error) } satisfies Answer);
  }
}

/** Open the detector once, and a model; run both, so that the first picture does not wait. */
async function load(id: number, name: string): Promise<Answer> {
  const model = MODELS.find(({ spec }) => spec.name === name) ?? MODELS[0];
  if (model === undefined) {
    throw new MienError("model", "The page was built without a model; build it again with `make web`.");
  }
  useRuntime(new URL(wasmUrl, self.location.href).href);
  const [weights, detectorWeights] = await Promise.all([
    fetchBytes(model.url),
    detector === null ? fetchBytes(detectorUrl()) : null,
  ]);
  if (detectorWeights !== null) {
    detector = new FaceDetector(await YuNet.open(detectorWeights, "The face detector"));
  }
  const opened = new Analyzer(detector as FaceDetector, await Recognizer.open(weights, model.spec));
  const grey = { width: 160, height: 160, data: new Uint8ClampedArray(160 * 160 * 4).fill(128) };
  await opened.readPhoto(grey);
  await opened.recognizer.predictProbabilities([new Uint8Array(model.spec.input_size ** 2)]);
  analyzer = opened;
  return { kind: "ready", id };
}

async function read(question: Exclude<Question, { kind: "load" }>): Promise<Answer> {
  if (analyzer === null) {
    throw new MienError("model", "The model is not loaded yet; reload the page.");
  }
  const began = performance.now();
  reader ??= new PixelReader();
  const pixels = reader.read(question.image);
  question.image.close();
  if (question.kind === "frame" && question.restart) {
    analyzer.restart();
  }
  const faces =
    question.kind === "frame" ? await analyzer.readFrame(pixels, question.timeS) : await analyzer.readPhoto(pixels);
  const { width, height } = pixels;
  return { kind: "reading", id: question.id, reading: { width, height, faces, elapsedMs: performance.now() - began } };
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(new URL(url, self.location.href));
  } catch {
    throw new MienError("model", "The model could not be loaded: the connection failed. Once loaded, the page works offline.");
  }
  if (!response.ok) {
    throw new MienError("model", `The model could not be loaded: the server answered ${response.status}. Check that all of the page's files were uploaded.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
