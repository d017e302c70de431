/** Boxes and words, drawn over a picture. */

import { placeLabels, type Area, type Label, type PlacedLabel } from "./labels";
import { colorOf } from "./palette";
import type { Box } from "../reading/detector";
import type { Texts } from "../texts/texts";
import { topOf, type FaceResult, type Probabilities } from "../reading/results";

/** A face as shown, with the smoothed probabilities of a video, or the photo's. */
export interface ShownFace {
  readonly face: FaceResult;
  readonly probabilities: Probabilities | null;
  /** The emotion, or null if none is named. */
  readonly emotion: string | null;
  /** The emotion, or the reason why none is named: a key of words.json. */
  readonly word: string;
}

/** Decide what to show for a face, given the threshold. */
export function toShown(face: FaceResult, threshold: number | null): ShownFace {
  const probabilities = face.smoothed ?? face.probabilities;
  if (face.reason === "too_small" || probabilities === null) {
    return { face, probabilities: null, emotion: null, word: "too_small" };
  }
  const top = topOf(probabilities);
  const emotion = threshold === null || probabilities[top] >= threshold ? top : null;
  return { face, probabilities, emotion, word: emotion ?? "uncertain" };
}

/** Position of a picture on a canvas, in canvas pixels. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  /** Whether the picture is mirrored; `width` is the picture's. */
  readonly mirrored: boolean;
  readonly width: number;
}

/** Fit a picture into a space, in the middle, as CSS's `object-fit: contain` does. */
export function fit(width: number, height: number, spaceWidth: number, spaceHeight: number, mirrored: boolean): Placement {
  const scale = Math.min(spaceWidth / width, spaceHeight / height);
  return { x: (spaceWidth - width * scale) / 2, y: (spaceHeight - height * scale) / 2, scale, mirrored, width };
}

/** Line width and font size in canvas pixels, the selected face, and the language. */
export interface Style {
  readonly selected: number;
  readonly texts: Texts;
  readonly unit: number;
  readonly letter: number;
}

/** Draw each face's box, with its word next to it where space allows. */
export function drawFaces(
  context: CanvasRenderingContext2D,
  faces: readonly ShownFace[],
  place: Placement,
  { selected, unit, letter, texts }: Style,
): void {
  const boxes = faces.map(({ face }) => toCanvas(face.box, place));
  const colors = faces.map(({ emotion, probabilities }) => colorOf(emotion, Object.keys(probabilities ?? {}), true));
  boxes.forEach((box, index) => {
    const dashed = faces[index].emotion === null;
    drawFrame(context, box, colors[index], { unit, dashed, bold: index === selected });
  });

  context.font = `600 ${letter}px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif`;
  const measure = (text: string): Label => ({
    text,
    width: context.measureText(text).width + letter * 1.9,
    height: letter * 1.75,
  });
  const { width, height } = context.canvas;
  const bounds = { x: 2 * unit, y: 2 * unit, width: width - 4 * unit, height: height - 4 * unit };
  const labels = placeLabels(boxes, faces.map((shown) => wordings(shown, texts).map(measure)), bounds, 5 * unit);
  labels.forEach((label, index) => {
    if (label !== null) {
      drawLabel(context, label, colors[index], letter, texts.direction);
    }
  });
}

/** Return the wordings of a face's label, the longest first. */
function wordings({ word, emotion, probabilities }: ShownFace, texts: Texts): string[] {
  const text = texts.word(word);
  return emotion === null || probabilities === null ? [text] : [`${text} ${texts.percent(probabilities[emotion])}`, text];
}

/** Return the position of a box on the canvas. */
function toCanvas(box: Box, { x, y, scale, mirrored, width }: Placement): Area {
  const left = mirrored ? width - box.x - box.width : box.x;
  return { x: x + left * scale, y: y + box.y * scale, width: box.width * scale, height: box.height * scale };
}

/** Draw a coloured line between dark ones, visible on any background; dashed if no emotion is named. */
function drawFrame(
  context: CanvasRenderingContext2D,
  { x, y, width, height }: Area,
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

/** Draw a dark pill with a dot in the emotion's colour and white text after it, in the text's direction. */
function drawLabel(
  context: CanvasRenderingContext2D,
  { text, x, y, width, height }: PlacedLabel,
  color: string,
  letter: number,
  direction: "ltr" | "rtl",
): void {
  context.beginPath();
  context.roundRect(x, y, width, height, height / 2);
  context.fillStyle = "rgb(14 17 22 / 86%)";
  context.fill();

  const [start, sign] = direction === "ltr" ? [x, 1] : [x + width, -1];
  context.beginPath();
  context.arc(start + sign * letter * 0.85, y + height / 2, letter * 0.32, 0, 7);
  context.fillStyle = color;
  context.fill();

  // A canvas of the page has the page's direction, another has none: neither may decide.
  [context.direction, context.textAlign] = [direction, "start"];
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, start + sign * letter * 1.4, y + height * 0.52);
}
