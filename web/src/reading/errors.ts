/** Errors as one plain sentence each. */

import { ENGLISH, type TextKey, type Texts, type Values } from "../texts/texts";

/** The kinds of `errors.py` that visitors can meet, and three that only pages have. */
export type ErrorKind = "image" | "video" | "camera" | "model" | "browser" | "server";

/** An error that visitors can act on; its message is a full sentence, in English. */
export class MienError extends Error {
  constructor(
    readonly kind: ErrorKind,
    readonly key: TextKey,
    readonly values: Values = {},
  ) {
    super(ENGLISH.say(key, values));
    this.name = "MienError";
  }
}

/** Return the error of an action that another has overtaken; nobody has to be told. */
export function overtaken(): DOMException {
  return new DOMException("something else was opened meanwhile", "AbortError");
}

/** Return whether an action was overtaken by another, or by the element's end. */
export function isOvertaken(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Return the error for anything that was thrown. */
export function toMienError(error: unknown): MienError {
  const what = error instanceof Error ? error.message : String(error);
  return error instanceof MienError ? error : new MienError("browser", "error.browser.other", { what });
}

/** Return a sentence for anything that was thrown. */
export function toSentence(error: unknown, texts: Texts = ENGLISH): string {
  const { key, values } = toMienError(error);
  return texts.say(key, values);
}
