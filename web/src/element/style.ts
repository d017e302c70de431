/** Stylesheet of the elements: constructed once, without requiring a style-src. */

const CSS = `
:host { display: block; position: relative;
  font: 14px/1.45 var(--mien-font, system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif); }
:host([hidden]), [hidden] { display: none !important; }
.frame { position: relative; overflow: hidden; aspect-ratio: var(--mien-ratio, var(--_ratio, 4 / 3));
  background: var(--mien-background, light-dark(#e9e4da, #0e1114)); border-radius: var(--mien-radius, 12px); }
:host([bare]) { height: 100%; }
:host([bare]) .frame { height: 100%; aspect-ratio: auto; background: none; border-radius: 0; }
video, canvas { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
.overlay { pointer-events: none; }
.mirrored > video, .mirrored > .still { transform: scaleX(-1); }
.still { background: var(--mien-background, light-dark(#e9e4da, #0e1114)); }
.middle { position: absolute; inset: 0; display: grid; gap: 10px; place-content: safe center; justify-items: center;
  padding: 16px; text-align: center; overflow: auto; color: var(--mien-text, light-dark(#1f2428, #ebe8e2)); }
p { margin: 0; max-width: 34em; }
button { font: inherit; font-weight: 600; min-height: 44px; padding: 0 20px; cursor: pointer; border-radius: 10px;
  border: 1px solid transparent; background: var(--mien-accent, light-dark(#1f5c66, #86c5cf));
  color: var(--mien-on-accent, light-dark(#ffffff, #10262a)); }
button:focus-visible, .chart:focus-visible { outline: 3px solid var(--mien-accent, light-dark(#1f5c66, #86c5cf)); outline-offset: 2px; }
.notice { position: absolute; inset: 12px 12px auto; padding: 10px 14px; border: 1px solid currentColor; border-radius: 10px;
  max-width: none; background: light-dark(#fbeee8, #35211a); color: light-dark(#8a2f12, #f2b8a2); }
.status { position: absolute; inset-inline-start: 10px; bottom: 10px; padding: 3px 10px; border-radius: 8px;
  background: rgb(14 17 22 / 86%); color: #fff; }
.caption, .readout { color: var(--mien-text, light-dark(#5d6369, #a6adb5)); font-size: 13px; padding-top: 6px; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
:host([bare]) :is(.middle, .caption, .notice, .status, .spoken) { display: none; }
.chart { position: relative; overflow: hidden; height: var(--mien-timeline-height, 190px); direction: ltr; }
.chart > * { position: absolute; }
.readout { min-height: 1.45em; font-variant-numeric: tabular-nums; }
@media (forced-colors: active) { button { border-color: ButtonText; } }
`;

let made: CSSStyleSheet | null = null;

/** Return the stylesheet shared by all elements. */
export function styleSheet(): CSSStyleSheet {
  if (made === null) {
    made = new CSSStyleSheet();
    made.replaceSync(CSS);
  }
  return made;
}

/** Create an element of a shadow tree; its class is also the part that pages can style. */
export function part<K extends keyof HTMLElementTagNameMap>(tag: K, name: string): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute("part", name);
  return element;
}
