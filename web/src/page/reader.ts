/** The page's side of the worker; frames never queue. */

import { MienError } from "../reading/errors";
import type { Answer, Question, Reading } from "./worker";

type Unnumbered<T> = T extends Question ? Omit<T, "id"> : never;

/** Sends pictures and frames to the worker and returns its readings. */
export class Reader {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  private lastId = 0;
  private frameInWork = false;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const promise = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.kind === "failure") {
        promise?.reject(new MienError(data.error, data.message));
      } else {
        promise?.resolve(data);
      }
    };
    this.worker.onerror = (event) => {
      const error = new MienError("browser", `The page's worker stopped (${event.message ?? "unknown"}); reload the page.`);
      this.waiting.forEach(({ reject }) => reject(error));
      this.waiting.clear();
    };
  }

  /** Open a model by its name. */
  async load(model: string): Promise<void> {
    await this.ask({ kind: "load", model });
  }

  /** Read a still picture; the bitmap is transferred. */
  async readPhoto(image: ImageBitmap): Promise<Reading> {
    return toReading(await this.ask({ kind: "photo", image }, [image]));
  }

  /** Whether a frame would be read at once; otherwise, drop it. */
  get isFree(): boolean {
    return !this.frameInWork;
  }

  /** Read a frame of a camera or video; only when `isFree`. */
  async readFrame(takeImage: () => Promise<ImageBitmap>, timeS: number, restart: boolean): Promise<Reading> {
    this.frameInWork = true;
    try {
      const image = await takeImage();
      return toReading(await this.ask({ kind: "frame", image, timeS, restart }, [image]));
    } finally {
      this.frameInWork = false;
    }
  }

  private ask(question: Unnumbered<Question>, transfer: Transferable[] = []): Promise<Answer> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...question, id }, transfer);
    });
  }
}

function toReading(answer: Answer): Reading {
  if (answer.kind !== "reading") {
    throw new MienError("browser", "The page's worker sent an unexpected answer; reload the page.");
  }
  return answer.reading;
}
