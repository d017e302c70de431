/** Run ONNX models; only this module imports onnxruntime. */

import * as ort from "onnxruntime-web/wasm";
import { MienError } from "./errors";

/** A tensor of float32. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** The part of onnxruntime's session that the page uses. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}

/** Set where the runtime's WebAssembly is: an address to fetch it from, or its bytes. */
export function useRuntime(wasm: string | ArrayBuffer): void {
  ort.env.wasm.numThreads = 1; // more threads need headers that static hosts do not send
  if (typeof wasm === "string") {
    ort.env.wasm.wasmPaths = { wasm };
  } else {
    ort.env.wasm.wasmBinary = wasm;
  }
}

/**
 * Open a session.
 *
 * @param model An ONNX file's bytes.
 * @param name The model's name, for the message.
 * @throws MienError WebAssembly is missing, or the file is not a model.
 */
export async function openSession(model: Uint8Array, name: string): Promise<Session> {
  if (typeof WebAssembly === "undefined") {
    throw new MienError("browser", "error.browser.wasm");
  }
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new MienError("model", "error.model.open", { name, reason });
  }
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs) {
      const feeds: Record<string, ort.Tensor> = {};
      for (const [key, { data, dims }] of Object.entries(inputs)) {
        feeds[key] = new ort.Tensor("float32", data, dims);
      }
      const outputs = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(outputs).map(([key, { dims, data }]) => [key, { dims, data: data as Float32Array }]),
      );
    },
  };
}
