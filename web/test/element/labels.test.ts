/** Labels find room beside their faces. */

import { describe, expect, test } from "vitest";
import { placeLabels, type Area, type PlacedLabel } from "../../src/element/labels";

const CANVAS = { x: 0, y: 0, width: 400, height: 300 };
const LONG = { text: "happy 96%", width: 90, height: 24 };
const SHORT = { text: "happy", width: 50, height: 24 };

function place(faces: Area[]): (PlacedLabel | null)[] {
  return placeLabels(faces, faces.map(() => [LONG, SHORT]), CANVAS, 4);
}

function covers(a: Area, b: Area): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe("labels", () => {
  test("a label stands above its box where there is room", () => {
    expect(place([{ x: 100, y: 100, width: 80, height: 80 }])).toEqual([{ ...LONG, x: 100, y: 72 }]);
  });

  test("a face at the top has its label below", () => {
    expect(place([{ x: 100, y: 0, width: 80, height: 80 }])).toEqual([{ ...LONG, x: 100, y: 84 }]);
  });

  test("a face that fills the height has its label beside it", () => {
    expect(place([{ x: 100, y: 0, width: 80, height: 300 }])).toEqual([{ ...LONG, x: 184, y: 0 }]);
  });

  test("where only a short label fits, it is taken; where none fits, there is none", () => {
    const wall = { x: 60, y: 0, width: 340, height: 300 };
    expect(place([wall])).toEqual([{ ...SHORT, x: 6, y: 0 }]);
    expect(place([{ ...CANVAS }])).toEqual([null]);
  });

  test("in a crowd no label covers a face or another label", () => {
    const faces = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({
      x: 10 + (n % 4) * 60,
      y: 40 + Math.floor(n / 4) * 60,
      width: 45,
      height: 45,
    }));
    const labels = place(faces).filter((label) => label !== null);
    expect(labels.length).toBeGreaterThan(3);
    labels.forEach((label, index) => {
      const others: Area[] = [...faces, ...labels.slice(0, index)];
      expect(others.filter((other) => covers(label, other))).toEqual([]);
      expect(label.x >= 0 && label.y >= 0 && label.x + label.width <= 400 && label.y + label.height <= 300).toBe(true);
    });
  });
});
