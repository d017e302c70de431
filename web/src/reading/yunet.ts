/**
 * YuNet, the face detector's network: it proposes raw face candidates.
 *
 * YuNet: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023),
 * doi 10.1007/s11633-023-1423-y. It is the file that Python opens, whose height and width are free.
 */

import { MienError } from "./errors";
import type { Pixels } from "./images";
import { openSession, type Session, type Tensor } from "./sessions";

const STRIDES = [8, 16, 32];
/** Height and width must be multiples of this, the largest stride. */
export const MULTIPLE = 32;

/** A face proposed by the network, in pixels of its input. */
export interface Candidate {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Five points: right eye, left eye, nose tip, right and left mouth corner. */
  readonly landmarks: [number, number][];
  readonly score: number;
}

/** The network, opened once and run at any size. */
export class YuNet {
  private constructor(private readonly session: Session) {}

  /** Open the network from its file's bytes. */
  static async open(model: Uint8Array, name: string): Promise<YuNet> {
    const session = await openSession(model, name);
    const wanted = ["cls", "obj", "bbox", "kps"].flatMap((part) => STRIDES.map((stride) => `${part}_${stride}`));
    if (session.inputNames.length !== 1 || wanted.some((output) => !session.outputNames.includes(output))) {
      throw new MienError("model", "error.model.yunet", { name });
    }
    return new YuNet(session);
  }

  /** Propose faces; the picture's height and width are multiples of `MULTIPLE`. */
  async propose(image: Pixels, minScore: number): Promise<Candidate[]> {
    const { width, height, data } = image;
    const plane = width * height;
    const pixels = new Float32Array(3 * plane); // (1, 3, H, W), BGR, 0..255, as it was trained
    for (let i = 0, at = 0; i < plane; i++, at += 4) {
      pixels[i] = data[at + 2];
      pixels[plane + i] = data[at + 1];
      pixels[2 * plane + i] = data[at];
    }
    const outputs = await this.session.run({
      [this.session.inputNames[0]]: { data: pixels, dims: [1, 3, height, width] },
    });
    return STRIDES.flatMap((stride) => decode(outputs, stride, width / stride, minScore));
  }
}

/** Decode one stride's outputs: cls, obj (1, cells, 1), bbox (., 4), kps (., 10). */
export function decode(
  outputs: Record<string, Tensor>,
  stride: number,
  columns: number,
  minScore: number,
): Candidate[] {
  const [cls, obj, bbox, kps] = ["cls", "obj", "bbox", "kps"].map((part) => outputs[`${part}_${stride}`].data);
  const candidates: Candidate[] = [];
  for (let cell = 0; cell < cls.length; cell++) {
    const score = Math.sqrt(clip(cls[cell]) * clip(obj[cell]));
    if (!(score >= minScore)) {
      continue;
    }
    const column = cell % columns;
    const row = Math.floor(cell / columns);
    const [x, y, logWidth, logHeight] = bbox.subarray(cell * 4, cell * 4 + 4);
    // An unbounded exponent would overflow on hostile pixels; e^10 cells is wider than any input.
    const width = Math.exp(Math.min(logWidth, 10)) * stride;
    const height = Math.exp(Math.min(logHeight, 10)) * stride;
    const landmarks: [number, number][] = [];
    for (let point = 0; point < 10; point += 2) {
      landmarks.push([(kps[cell * 10 + point] + column) * stride, (kps[cell * 10 + point + 1] + row) * stride]);
    }
    candidates.push({
      x: (column + x) * stride - width / 2,
      y: (row + y) * stride - height / 2,
      width,
      height,
      landmarks,
      score,
    });
  }
  return candidates;
}

function clip(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
