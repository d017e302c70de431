/** CSV has the columns that Python's tables have. */

import { expect, test } from "vitest";
import { imageResult } from "../../src/reading/results";
import { columns, toCsv } from "../../src/reading/tables";
import { NAMES, readAt } from "../samples";

const SIZE = { width: 9, height: 9 };

test("there is a row for each face, and one where there is none", () => {
  const two = imageResult('a, "b".jpg', SIZE, "votes", [readAt(0.9), readAt(0.2)]);
  const text = toCsv([two, imageResult("=c", SIZE, "votes", [])], NAMES);
  const lines = text.trimEnd().split("\r\n");
  expect(lines.length).toBe(4);
  expect(lines[0]).toBe(columns(NAMES).join(","));
  expect(lines[1].startsWith('"a, ""b"".jpg",,,1,,happy,,0.9878,0.9,0.1,')).toBe(true);
  expect(lines[2]).toContain(",2,,sad,,0.9412,0.2,0.8,");
  expect(lines[3]).toBe(`'=c${",".repeat(columns(NAMES).length - 2)}0,`); // a photo says how it was turned
});

test("the smoothed emotion is the most probable of the smoothed ones", () => {
  const [up, down] = NAMES;
  const face = { ...readAt(0.9), track_id: 1, smoothed: { [up]: 0.3, [down]: 0.7 } };
  const lines = toCsv([{ ...imageResult("v.mp4", SIZE, "votes", []), faces: [face] }], NAMES).trimEnd().split("\r\n");
  const cells = lines[1].split(",");
  expect(cells[columns(NAMES).indexOf("smoothed_emotion")]).toBe(down);
  expect(cells[columns(NAMES).indexOf(`smoothed_${down}`)]).toBe("0.7");
});
