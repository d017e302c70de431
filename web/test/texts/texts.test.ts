/** Texts: values, plurals, and every language's file. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ENGLISH, loadTexts, Texts } from "../../src/texts/texts";
import english from "../../src/texts/en.json" with { type: "json" };

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

test("numbers and shares are written as the language has them, with the digits 0 to 9", () => {
  const spaced = (text: string): string => text.replace(/[\u00a0\u202f]/g, " ");
  const shares = { en: "12%", de: "12 %", fr: "12 %", he: "12%", ar: "12\u200e%\u200e", zh: "12%" };
  for (const [lang, share] of Object.entries(shares)) {
    expect(spaced(new Texts(lang, {}).percent(0.123)), lang).toBe(share);
  }
  expect(new Texts("de", {}).say("chart.ago", { count: 6.1 })).toBe("−6,1 s");
  expect(new Texts("ar", {}).say("face", { number: 12 })).toBe("face 12");
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

const OTHERS = ["ar", "de", "es", "fr", "he", "it", "ja", "nl", "pt", "ru", "zh"];
const ENGLISH_ENTRIES: Record<string, Entry> = english;
// What only those meet who build or embed the page stays English.
const FOR_BUILDERS = /^error\.(model|browser)\./;

type Entry = string | Record<string, string>;

const formsOf = (entry: Entry): [string, string][] =>
  typeof entry === "string" ? [["other", entry]] : Object.entries(entry);
const placesOf = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);

test.each(OTHERS)("%s has every text, with its places, plurals and emphasis", async (lang) => {
  const { default: entries } = (await import(`../../src/texts/${lang}.json`)) as { default: Record<string, Entry> };
  const wanted = Object.keys(ENGLISH_ENTRIES).filter((key) => key in entries || !FOR_BUILDERS.test(key));
  expect(Object.keys(entries)).toEqual(wanted);
  const rules = new Intl.PluralRules(lang);
  const categories = new Set([...Array.from({ length: 1100 }, (_, number) => rules.select(number)), "other"]);
  for (const [key, entry] of Object.entries(entries)) {
    const places = new Set(formsOf(ENGLISH_ENTRIES[key]).flatMap(([, text]) => placesOf(text)));
    expect(typeof entry, key).toBe(typeof ENGLISH_ENTRIES[key]);
    if (typeof entry !== "string") {
      expect(new Set(Object.keys(entry)), key).toEqual(categories);
    }
    for (const [form, text] of formsOf(entry)) {
      // A form for one number only, such as the dual, may name that number in words.
      const named = ["zero", "one", "two"].includes(form) ? [...placesOf(text), "count"] : placesOf(text);
      const expected = places.has("count") ? places : new Set([...places, ...named.filter((name) => name === "count")]);
      expect(new Set(named), `${key} ${form}`).toEqual(expected);
      expect(text.split("*").length, key).toBe(formsOf(ENGLISH_ENTRIES[key])[0][1].split("*").length);
    }
  }
  expect((await loadTexts([`${lang}-XX`])).lang).toBe(lang);
});

test("every text is used", () => {
  const root = new URL("../../", import.meta.url);
  const sources = ["src/", ""].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: folder !== "", encoding: "utf8" })
      .filter((name) => /\.(ts|html)$/.test(name))
      .map((name) => readFileSync(new URL(folder + name, root), "utf8")),
  );
  const code = sources.join();
  const families = [...code.matchAll(/`(error\.[a-z]+\.)\$\{/g)].map(([, start]) => start);
  const unused = Object.keys(english).filter((key) => !code.includes(`"${key}"`) && !code.includes(`{{${key}}}`) && !families.some((start) => key.startsWith(start)));
  expect(unused).toEqual([]);
});

test("Arabic and Hebrew run from right to left", async () => {
  const directions = await Promise.all(OTHERS.map(async (lang) => (await loadTexts([lang])).direction));
  expect(OTHERS.filter((_, index) => directions[index] === "rtl")).toEqual(["ar", "he"]);
});
