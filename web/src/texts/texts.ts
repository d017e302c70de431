/** Every text that people see, by its key; English is always there, other languages when asked for. */

import en from "./en.json" with { type: "json" };
import words from "../../../src/mien/words/expressions.json" with { type: "json" };

/** What a text is called; the English file lists them all. */
export type TextKey = keyof typeof en;
/** What stands in a text's {braces}; `count` chooses the plural. */
export type Values = Readonly<Record<string, string | number>>;

type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };
type Entries = Partial<Record<TextKey, string | Plural>>;

/** The other languages' files, each fetched when it is first needed. */
const FILES: Record<string, () => Promise<{ default: Entries }>> = {
  ar: () => import("./ar.json"),
  de: () => import("./de.json"),
  es: () => import("./es.json"),
  fr: () => import("./fr.json"),
  he: () => import("./he.json"),
  it: () => import("./it.json"),
  ja: () => import("./ja.json"),
  nl: () => import("./nl.json"),
  pt: () => import("./pt.json"),
  ru: () => import("./ru.json"),
  zh: () => import("./zh.json"),
};
/** The languages that there are texts in. */
export const LANGUAGES: readonly string[] = ["en", ...Object.keys(FILES)].sort();
/** The languages that are written from right to left. */
const RIGHT_TO_LEFT = ["ar", "he"];
const WORDS: Record<string, Record<string, string>> = words;

/** The texts of one language; what it lacks is English. */
export class Texts {
  private readonly plural: Intl.PluralRules;
  private readonly numbers: Intl.NumberFormat;
  private readonly percents: Intl.NumberFormat;

  constructor(
    readonly lang: string,
    private readonly entries: Entries,
  ) {
    this.plural = new Intl.PluralRules(lang);
    const digits = `${lang}-u-nu-latn`; // 0 to 9 in Arabic, too, as in the files that are saved
    this.numbers = new Intl.NumberFormat(digits);
    this.percents = new Intl.NumberFormat(digits, { style: "percent" });
  }

  /** In which direction the language is written. */
  get direction(): "ltr" | "rtl" {
    return RIGHT_TO_LEFT.includes(this.lang) ? "rtl" : "ltr";
  }

  /** Return a text with its values in place. */
  say(key: TextKey, values: Values = {}): string {
    const entry: string | Plural = this.entries[key] ?? en[key];
    const text = typeof entry === "string" ? entry : (entry[this.plural.select(Number(values.count))] ?? entry.other);
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name] ?? whole;
      return typeof value === "number" ? this.numbers.format(value) : value;
    });
  }

  /** Return the word for an expression, or for the reason why none is named. */
  word(name: string): string {
    return WORDS[this.lang]?.[name] ?? WORDS.en[name] ?? name;
  }

  /** Return a share as whole percent, as the language writes it. */
  percent(share: number): string {
    return this.percents.format(share);
  }
}

export const ENGLISH = new Texts("en", en);

/**
 * Return the texts in the first language there is.
 *
 * @param langs Language tags by preference, such as "de-AT"; a region is ignored.
 */
export async function loadTexts(langs: readonly string[]): Promise<Texts> {
  for (const lang of langs.map((tag) => tag.toLowerCase().split("-")[0])) {
    if (lang === "en") {
      return ENGLISH;
    }
    if (FILES[lang] !== undefined) {
      return new Texts(lang, (await FILES[lang]()).default);
    }
  }
  return ENGLISH;
}
