/** The way of a photo gives what it gives in Python: pixels, faces, probabilities. */

import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { Analyzer } from "../src/analyzer";
import { FaceDetector, letterbox } from "../src/faces";
import { freeShapes } from "../src/protobuf";
import { Recognizer } from "../src/recognizer";
import { toRecord, type FaceResult } from "../src/results";
import { useRuntime } from "../src/sessions";
import { readSpec } from "../src/spec";
import { YuNet } from "../src/yunet";
import { ASSETS, DETECTOR, faces, GOLDEN, hasDetector, readBytes, sha256 } from "./golden";
import { readPng } from "./png";

const WASM = new URL("../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", import.meta.url);
const pictures = Object.entries(faces.pictures);

describe.each(pictures)("%s", (name, golden) => {
  test.each(Object.entries(golden.detector_input_sha256))("is scaled to %s pixels as Pillow does", (size, wanted) => {
    const { pixels } = letterbox(readPng(new URL(name, GOLDEN)), Number(size));
    const rgb = pixels.data.filter((_, index) => index % 4 !== 3);
    expect(sha256(new Uint8Array(rgb))).toBe(wanted);
  });
});

describe.skipIf(!hasDetector)("with the detector", () => {
  beforeAll(() => useRuntime(readBytes(WASM).buffer));

  test("its shapes are freed byte for byte", () => {
    expect(sha256(freeShapes(readBytes(DETECTOR), "yunet"))).toBe(faces.freed_detector_sha256);
  });

  describe.each(Object.keys(faces.models))("and the model %s", (model) => {
    const path = new URL(`${model}.onnx`, ASSETS);
    const isGolden = existsSync(path) && sha256(readBytes(path)) === faces.models[model];
    let analyzer: Analyzer;
    beforeAll(async () => {
      const spec = readSpec(JSON.parse(Buffer.from(readBytes(new URL(`${model}.json`, ASSETS))).toString()));
      const detector = new FaceDetector(await YuNet.open(readBytes(DETECTOR), "yunet"));
      analyzer = new Analyzer(detector, await Recognizer.open(readBytes(path), spec));
    });

    test.skipIf(!isGolden).each(pictures)("%s", async (name, golden) => {
      const found = await analyzer.readPhoto(readPng(new URL(name, GOLDEN)));
      expect(found.length).toBe(golden.models[model].length);
      found.forEach((face, index) => expectClose(toRecord(face), golden.models[model][index]));
    });
  });
});

/** Boxes and landmarks to 0.02 pixels, scores and probabilities to 1e-3, words exactly. */
function expectClose(face: FaceResult, wanted: FaceResult): void {
  const numbers = ({ box, landmarks }: FaceResult) => [box.x, box.y, box.width, box.height, ...landmarks.flat()];
  const given = numbers(face);
  numbers(wanted).forEach((value, index) => expect(Math.abs(given[index] - value)).toBeLessThan(0.02));
  expect(Math.abs(face.detection_score - wanted.detection_score)).toBeLessThan(1e-3);
  expect([face.emotion, face.reason]).toEqual([wanted.emotion, wanted.reason]);
  expect(Object.keys(face.probabilities ?? {})).toEqual(Object.keys(wanted.probabilities ?? {}));
  for (const [name, value] of Object.entries(wanted.probabilities ?? {})) {
    expect(Math.abs((face.probabilities ?? {})[name] - value)).toBeLessThan(1e-3);
  }
}
