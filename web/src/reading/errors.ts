/** This module turns what can go wrong in the page into one plain sentence each. */

/** The kinds of `errors.py` that a visitor can meet, and two that only a browser has. */
export type ErrorKind = "image" | "video" | "camera" | "model" | "browser";

/** Something a visitor can do something about; its message is a whole sentence. */
export class MienError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
  ) {
    super(message);
    this.name = "MienError";
  }
}

/** Give a sentence for anything that was thrown. */
export function toSentence(error: unknown): string {
  if (error instanceof MienError) {
    return error.message;
  }
  const what = error instanceof Error ? error.message : String(error);
  return `Something went wrong in the page: ${what}. Load the page again; if it stays, please report it.`;
}
