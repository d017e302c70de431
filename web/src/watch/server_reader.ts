/** Read a camera's frames on the server of `mien watch`: one picture at a time, the others are dropped. */

import type { FaceReader, FrameQuestion, FrameReader, ModelFacts, Reading } from "../element/reader";
import { MienError } from "../reading/errors";
import type { FaceResult } from "../reading/results";

const LONGER_SIDE_PX = 640;
const GIVE_UP_MS = 10_000;

/** What the server says of itself. */
export interface Settings extends ModelFacts {
  /** The file that readings are recorded in; null where nothing is stored. */
  readonly recording: string | null;
}

/** A frame that was read: its number, and how long its answer took. */
export interface Answered {
  readonly frame: number;
  readonly latencyMs: number;
}

/** The server behind the page, for one camera. */
export class ServerReader implements FaceReader {
  /** Whether the server writes what it reads into its file. */
  record = false;
  onAnswer: (answered: Answered) => void = () => undefined;
  private readonly session = crypto.randomUUID();
  private settings: Settings | null = null;
  private last = { timeS: 0, frame: -1 };

  async load(): Promise<Settings> {
    this.settings ??= (await ask("settings")) as unknown as Settings;
    return this.settings;
  }

  async readPhoto(): Promise<Reading> {
    throw new MienError("server", "error.server.refused", { reason: "photos are not read here" });
  }

  openFrames(): FrameReader {
    const before = this.last; // times and numbers go on where the camera was switched off
    const canvas = document.createElement("canvas");
    const reader = {
      isFree: true,
      readFrame: async (question: FrameQuestion): Promise<Reading | null> => {
        reader.isFree = false;
        try {
          return document.hidden ? null : await this.send(canvas, {
                ...question,
                timeS: before.timeS + question.timeS,
                frame: before.frame + 1 + question.frame,
              });
        } finally {
          reader.isFree = true;
        }
      },
      close: () => undefined,
    };
    return reader;
  }

  private async send(canvas: HTMLCanvasElement, { takeImage, timeS, frame }: FrameQuestion): Promise<Reading | null> {
    const taken = performance.now();
    const picture = shrink(await takeImage(), canvas);
    this.last = { timeS, frame };
    const query = new URLSearchParams({
      session: this.session,
      frame: String(frame),
      time_s: timeS.toFixed(3),
      record: String(this.record),
    });
    const body = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/jpeg", 0.85));
    const result = await ask(`frames?${query}`, { method: "POST", body, headers: { "content-type": "image/jpeg" } });
    const error = result.error as { kind: string; message: string } | undefined;
    if (error?.kind === "output") {
      throw new MienError("server", "error.server.refused", { reason: error.message });
    }
    if (error !== undefined) {
      return null; // the picture before is still being read, or this one could not be
    }
    const elapsedMs = performance.now() - taken;
    this.onAnswer({ frame, latencyMs: elapsedMs });
    return { width: picture.width, height: picture.height, faces: result.faces as FaceResult[], elapsedMs };
  }
}

/** Draw a frame at the size that is sent. */
function shrink(image: ImageBitmap, canvas: HTMLCanvasElement): HTMLCanvasElement {
  const scale = Math.min(1, LONGER_SIDE_PX / Math.max(image.width, image.height));
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return canvas;
}

/** Ask the server; what it refuses for the picture's sake is an answer, too. */
async function ask(path: string, options: RequestInit = {}): Promise<Record<string, unknown>> {
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(GIVE_UP_MS) }).catch(() => {
    throw new MienError("server", "error.server.gone");
  });
  const answer = (await response.json().catch(() => null)) as Record<string, unknown> | null;
  if (answer === null || (!response.ok && response.status !== 422 && response.status !== 429)) {
    const { message = String(response.status) } = (answer?.error ?? {}) as { message?: string };
    throw new MienError("server", "error.server.refused", { reason: message });
  }
  return answer;
}
