/** Run a model on face crops and return calibrated probabilities. */

import { MienError } from "./errors";
import { toInput } from "./crop";
import { openSession, type Session } from "./sessions";
import type { ModelSpec } from "./spec";

/** A model, opened once for many faces. */
export class Recognizer {
  private constructor(
    readonly spec: ModelSpec,
    private readonly session: Session,
  ) {}

  /**
   * Open a model.
   *
   * @param model The bytes of `NAME.onnx`.
   * @param spec Its contract.
   * @throws MienError The bytes are not those the contract was written for.
   */
  static async open(model: Uint8Array<ArrayBuffer>, spec: ModelSpec): Promise<Recognizer> {
    const sha256 = await hash(model);
    if (sha256 !== spec.onnx_sha256) {
      throw new MienError("model", "error.model.hash", { name: spec.name, sha256, expected: spec.onnx_sha256 });
    }
    const session = await openSession(model, spec.name);
    if (!session.inputNames.includes(spec.input_name) || !session.outputNames.includes(spec.output_name)) {
      throw new MienError("model", "error.model.tensors", { name: spec.name });
    }
    return new Recognizer(spec, session);
  }

  /**
   * Return how probable each emotion is as the label people would choose.
   *
   * @param crops (N, input_size, input_size) uint8 grey, as `cropFace` cuts them.
   * @returns For each crop, probabilities by name, summing to 1.
   */
  async predictProbabilities(crops: readonly Uint8Array[]): Promise<Record<string, number>[]> {
    if (crops.length === 0) {
      return [];
    }
    const { spec } = this;
    const dims = [crops.length, 1, spec.input_size, spec.input_size];
    const outputs = await this.session.run({
      [spec.input_name]: { data: toInput(crops, spec.input_size), dims },
    });
    const columns = spec.class_names.length;
    const logits = outputs[spec.output_name].data; // (N, columns)
    return crops.map((_, n) => {
      const row = calibrate(logits.subarray(n * columns, (n + 1) * columns), spec.temperature);
      return Object.fromEntries(spec.class_names.map((name, column) => [name, row[column]]));
    });
  }
}

/**
 * Convert logits to probabilities by temperature scaling (Guo et al. 2017, arXiv 1706.04599).
 *
 * @param logits (C,).
 * @param temperature Above 0; 1 is the plain softmax.
 */
export function calibrate(logits: ArrayLike<number>, temperature: number): number[] {
  const scaled = Array.from(logits, (logit) => logit / temperature);
  const most = Math.max(...scaled);
  const weights = scaled.map((value) => Math.exp(value - most));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Compute the SHA-256 of bytes, in lower-case hex. */
async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new MienError("browser", "error.browser.insecure");
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
