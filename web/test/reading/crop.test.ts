/** Crops are those of Python, to the last grey level. */

import { describe, expect, test } from "vitest";
import { cropFace, isTooSmall, quarterTurns, toInput } from "../../src/reading/crop";
import { crops } from "../golden";
import { toPixels } from "../png";

const picture = toPixels(Buffer.from(crops.rgb_base64, "base64"), crops.width, crops.height);

describe("golden crops", () => {
  test.each(crops.crops)("$name", ({ box, landmarks, margin, shift_y, size, grey_base64 }) => {
    const crop = cropFace(picture, { box, landmarks, score: 0.9 }, { margin, shiftY: shift_y, size });
    expect(Buffer.from(crop).equals(Buffer.from(grey_base64, "base64"))).toBe(true);
  });
});

test("too small goes by the shorter side", () => {
  const at = (width: number, height: number) => ({ box: { x: 0, y: 0, width, height }, landmarks: [], score: 1 });
  expect(isTooSmall(at(19.9, 80))).toBe(true);
  expect(isTooSmall(at(20, 20))).toBe(false);
  expect(quarterTurns(at(20, 20))).toBe(0);
});

test("input is between 0 and 1", () => {
  expect(Array.from(toInput([Uint8Array.of(0, 51, 102, 255)], 2))).toEqual([0, Math.fround(0.2), Math.fround(0.4), 1]);
});
