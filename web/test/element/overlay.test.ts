/** What is drawn over a picture, and where. */

import { expect, test } from "vitest";
import { fit, toShown } from "../../src/element/overlay";
import { unread } from "../../src/reading/results";
import { faceAt, readAt } from "../samples";

test("what is shown of a video is smoothed", () => {
  const face = { ...readAt(0.9, 1), smoothed: { happy: 0.5, sad: 0.5 } };
  expect(toShown(face, 0.6)).toMatchObject({ emotion: null, word: "uncertain" });
  expect(toShown(unread(faceAt(0, 9)), 0.6).word).toBe("too_small");
});

test("a picture lies in the middle", () => {
  expect(fit(640, 480, 1000, 480, false)).toEqual({ x: 180, y: 0, scale: 1, mirrored: false, width: 640 });
});
