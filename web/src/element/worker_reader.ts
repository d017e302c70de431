/** Read faces with the models in a worker; frames never queue. */

import { MienError } from "../reading/errors";
import { readSpec, type ModelSpec } from "../reading/spec";
import type { FaceReader, FrameQuestion, FrameReader, OnProgress, Reading } from "./reader";
import type { Answer, ModelFiles, Question } from "./worker";

export const DETECTOR = "yunet_2023mar_any_size.onnx";
export const RUNTIME = "ort-wasm-simd-threaded.wasm";

type Unnumbered<T> = T extends Question ? Omit<T, "id"> : never;
interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress?: OnProgress;
}

/** Sends pictures and frames to its own worker, started when a model is loaded. */
export class WorkerReader implements FaceReader {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private loading: Promise<ModelSpec> | null = null;
  private lastId = 0;
  private lastStream = 0;

  /** @param findFiles Returns the addresses of the model's files; it may have to fetch the contract. */
  constructor(private findFiles: () => Promise<ModelFiles>) {}

  async load(onProgress?: OnProgress): Promise<ModelSpec> {
    this.loading ??= this.findFiles().then(async (files) => {
      await this.ask({ kind: "load", files }, [], onProgress);
      return files.spec;
    });
    try {
      return await this.loading;
    } catch (error) {
      this.loading = null; // the next call tries again
      throw error;
    }
  }

  /** Switch to another model; keep the current one if the new one cannot be loaded. */
  async change(findFiles: () => Promise<ModelFiles>): Promise<ModelSpec> {
    const [oldFiles, oldLoading] = [this.findFiles, this.loading];
    [this.findFiles, this.loading] = [findFiles, null];
    try {
      return await this.load();
    } catch (error) {
      [this.findFiles, this.loading] = [oldFiles, oldLoading];
      throw error;
    }
  }

  async readPhoto(image: ImageBitmap, threshold?: number): Promise<Reading> {
    return toReading(await this.ask({ kind: "photo", image, threshold }, [image]));
  }

  openFrames(): FrameReader {
    return new WorkerFrames(++this.lastStream, (question, transfer) => this.ask(question, transfer));
  }

  private ask(question: Unnumbered<Question>, transfer: Transferable[] = [], onProgress?: OnProgress): Promise<Answer> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, onProgress });
      this.worker ??= this.start();
      this.worker.postMessage({ ...question, id }, transfer);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const asked = this.waiting.get(data.id);
      if (data.kind === "progress") {
        asked?.onProgress?.(data.loaded, data.total);
        return;
      }
      this.waiting.delete(data.id);
      if (data.kind === "failure") {
        asked?.reject(new MienError(data.error, data.key, data.values));
      } else {
        asked?.resolve(data);
      }
    };
    worker.onerror = (event) => {
      const error = new MienError("browser", "error.browser.worker", { reason: event.message ?? "unknown" });
      this.waiting.forEach(({ reject }) => reject(error));
      this.waiting.clear();
    };
    return worker;
  }
}

/** One camera or video, with one frame in progress at a time. */
class WorkerFrames implements FrameReader {
  isFree = true;

  constructor(
    private readonly stream: number,
    private readonly ask: (question: Unnumbered<Question>, transfer?: Transferable[]) => Promise<Answer>,
  ) {}

  async readFrame({ takeImage, timeS, threshold }: FrameQuestion): Promise<Reading> {
    this.isFree = false;
    try {
      const image = await takeImage();
      return toReading(await this.ask({ kind: "frame", stream: this.stream, image, timeS, threshold }, [image]));
    } finally {
      this.isFree = true;
    }
  }

  close(): void {
    this.ask({ kind: "close", stream: this.stream }).catch(() => undefined); // it is gone already
  }
}

const SHARED = new Map<string, WorkerReader>();

/**
 * Return the reader of a model; elements with the same model share it and its worker.
 *
 * @param folder Address of the folder with the models, ending with a slash.
 */
export function shareReader(folder: string, model: string): WorkerReader {
  const key = `${folder}${model}`;
  const known = SHARED.get(key) ?? new WorkerReader(() => findIn(folder, model));
  SHARED.set(key, known);
  return known;
}

/** Read a model's contract, and return the addresses of its files. */
async function findIn(folder: string, model: string): Promise<ModelFiles> {
  const address = new URL(`${model}.json`, folder).href;
  const response = await fetch(address).catch(() => {
    throw new MienError("model", "error.model.connection");
  });
  if (!response.ok) {
    throw new MienError("model", "error.model.status", { status: response.status, address });
  }
  const spec = readSpec(await response.json().catch(() => null));
  const [weights, detector, runtime] = [spec.file ?? `${model}.onnx`, DETECTOR, RUNTIME].map(
    (name) => new URL(name, folder).href,
  );
  return { spec, weights, detector, runtime };
}

function toReading(answer: Answer): Reading {
  if (answer.kind !== "reading") {
    throw new MienError("browser", "error.browser.answer");
  }
  return answer.reading;
}
