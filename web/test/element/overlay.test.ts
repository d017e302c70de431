/** What is drawn over a picture, and where. */

import { expect, test } from "vitest";
import { drawFaces, fit, toShown } from "../../src/element/overlay";
import { unread } from "../../src/reading/results";
import { loadTexts } from "../../src/texts/texts";
import { faceAt, readAt } from "../samples";

test("what is shown of a video is smoothed", () => {
  const face = { ...readAt(0.9, 1), smoothed: { happy: 0.5, sad: 0.5 } };
  expect(toShown(face, 0.6)).toMatchObject({ emotion: null, word: "uncertain" });
  expect(toShown(unread(faceAt(0, 9)), 0.6).word).toBe("too_small");
});

test("a picture lies in the middle", () => {
  expect(fit(640, 480, 1000, 480, false)).toEqual({ x: 180, y: 0, scale: 1, mirrored: false, width: 640 });
});

/** A drawing context that notes the pills and the stretch that each text covers. */
function noteDrawing(): { context: CanvasRenderingContext2D; pills: number[][]; words: number[][] } {
  const [pills, words]: number[][][] = [[], []];
  const nothing = (): void => undefined;
  const notes = {
    canvas: { width: 800, height: 600 },
    direction: "inherit",
    textAlign: "start",
    measureText: (text: string) => ({ width: 7 * text.length }),
    roundRect: (x: number, _: number, width: number) => pills.push([x, x + width]),
    fillText(this: { direction: string; textAlign: string }, text: string, x: number) {
      const isLeft = this.textAlign === "left" || (this.textAlign === "start" && this.direction === "ltr");
      words.push(isLeft ? [x, x + 7 * text.length] : [x - 7 * text.length, x]);
    },
  };
  const others = new Proxy(notes, { get: (target, name) => Reflect.get(target, name) ?? nothing });
  return { context: others as unknown as CanvasRenderingContext2D, pills, words };
}

test.each(["en", "ar", "he"])("a word lies in its pill, also where it is written from right to left: %s", async (lang) => {
  const { context, pills, words } = noteDrawing();
  const texts = await loadTexts([lang]);
  const shown = toShown({ ...readAt(0.9, 1), box: { x: 300, y: 200, width: 200, height: 200 } }, null);
  drawFaces(context, [shown], fit(800, 600, 800, 600, false), { selected: 0, unit: 1, letter: 14, texts });
  const [left, right] = pills[pills.length - 1];
  expect(words.length).toBe(1);
  expect(words[0][0]).toBeGreaterThan(left);
  expect(words[0][1]).toBeLessThan(right);
});
