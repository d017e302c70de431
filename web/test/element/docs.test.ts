/** docs/elements.md names every attribute, event, part and variable of the elements, and no other. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MienCamera } from "../../src/element/camera";
import { MienPhoto } from "../../src/element/photo";
import { MienTimeline } from "../../src/element/timeline";
import { MienVideo } from "../../src/element/video";

const FOLDER = new URL("../../src/element/", import.meta.url);
const code = readdirSync(FOLDER).map((name) => readFileSync(new URL(name, FOLDER), "utf8")).join("\n");
const docs = readFileSync(new URL("../../../docs/elements.md", import.meta.url), "utf8");

const sectionOf = (title: string): string => docs.split(`## ${title}\n`)[1].split("\n## ")[0];
const find = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, name]) => name))].sort();
const firstColumn = (title: string): string[] => find(sectionOf(title), /^\| `([^`]+)`/gm);

test("attributes", () => {
  const all = [MienCamera, MienPhoto, MienVideo, MienTimeline].flatMap(({ observedAttributes }) => observedAttributes);
  const unobserved = ["bare", "every"]; // read when they are needed
  expect(firstColumn("Attributes")).toEqual([...new Set([...all, ...unobserved])].sort());
});

test("events", () => {
  const types = readFileSync(new URL("events.ts", FOLDER), "utf8");
  expect(firstColumn("Events")).toEqual(find(types, /^ {2}"(mien-\w+)": CustomEvent/gm));
});

test("parts and variables", () => {
  const styling = sectionOf("Styling");
  const parts = find(code, /\bpart\("\w+", "(\w+)"\)/g).filter((name) => !["middle", "spoken"].includes(name)); // of no use to a page
  const listed = find(styling.split("Variables:")[0].replace(/`mien-camera::part\(start\)`/, ""), /`(\w+)`/g);
  expect(listed).toEqual(parts);
  expect(find(styling, /`(--mien-[\w-]+)`/g)).toEqual(find(code, /(--mien-[\w-]+)/g));
});
