/** Decode PNG files of 8-bit RGB for tests: Node has no picture decoder. */

import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import type { Pixels } from "../src/reading/images";

export function readPng(path: URL): Pixels {
  const file = readFileSync(path);
  const parts: Buffer[] = [];
  let [width, height] = [0, 0];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const kind = file.toString("latin1", at + 4, at + 8);
    const body = file.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      if (body[8] !== 8 || body[9] !== 2 || body[12] !== 0) {
        throw new Error("wanted 8-bit RGB, not interlaced");
      }
    } else if (kind === "IDAT") {
      parts.push(body);
    }
    at += length + 12;
  }
  return toPixels(unfilter(inflateSync(Buffer.concat(parts)), width * 3), width, height);
}

/** Lay RGB levels out as RGBA. */
export function toPixels(rgb: Uint8Array, width: number, height: number): Pixels {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) {
    data.set(rgb.subarray(i * 3, i * 3 + 3), i * 4);
  }
  return { width, height, data };
}

/** Undo the filters of PNG's rows. */
function unfilter(rows: Uint8Array, stride: number): Uint8Array {
  const height = rows.length / (stride + 1);
  const levels = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= 3 ? levels[y * stride + x - 3] : 0;
      const above = y > 0 ? levels[(y - 1) * stride + x] : 0;
      const corner = x >= 3 && y > 0 ? levels[(y - 1) * stride + x - 3] : 0;
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter];
      levels[y * stride + x] = rows[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return levels;
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
