/** The list of faces: a card with bars for each, updated in place. */

import type { ShownFace } from "./overlay";
import { colorOf } from "./palette";

const WHY: Record<string, string> = {
  uncertain: "No expression is probable enough to be named.",
  "too small": "Less than 20 pixels on its shorter side: too small to read.",
};

interface Row {
  readonly element: HTMLElement;
  readonly level: HTMLElement;
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

  constructor(number: number, select: () => void) {
    this.element.className = "card";
    this.button.type = "button";
    this.button.append(span("swatch"), this.word, this.who);
    this.button.addEventListener("click", select);
    this.bars.className = "bars";
    this.bars.id = `bars-${number}`;
    this.button.setAttribute("aria-controls", this.bars.id);
    this.why.className = "why";
    this.element.append(this.button, this.why, this.bars);
  }

  update(shown: ShownFace, number: number, isOpen: boolean, threshold: number | null, isDark: boolean): void {
    const names = Object.keys(shown.probabilities ?? {});
    this.element.dataset.certain = String(shown.emotion !== null);
    this.element.style.setProperty("--color", colorOf(shown.emotion, names, isDark));
    setText(this.word, shown.word);
    const level = shown.emotion === null ? undefined : shown.probabilities?.[shown.emotion];
    const short = isOpen || level === undefined ? "" : `${Math.round(level * 100)} % · `;
    setText(this.who, `${short}face ${number}`);
    setText(this.why, WHY[shown.word] ?? "");
    this.why.hidden = shown.emotion !== null;
    this.button.setAttribute("aria-expanded", String(isOpen));
    this.bars.hidden = !isOpen || shown.probabilities === null;
    if (names.join() !== [...this.rows.keys()].join() && names.length) {
      this.makeRows(names);
    }
    const most = Math.max(...Object.values(shown.probabilities ?? {}));
    for (const [name, row] of this.rows) {
      const level = shown.probabilities?.[name] ?? 0;
      row.element.classList.toggle("top", level === most && shown.emotion !== null);
      row.level.style.setProperty("--color", colorOf(name, names, isDark));
      row.level.style.setProperty("--level", level.toFixed(4));
      row.level.style.setProperty("--threshold", String(threshold ?? -1));
      setText(row.value, `${Math.round(level * 100)} %`);
    }
  }

  private makeRows(names: readonly string[]): void {
    this.rows = new Map(
      names.map((name) => {
        const element = document.createElement("div");
        element.className = "row";
        const level = span("bar");
        level.setAttribute("aria-hidden", "true");
        level.append(document.createElement("i"), document.createElement("b"));
        const value = span("value");
        const label = span("name");
        label.textContent = name;
        element.append(label, level, value);
        return [name, { element, level, value }];
      }),
    );
    this.bars.replaceChildren(...[...this.rows.values()].map((row) => row.element));
  }
}

/** The list of cards; the selected face's bars are open. */
export class Cards {
  private readonly cards: Card[] = [];
  selected = 0;

  constructor(
    private readonly list: HTMLElement,
    private readonly onSelect: () => void,
  ) {}

  update(faces: readonly ShownFace[], threshold: number | null, isDark: boolean): void {
    while (this.cards.length < faces.length) {
      const index = this.cards.length;
      this.cards.push(new Card(index + 1, () => this.select(index)));
    }
    this.selected = Math.min(this.selected, Math.max(faces.length - 1, 0));
    faces.forEach((shown, index) => {
      this.cards[index].update(shown, index + 1, index === this.selected, threshold, isDark);
    });
    if (this.list.childElementCount !== faces.length) {
      this.list.replaceChildren(...this.cards.slice(0, faces.length).map((card) => card.element));
    }
  }

  private select(index: number): void {
    this.selected = index;
    this.onSelect();
  }
}

function span(className: string): HTMLElement {
  const element = document.createElement("span");
  element.className = className;
  return element;
}

/** Write only what changed, so that neither screen readers nor layout are disturbed. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
