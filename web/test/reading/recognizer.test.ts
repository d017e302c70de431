/** Logits become probabilities. */

import { expect, test } from "vitest";
import { calibrate } from "../../src/reading/recognizer";

test("probabilities sum to 1, however large the logits", () => {
  const row = calibrate([1000, 999, -1000], 2);
  expect(row.reduce((sum, value) => sum + value)).toBeCloseTo(1);
  expect(row[0] / row[1]).toBeCloseTo(Math.exp(0.5));
});
