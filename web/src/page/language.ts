/** The language of a page: how it is chosen, remembered and changed. */

import { LANGUAGES, loadTexts, type Texts } from "../texts/texts";
import { element, translatePage } from "./document";

const KEY = "mien-language";

/**
 * Write the page in the visitor's language, and fill the list of languages.
 *
 * The first of these that there are texts in: `?lang=`, the visitor's last choice, the host's (`data-lang`), the browser's.
 *
 * @param onChange Called after the visitor has chosen another language and the page's own texts are in it.
 */
export async function openLanguage(onChange: (texts: Texts) => void): Promise<Texts> {
  const asked = new URLSearchParams(location.search).get("lang");
  const hosted = document.documentElement.dataset.lang;
  const texts = await loadTexts([asked, recall(), hosted, ...navigator.languages].filter((lang) => lang != null));
  translatePage(texts);

  const list = element<HTMLSelectElement>("language");
  list.replaceChildren(...LANGUAGES.map(makeOption));
  list.value = texts.lang;
  list.addEventListener("change", async () => {
    const chosen = await loadTexts([list.value]).catch(() => null);
    if (chosen === null) {
      list.value = document.documentElement.lang; // its file could not be loaded: the old one stays
      return;
    }
    remember(chosen.lang);
    translatePage(chosen);
    onChange(chosen);
  });
  return texts;
}

/** A language under its own name, which its readers know in any surroundings. */
function makeOption(lang: string): HTMLOptionElement {
  const name = new Intl.DisplayNames([lang], { type: "language" }).of(lang) ?? lang;
  const option = new Option(name.charAt(0).toLocaleUpperCase(lang) + name.slice(1), lang);
  option.lang = lang;
  return option;
}

function recall(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // the browser stores nothing for this page
  }
}

/** Keep a choice for the next visit; in this one, it also replaces what the address asks for. */
function remember(lang: string): void {
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  history.replaceState(history.state, "", address);
  try {
    localStorage.setItem(KEY, lang);
  } catch {
    // It lasts until the page is closed.
  }
}
