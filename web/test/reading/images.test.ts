/** A file is known by its first bytes. */

import { expect, test } from "vitest";
import { describeHead, refusal } from "../../src/reading/images";

test.each([
  ["\xff\xd8\xff\xe0", "image"],
  ["\x89PNG\r\n\x1a\n", "image"],
  ["\0\0\0\x18ftypheic", "heic"],
  ["\0\0\0\x18ftypavif", "image"],
  ["\0\0\0\x18ftypisom", "video"],
  ["\x1aE\xdf\xa3", "video"],
  ["RIFF....WEBP", "image"],
  ["RIFF....AVI ", "video"],
  ["II*\0", "tiff"],
  ["%PDF-1.7", "pdf"],
  ["<svg xmlns=''>", "svg"],
  ["Dear all,", "text"],
  ["", "empty"],
  ["\x01\x02\x03\x04", "unknown"],
])("%j is %s", (head, kind) => {
  expect(describeHead(Uint8Array.from(head, (letter) => letter.charCodeAt(0)))).toBe(kind);
});

test("a refusal is a sentence", () => {
  expect(refusal("a.heic", "heic").message).toMatch(/^a\.heic is a HEIC picture.*\.$/);
});
