/** The models that were present when the page was built. */

import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { ModelFiles } from "../element/worker";
import { MienError } from "../reading/errors";
import { readSpec, type ModelSpec } from "../reading/spec";

const FILES = import.meta.glob<string>("../../../src/mien/assets/*.onnx", { query: "?url", import: "default", eager: true });
const CONTRACTS = import.meta.glob<unknown>("../../../src/mien/assets/*.json", { import: "default", eager: true });
const DETECTOR = "yunet_2023mar_any_size";
/** The first of these that is present is the default. */
const ORDER = ["fast", "accurate"];

/** A model that can be chosen: its contract and the address of its weights. */
export interface Model {
  readonly spec: ModelSpec;
  readonly url: string;
}

/** The models, the default first. */
export const MODELS: readonly Model[] = ORDER.flatMap((name) => {
  const url = addressOf(name);
  const contract = Object.entries(CONTRACTS).find(([path]) => path.endsWith(`/${name}.json`));
  return url === undefined || contract === undefined ? [] : [{ spec: readSpec(contract[1]), url }];
});

/** Say where the files of a model are. */
export async function filesOf(model: Model | undefined): Promise<ModelFiles> {
  const detector = addressOf(DETECTOR);
  if (model === undefined || detector === undefined) {
    throw new MienError("model", model === undefined ? "error.model.none" : "error.model.detector");
  }
  const [weights, found, runtime] = [model.url, detector, wasmUrl].map((url) => new URL(url, import.meta.url).href);
  return { spec: model.spec, weights, detector: found, runtime };
}

function addressOf(name: string): string | undefined {
  return Object.entries(FILES).find(([path]) => path.endsWith(`/${name}.onnx`))?.[1];
}
