/** Place labels next to faces, without covering faces or other labels. */

/** A rectangle on the canvas, in its pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A label's text and its size on the canvas. */
export interface Label {
  readonly text: string;
  readonly width: number;
  readonly height: number;
}

/** A label, and the position of its top left corner. */
export interface PlacedLabel extends Label {
  readonly x: number;
  readonly y: number;
}

/**
 * Find a place for each face's label.
 *
 * @param faces The faces' boxes; earlier ones choose first.
 * @param wordings For each face, its label in several wordings, the longest first; shorter ones
 *     are used where space is limited.
 * @param bounds The area that labels must not leave: the canvas.
 * @param gap Space between a box and its label, in canvas pixels.
 * @returns For each face its label and position; null where every position would cover something.
 */
export function placeLabels(
  faces: readonly Area[],
  wordings: readonly (readonly Label[])[],
  bounds: Area,
  gap: number,
): (PlacedLabel | null)[] {
  const taken: Area[] = [...faces];
  return faces.map((face, index) => {
    for (const label of wordings[index]) {
      for (const [x, y] of corners(face, label, gap)) {
        const place = { ...label, ...moveInside({ x, y, width: label.width, height: label.height }, bounds) };
        if (taken.every((other) => !overlaps(place, other))) {
          taken.push(place);
          return place;
        }
      }
    }
    return null;
  });
}

/** List the positions for a label: above, below, then to the right and left of the box. */
function corners(face: Area, { width, height }: Label, gap: number): [number, number][] {
  const right = face.x + face.width;
  const bottom = face.y + face.height;
  return [
    [face.x, face.y - height - gap],
    [right - width, face.y - height - gap],
    [face.x, bottom + gap],
    [right - width, bottom + gap],
    [right + gap, face.y],
    [face.x - width - gap, face.y],
    [right + gap, bottom - height],
    [face.x - width - gap, bottom - height],
  ];
}

function moveInside(place: Area, bounds: Area): Area {
  const x = Math.min(Math.max(place.x, bounds.x), bounds.x + bounds.width - place.width);
  const y = Math.min(Math.max(place.y, bounds.y), bounds.y + bounds.height - place.height);
  return { ...place, x, y };
}

function overlaps(a: Area, b: Area): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
