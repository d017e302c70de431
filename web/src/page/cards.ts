/** The list of faces: a card with bars for each, updated in place. */

import type { MienElement } from "../element/base";
import type { ShownFace } from "../element/overlay";
import { colorOf } from "../element/palette";
import type { Texts } from "../texts/texts";
import { write } from "./document";

/** Common options of all cards. */
interface Look {
  readonly texts: Texts;
  readonly threshold: number | null;
  readonly isDark: boolean;
}

interface Row {
  readonly element: HTMLElement;
  readonly level: HTMLElement;
  readonly name: HTMLElement;
  readonly value: HTMLElement;
}

/** One face's card; it is created once and then updated. */
class Card {
  readonly element = document.createElement("li");
  private readonly button = document.createElement("button");
  private readonly word = span("word");
  private readonly who = span("who");
  private readonly why = document.createElement("p");
  private readonly bars = document.createElement("div");
  private rows = new Map<string, Row>();

  constructor(index: number, select: () => void) {
    this.element.className = "card";
    this.button.type = "button";
    this.button.append(span("swatch"), this.word, this.who);
    this.button.addEventListener("click", select);
    this.bars.className = "bars";
    this.bars.id = `bars-${index}`;
    this.button.setAttribute("aria-controls", this.bars.id);
    this.why.className = "why";
    this.element.append(this.button, this.why, this.bars);
  }

  update(shown: ShownFace, number: number, isOpen: boolean, { texts, threshold, isDark }: Look): void {
    const names = Object.keys(shown.probabilities ?? {});
    this.element.dataset.certain = String(shown.emotion !== null);
    this.element.style.setProperty("--color", colorOf(shown.emotion, names, isDark));
    write(this.word, texts.word(shown.word));
    const level = shown.emotion === null ? undefined : shown.probabilities?.[shown.emotion];
    const who = texts.say("face", { number });
    write(this.who, isOpen || level === undefined ? who : `${texts.percent(level)} · ${who}`);
    write(this.why, shown.emotion === null ? texts.say(shown.word === "too_small" ? "reason.too_small" : "reason.uncertain") : "");
    this.why.hidden = shown.emotion !== null;
    this.button.setAttribute("aria-expanded", String(isOpen));
    this.bars.hidden = !isOpen || shown.probabilities === null;
    if (names.join() !== [...this.rows.keys()].join() && names.length) {
      this.makeRows(names);
    }
    const most = Math.max(...Object.values(shown.probabilities ?? {}));
    for (const [name, row] of this.rows) {
      const share = shown.probabilities?.[name] ?? 0;
      row.element.classList.toggle("top", share === most && shown.emotion !== null);
      row.level.style.setProperty("--color", colorOf(name, names, isDark));
      row.level.style.setProperty("--level", share.toFixed(4));
      row.level.style.setProperty("--threshold", String(threshold ?? -1));
      write(row.name, texts.word(name));
      write(row.value, texts.percent(share));
    }
  }

  private makeRows(names: readonly string[]): void {
    this.rows = new Map(
      names.map((key) => {
        const element = document.createElement("div");
        element.className = "row";
        const level = span("bar");
        level.setAttribute("aria-hidden", "true");
        level.append(document.createElement("i"), document.createElement("b"));
        const [name, value] = [span("name"), span("value")];
        element.append(name, level, value);
        return [key, { element, level, name, value }];
      }),
    );
    this.bars.replaceChildren(...[...this.rows.values()].map((row) => row.element));
  }
}

/** The list of cards of what an element shows; the selected face's bars are open. */
export class Cards {
  private readonly cards: Card[] = [];
  private source: MienElement | null = null;

  constructor(
    private readonly list: HTMLElement,
    private readonly onSelect: () => void,
  ) {}

  /** Show the faces of an element; null shows none. */
  update(source: MienElement | null, texts: Texts): void {
    this.source = source;
    const faces = source?.shownFaces ?? [];
    while (this.cards.length < faces.length) {
      const index = this.cards.length;
      this.cards.push(new Card(index, () => this.select(index)));
    }
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const look = { texts, threshold: source?.effectiveThreshold ?? null, isDark };
    faces.forEach((shown, index) => {
      this.cards[index].update(shown, shown.face.track_id ?? index + 1, index === source?.selected, look);
    });
    if (this.list.childElementCount !== faces.length) {
      this.list.replaceChildren(...this.cards.slice(0, faces.length).map((card) => card.element));
    }
  }

  private select(index: number): void {
    if (this.source !== null) {
      this.source.selected = index;
      this.onSelect();
    }
  }
}

function span(className: string): HTMLElement {
  const element = document.createElement("span");
  element.className = className;
  return element;
}
