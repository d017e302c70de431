/** Find the elements of a page, and write its texts. */

import { MienError } from "../reading/errors";
import type { TextKey, Texts } from "../texts/texts";

/** Find an element of the page. */
export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) {
    throw new MienError("browser", "error.browser.element", { name: id });
  }
  return found as T;
}

/** Write only what changed, so that neither screen readers nor layout are disturbed. */
export function write(target: HTMLElement, text: string): void {
  if (target.textContent !== text) {
    target.textContent = text;
  }
}

/** Write the page's own texts in a language, and tell the elements. */
export function translatePage(texts: Texts): void {
  const root = document.documentElement;
  [root.lang, root.dir] = [texts.lang, texts.direction];
  for (const target of document.querySelectorAll<HTMLElement>("mien-camera, mien-photo, mien-video, mien-timeline")) {
    target.lang = texts.lang;
  }
  for (const target of document.querySelectorAll<HTMLElement>("[data-text]")) {
    target.replaceChildren(...emphasize(texts.say(target.dataset.text as TextKey)));
  }
  for (const target of document.querySelectorAll<HTMLElement>("[data-label]")) {
    target.setAttribute("aria-label", texts.say(target.dataset.label as TextKey));
  }
}

/** Turn *words between stars* into emphasis. */
function emphasize(text: string): (Node | string)[] {
  return text.split("*").map((piece, index) => {
    if (index % 2 === 0) {
      return piece;
    }
    const words = document.createElement("em");
    words.textContent = piece;
    return words;
  });
}
