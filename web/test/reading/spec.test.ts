/** A model's contract is checked field by field. */

import { expect, test } from "vitest";
import { readSpec } from "../../src/reading/spec";
import { NAMES } from "../samples";

test("a contract is checked", () => {
  const contract = { schema: 1, name: "m", onnx_sha256: "0".repeat(64), class_names: NAMES, abstention_threshold: null };
  expect(readSpec(contract)).toMatchObject({ temperature: 1, input_size: 48, crop_shift_y: -0.02 });
  const wrong: [object, RegExp][] = [
    [{ schema: 2 }, /schema/],
    [{ labels: "mine" }, /labels must be votes or fer2013 or own/],
    [{ class_names: ["a", "a"] }, /class_names/],
    [{ onnx_sha256: "X" }, /onnx_sha256/],
    [{ temperature: 0 }, /temperature/],
    [{ certainty_temperature: 0 }, /certainty_temperature/],
    [{ abstention_threshold: 2 }, /abstention_threshold/],
    [{ color: "rgb" }, /color/],
    [{ input_size: 48.5 }, /input_size/],
  ];
  for (const [change, sentence] of wrong) {
    expect(() => readSpec({ ...contract, ...change })).toThrow(sentence);
  }
  expect(() => readSpec([])).toThrow(/JSON object/);
});
