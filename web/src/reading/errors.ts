/** Errors as one plain sentence each. */

/** The kinds of `errors.py` that visitors can meet, and two that only browsers have. */
export type ErrorKind = "image" | "video" | "camera" | "model" | "browser";

/** An error that visitors can act on; its message is a full sentence. */
export class MienError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
  ) {
    super(message);
    this.name = "MienError";
  }
}

/** Return a sentence for anything that was thrown. */
export function toSentence(error: unknown): string {
  if (error instanceof MienError) {
    return error.message;
  }
  const what = error instanceof Error ? error.message : String(error);
  return `Something went wrong in the page: ${what}. Reload the page; if it happens again, please report it.`;
}
