/** `<mien-timeline>`: a face's probabilities over time, of a camera or video on the same page. */

import { ENGLISH, type Texts } from "../texts/texts";
import { Base, findTexts, setText } from "./base";
import type { Chart } from "./chart";
import type { MienEventMap } from "./events";
import { findMaxGap, toLanes } from "./lanes";
import { MienMoving } from "./moving";
import { part, styleSheet } from "./style";

/** Duration shown of a camera, in seconds. */
export const WINDOW_S = 30;
/** Minimum interval between redraws; long videos are redrawn less often. */
const [DRAW_EVERY_MS, DRAW_FRAME_MS] = [80, 0.1];
/** Number of expressions named next to the cursor. */
const MAX_NAMED = 3;

/** A timeline; `for` is the id of the camera or video whose selected face it shows. */
export class MienTimeline extends Base {
  static observedAttributes = ["for", "lang", "seconds"];

  private readonly box = part("div", "chart");
  private readonly readout = part("p", "readout");
  private readonly redraw = (): void => this.draw();
  private source: MienMoving | null = null;
  private chart: Chart | null = null;
  private loading = false;
  private names = "";
  private texts: Texts = ENGLISH;
  private drawnAt = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styleSheet()];
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "group");
    this.readout.setAttribute("aria-live", "polite");
    this.box.addEventListener("keydown", (event) => this.onKey(event));
    root.append(this.box, this.readout);
  }

  connectedCallback(): void {
    void this.chooseTexts();
    this.find();
  }

  disconnectedCallback(): void {
    this.target = null;
    this.closeChart();
  }

  attributeChangedCallback(name: string): void {
    if (!this.isConnected) {
      return;
    }
    if (name === "for") {
      this.find();
    } else {
      void this.chooseTexts();
    }
  }

  /** The camera or video that is shown. */
  get target(): MienMoving | null {
    return this.source;
  }

  set target(element: MienMoving | null) {
    const events: (keyof MienEventMap)[] = ["mien-faces", "mien-state"];
    events.forEach((name) => this.source?.removeEventListener(name, this.redraw));
    this.source = element;
    events.forEach((name) => element?.addEventListener(name, this.redraw));
    this.drawnAt = 0;
    this.draw();
  }

  /** Duration shown of a camera, in seconds; a video is shown completely. */
  get seconds(): number {
    return Number(this.getAttribute("seconds")) || WINDOW_S;
  }

  set seconds(seconds: number) {
    this.setAttribute("seconds", String(seconds));
  }

  /** Redraw. */
  draw(): void {
    const now = performance.now();
    const frames = this.source?.frames ?? [];
    if (now - this.drawnAt < Math.max(DRAW_EVERY_MS, frames.length * DRAW_FRAME_MS) && this.source?.state === "running") {
      return;
    }
    this.drawnAt = now;
    const names = this.source?.emotions ?? [];
    if (names.join() !== this.names) {
      this.closeChart(); // another model has other classes
      this.names = names.join();
    }
    if (this.chart === null) {
      if (names.length > 0 && this.isConnected && !this.loading) {
        void this.openChart(names);
      }
      return;
    }
    const lastS = frames.at(-1)?.time_s ?? 0;
    const range: [number, number] = this.isWhole ? [0, this.source?.duration || 1] : [-this.seconds, 0];
    const first = this.isWhole ? 0 : frames.findLastIndex(({ time_s }) => time_s < lastS + range[0] - 1) + 1;
    const { selectedTracks = new Set<number>(), effectiveThreshold = null } = this.source ?? {};
    const drawn = frames.slice(first);
    const lanes = toLanes(drawn, selectedTracks, names, effectiveThreshold, findMaxGap(drawn, this.source?.every ?? 0));
    if (!this.isWhole) {
      lanes.timesS.forEach((timeS, index, all) => (all[index] = timeS - lastS)); // so that marks stand still
    }
    this.chart.draw(lanes, range);
    this.describe(lanes.counts);
  }

  /** Whether a complete video is shown. */
  private get isWhole(): boolean {
    return Number.isFinite(this.source?.duration ?? Infinity);
  }

  private find(): void {
    const root = this.getRootNode() as Document | ShadowRoot;
    const named = root.getElementById(this.getAttribute("for") ?? "");
    if (named instanceof MienMoving) {
      this.target = named;
    } else if (named !== null && customElements.get(named.localName) === undefined) {
      // Its script may come after this one's.
      void customElements.whenDefined(named.localName).then(() => this.isConnected && this.find());
    }
  }

  private async openChart(names: readonly string[]): Promise<void> {
    this.loading = true;
    const { Chart, chartStyle } = await import("./chart");
    this.loading = false;
    const root = this.shadowRoot;
    if (!this.isConnected || root === null || names.join() !== this.names) {
      return;
    }
    root.adoptedStyleSheets = [styleSheet(), chartStyle()];
    this.chart = new Chart(this.box, {
      names,
      word: (name) => this.texts.word(name),
      time: (timeS) => this.write(timeS),
      onHover: (at) => setText(this.readout, at === null ? "" : this.tell(at)),
      onPick: (timeS) => this.pick(timeS),
    });
    this.drawnAt = 0;
    this.draw();
  }

  private closeChart(): void {
    this.chart?.close();
    this.chart = null;
  }

  /** Format a time: the video's own, or how long ago it was. */
  private write(timeS: number): string {
    if (!this.isWhole) {
      const agoS = Math.round(-timeS * 10) / 10;
      return agoS <= 0 ? this.texts.say("chart.now") : this.texts.say("chart.ago", { count: agoS });
    }
    const tenths = Math.round(timeS * 10);
    const seconds = `${Math.floor(tenths / 10) % 60}`.padStart(2, "0");
    return `${Math.floor(tenths / 600)}:${seconds}${tenths % 10 ? `.${tenths % 10}` : ""}`;
  }

  /** Describe the reading under the cursor, the most probable expression first. */
  private tell({ timeS, shares }: { timeS: number; shares: Map<string, number> }): string {
    const most = [...shares].sort((a, b) => b[1] - a[1]).slice(0, MAX_NAMED);
    return [this.write(timeS), ...most.map(([name, share]) => `${this.texts.word(name)} ${this.texts.percent(share)}`)].join(" · ");
  }

  private describe(counts: ReadonlyMap<string, number>): void {
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const words = [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, MAX_NAMED)
      .map(([word, count]) => `${this.texts.word(word)} ${this.texts.percent(count / all)}`)
      .join(", ");
    const what = this.isWhole ? this.texts.say("chart.whole", { words }) : this.texts.say("chart.last", { count: this.seconds, words });
    this.box.setAttribute("aria-label", all === 0 ? this.texts.say("chart.none") : what);
  }

  private pick(timeS: number): void {
    if (this.source !== null && this.isWhole) {
      this.source.currentTime = timeS;
    }
  }

  private onKey(event: KeyboardEvent): void {
    const { chart } = this;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => chart?.step(-1),
      ArrowRight: () => chart?.step(1),
      "+": () => chart?.zoom(1 / 2),
      "-": () => chart?.zoom(2),
      "0": () => chart?.zoom(Infinity),
      Enter: () => chart?.cursorS != null && this.pick(chart.cursorS),
    };
    if (chart !== null && event.key in actions) {
      event.preventDefault();
      actions[event.key]();
    }
  }

  private async chooseTexts(): Promise<void> {
    this.texts = await findTexts(this);
    this.box.title = this.texts.say("chart.zoom");
    this.describe(new Map());
    this.closeChart(); // its words are in the language before
    this.drawnAt = 0;
    this.draw();
  }
}
