/** The way of a photo gives what it gives in Python: pixels, faces, probabilities. */

import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { Analyzer } from "../../src/reading/analyzer";
import { FaceDetector, letterbox, overlap, roundHalfEven, suppress } from "../../src/reading/detector";
import { Recognizer } from "../../src/reading/recognizer";
import { toRecord, type FaceResult } from "../../src/reading/results";
import { useRuntime } from "../../src/reading/sessions";
import { readSpec } from "../../src/reading/spec";
import { YuNet } from "../../src/reading/yunet";
import { ASSETS, DETECTOR, faces, GOLDEN, hasDetector, readBytes, sha256 } from "../golden";
import { readPng } from "../png";

const WASM = new URL("../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", import.meta.url);
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

  test("it is the file that Python opens", () => {
    expect(sha256(readBytes(DETECTOR))).toBe(faces.detector_sha256);
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

test("rounding is Python's", () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3]);
});

test("of two candidates that overlap, the better stays", () => {
  const at = (x: number, score: number) => ({ x, y: 0, width: 10, height: 10, landmarks: [], score });
  expect(suppress([at(0, 0.8), at(1, 0.9), at(30, 0.7)]).map(({ x }) => x)).toEqual([1, 30]);
  expect(overlap(at(0, 1), at(5, 1))).toBeCloseTo(1 / 3);
  expect(overlap(at(0, 1), at(50, 1))).toBe(0);
});
