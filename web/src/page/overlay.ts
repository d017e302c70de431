/** This module turns faces into boxes and words, drawn over a picture. */

import { colorOf } from "./palette";
import { topOf, type FaceResult, type Probabilities } from "../reading/results";

/** What is shown of a face: the smoothed probabilities of a video, or the photo's. */
export interface ShownFace {
  readonly face: FaceResult;
  readonly probabilities: Probabilities | null;
  /** The emotion, or null where none is named. */
  readonly emotion: string | null;
  /** The emotion or the reason, in words. */
  readonly word: string;
}

/** Decide what is shown of a face; the threshold is the model's. */
export function toShown(face: FaceResult, threshold: number | null): ShownFace {
  const probabilities = face.smoothed ?? face.probabilities;
  if (face.reason === "too_small" || probabilities === null) {
    return { face, probabilities: null, emotion: null, word: "too small" };
  }
  const top = topOf(probabilities);
  const emotion = threshold === null || probabilities[top] >= threshold ? top : null;
  return { face, probabilities, emotion, word: emotion ?? "uncertain" };
}

/** Where a picture lies on a canvas, in canvas pixels. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  /** Whether the picture is shown as in a mirror; `width` is the picture's. */
  readonly mirrored: boolean;
  readonly width: number;
}

/** Fit a picture into a space, in the middle, as CSS's `object-fit: contain` does. */
export function fit(width: number, height: number, spaceWidth: number, spaceHeight: number, mirrored: boolean): Placement {
  const scale = Math.min(spaceWidth / width, spaceHeight / height);
  return { x: (spaceWidth - width * scale) / 2, y: (spaceHeight - height * scale) / 2, scale, mirrored, width };
}

/**
 * Draw every face's box, with its word above it or inside.
 *
 * `unit` is a thin line's width and `letter` the height of letters, both in canvas pixels.
 */
export function drawFaces(
  context: CanvasRenderingContext2D,
  faces: readonly ShownFace[],
  place: Placement,
  { selected, unit, letter }: { selected: number; unit: number; letter: number },
): void {
  faces.forEach((shown, index) => {
    const { box } = shown.face;
    const left = place.mirrored ? place.width - box.x - box.width : box.x;
    const x = place.x + left * place.scale;
    const y = place.y + box.y * place.scale;
    const width = box.width * place.scale;
    const height = box.height * place.scale;
    const names = Object.keys(shown.probabilities ?? {});
    const color = colorOf(shown.emotion, names, true); // on photos, the bright ones
    drawFrame(context, [x, y, width, height], color, { unit, dashed: shown.emotion === null, bold: index === selected });
    drawLabel(context, labelFor(shown), color, [x, y, width, height], { unit, size: letter });
  });
}

function labelFor({ word, emotion, probabilities }: ShownFace): string {
  return emotion === null || probabilities === null ? word : `${word} ${Math.round(probabilities[emotion] * 100)} %`;
}

type Rectangle = [x: number, y: number, width: number, height: number];

/** A coloured line between dark ones, seen on any background; dashed where no emotion is named. */
function drawFrame(
  context: CanvasRenderingContext2D,
  [x, y, width, height]: Rectangle,
  color: string,
  { unit, dashed, bold }: { unit: number; dashed: boolean; bold: boolean },
): void {
  const line = (bold ? 3 : 2) * unit;
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(width, height) * 0.09);
  context.setLineDash([]);
  context.strokeStyle = "rgb(10 12 16 / 65%)";
  context.lineWidth = line + 2 * unit;
  context.stroke();
  context.setLineDash(dashed ? [6 * unit, 5 * unit] : []);
  context.strokeStyle = color;
  context.lineWidth = line;
  context.stroke();
  context.setLineDash([]);
}

function drawLabel(
  context: CanvasRenderingContext2D,
  text: string,
  color: string,
  box: Rectangle,
  { unit, size }: { unit: number; size: number },
): void {
  context.font = `600 ${size}px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif`;
  const width = context.measureText(text).width + size * 1.9;
  const height = size * 1.75;
  const x = Math.max(2 * unit, Math.min(box[0], context.canvas.width - width - 2 * unit));
  const above = box[1] - height - 5 * unit;
  const y = above >= 2 * unit ? above : Math.max(box[1], 0) + 5 * unit;
  context.beginPath();
  context.roundRect(x, y, width, height, height / 2);
  context.fillStyle = "rgb(14 17 22 / 86%)";
  context.fill();
  context.beginPath();
  context.arc(x + size * 0.85, y + height / 2, size * 0.32, 0, 7);
  context.fillStyle = color;
  context.fill();
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, x + size * 1.4, y + height / 2 + unit * 0.5);
}
