// Finds places for the words beside faces, so that no label covers a face or another label.

/**
 * Return a place {x, y, width, height} for each label, or null where every place covers something.
 * `faces` are boxes, `sizes` the labels' [width, height], `bounds` the canvas's.
 */
export const placeLabels = (faces, sizes, bounds, gap = 4) => {
  const taken = [...faces];
  return faces.map((face, index) => {
    const [width, height] = sizes[index];
    const right = face.x + face.width;
    const bottom = face.y + face.height;
    const corners = [
      [face.x, face.y - height - gap],
      [right - width, face.y - height - gap],
      [face.x, bottom + gap],
      [right - width, bottom + gap],
      [right + gap, face.y],
      [face.x - width - gap, face.y],
    ];
    for (const [left, top] of corners) {
      const x = Math.min(Math.max(left, 0), bounds[0] - width);
      const y = Math.min(Math.max(top, 0), bounds[1] - height);
      const place = { x, y, width, height };
      if (!taken.some((other) => overlaps(place, other))) {
        taken.push(place);
        return place;
      }
    }
    return null;
  });
};

const overlaps = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
