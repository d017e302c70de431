/** The timeline's axis. */

import { expect, test } from "vitest";
import { listTicks } from "../../src/page/timeline";

const texts = (nowS: number, widthPx: number, isCamera: boolean) =>
  listTicks(nowS, widthPx, isCamera).map(({ text }) => text);

test("a camera's axis counts back from now, with fewer marks where it is short", () => {
  expect(texts(12.3, 900, true)).toEqual(["−30 s", "−25 s", "−20 s", "−15 s", "−10 s", "−5 s", "now"]);
  expect(texts(12.3, 240, true)).toEqual(["−30 s", "−20 s", "−10 s", "now"]);
  expect(listTicks(12.3, 240, true)[3].timeS).toBe(12.3);
});

test("a video's axis gives the times in the video", () => {
  expect(texts(72.4, 900, false)).toEqual(["0:45", "0:50", "0:55", "1:00", "1:05", "1:10"]);
  expect(texts(7, 900, false)).toEqual(["0:00", "0:05"]);
});
