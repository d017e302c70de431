/** Texts: values, plurals, and every language's file. */

import { expect, test } from "vitest";
import { ENGLISH, loadTexts, Texts } from "../../src/texts/texts";

test("values stand in their places, and numbers have their plural", () => {
  expect(ENGLISH.say("found", { count: 1 })).toBe("One face found.");
  expect(ENGLISH.say("found", { count: 3 })).toBe("3 faces found.");
  expect(ENGLISH.say("error.image.empty", { name: "a.jpg" })).toBe("a.jpg is empty; was it saved or sent completely?");
});

test("a language's own plurals are taken, and English where a text is missing", () => {
  const russian = new Texts("ru", { found: { one: "{count} лицо", few: "{count} лица", other: "{count} лиц" } });
  expect([1, 3, 5, 21].map((count) => russian.say("found", { count }))).toEqual(["1 лицо", "3 лица", "5 лиц", "21 лицо"]);
  expect(russian.say("camera")).toBe("Camera");
});

test("words are those of Python, and names of one's own stay", () => {
  expect(new Texts("de", {}).word("happy")).toBe("fröhlich");
  expect(ENGLISH.word("too_small")).toBe("too small");
  expect(ENGLISH.word("bored")).toBe("bored");
});

test("the first language that is there is taken", async () => {
  expect(await loadTexts(["tlh", "en-GB"])).toBe(ENGLISH);
  expect(await loadTexts([])).toBe(ENGLISH);
});
