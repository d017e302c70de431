/** Draw lanes with uPlot, with hover, zoom and a time axis. Loaded when a timeline is first shown. */

import uPlot from "uplot";
import uPlotCss from "uplot/dist/uPlot.min.css?inline";
import { floorOf, toShare, type Lanes } from "./lanes";
import { colorOf } from "./palette";

/** Callbacks and texts of a chart. */
export interface ChartOptions {
  readonly names: readonly string[];
  /** The word for a class, in the page's language. */
  readonly word: (name: string) => string;
  /** Format a time for the axis. */
  readonly time: (timeS: number) => string;
  /** Called with the reading under the cursor, or null when the cursor leaves. */
  readonly onHover: (at: { timeS: number; shares: Map<string, number> } | null) => void;
  /** Called when a time is clicked. */
  readonly onPick: (timeS: number) => void;
}

/** Candidate intervals between ticks, in seconds; the shortest one that fits is used. */
const STEPS_S = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const LABEL_PX = 76;
const AXIS_PX = 24;

/** A chart that fills an element. */
export class Chart {
  private readonly plot: uPlot;
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly sizes: ResizeObserver;
  private readonly redraw = (): void => this.plot.redraw();
  private zoomed = false;
  private range: [number, number] = [0, 1];

  constructor(
    private readonly box: HTMLElement,
    private readonly options: ChartOptions,
  ) {
    this.plot = new uPlot(this.configure(), [[], ...options.names.flatMap(() => [[], []])], box);
    this.sizes = new ResizeObserver(() => this.plot.setSize({ width: box.clientWidth, height: box.clientHeight }));
    this.sizes.observe(box);
    this.dark.addEventListener("change", this.redraw);
    this.plot.over.addEventListener("dblclick", () => this.zoom(Infinity));
    this.plot.over.addEventListener("click", ({ offsetX }) => {
      if (this.plot.select.width === 0) {
        options.onPick(this.plot.posToVal(offsetX, "x"));
      }
    });
  }

  /** Show lanes over a range of time; a zoomed chart keeps its own range. */
  draw({ timesS, heights, named }: Lanes, range: [number, number]): void {
    this.range = range;
    this.plot.setData([timesS, ...heights.flatMap((lane, index) => [lane, named[index]])] as uPlot.AlignedData, false);
    this.plot.setScale("x", this.zoomed ? this.view : { min: range[0], max: range[1] });
  }

  /** Zoom in or out by a factor around the cursor; infinity shows everything. */
  zoom(factor: number): void {
    const { min, max } = this.view;
    const [first, last] = this.range;
    const span = Math.min((max - min) * factor, last - first);
    const middle = this.plot.cursor.left !== undefined && this.plot.cursor.left >= 0 ? this.plot.posToVal(this.plot.cursor.left, "x") : (min + max) / 2;
    const from = Math.min(Math.max(middle - ((middle - min) / (max - min)) * span, first), last - span);
    this.zoomed = span < last - first;
    this.plot.setScale("x", { min: from, max: from + span });
  }

  /** Move the cursor by a number of readings; the first step starts at the end. */
  step(count: number): void {
    const times = this.plot.data[0];
    if (times.length > 0) {
      const at = this.plot.cursor.idx ?? times.length;
      const index = Math.min(Math.max(at + count, 0), times.length - 1);
      const left = this.plot.valToPos(times[index], "x");
      this.plot.setCursor({ left: Math.min(Math.max(left, 0), this.plot.over.clientWidth), top: 0 });
    }
  }

  /** Time under the cursor; null outside the chart. */
  get cursorS(): number | null {
    const { left } = this.plot.cursor;
    return left === undefined || left < 0 ? null : this.plot.posToVal(left, "x");
  }

  /** Remove the chart. */
  close(): void {
    this.sizes.disconnect();
    this.dark.removeEventListener("change", this.redraw);
    this.plot.destroy();
  }

  /** Whether the page is dark here: its text is light. */
  private get isDark(): boolean {
    const parts = getComputedStyle(this.box).color.match(/^rgba?\((\d+), (\d+), (\d+)/);
    return parts === null ? this.dark.matches : Number(parts[1]) + Number(parts[2]) + Number(parts[3]) > 384;
  }

  private get view(): { min: number; max: number } {
    const { min, max } = this.plot.scales.x;
    return { min: min ?? this.range[0], max: max ?? this.range[1] };
  }

  private configure(): uPlot.Options {
    const { names, word, time } = this.options;
    const count = names.length;
    const line = (): string => getComputedStyle(this.box).getPropertyValue("--mien-line") || (this.isDark ? "#30363d" : "#ddd6ca");
    const ink = (): string => getComputedStyle(this.box).color;
    const font = `11px ${getComputedStyle(this.box).fontFamily}`;
    const grid = { stroke: line, width: 1 };
    return {
      width: this.box.clientWidth,
      height: this.box.clientHeight,
      padding: [4, 20, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, dist: 6 } },
      scales: { x: { time: false, range: (_, min, max) => [min, max] }, y: { range: [0, count] } },
      axes: [
        { stroke: ink, font, grid, ticks: grid, size: AXIS_PX, space: 56, incrs: STEPS_S, values: (_, marks) => marks.map(time) },
        {
          stroke: ink,
          font,
          grid,
          ticks: { show: false },
          size: LABEL_PX,
          splits: () => names.map((_, index) => floorOf(index, count)),
          values: () => names.map(word),
          align: 2,
        },
      ],
      series: [{}, ...names.flatMap((name, index) => this.configureLane(name, index))],
      hooks: {
        setSelect: [(plot) => (this.zoomed = plot.select.width > 0 || this.zoomed)],
        setCursor: [() => this.tellHover()],
      },
    };
  }

  /** Draw a pale area for each probability, and a solid one where the expression is named. */
  private configureLane(name: string, index: number): uPlot.Series[] {
    const { names } = this.options;
    const color = (): string => colorOf(name, names, this.isDark);
    const fillTo = floorOf(index, names.length);
    const points = { show: false };
    return [
      { stroke: color, width: 1, fill: () => `${color()}57`, fillTo, points },
      { stroke: color, width: 1, fill: color, fillTo, points },
    ];
  }

  private tellHover(): void {
    const { idx } = this.plot.cursor;
    const timeS = idx === null || idx === undefined ? undefined : this.plot.data[0][idx];
    if (timeS === undefined) {
      this.options.onHover(null);
      return;
    }
    const { names } = this.options;
    const shares = names.flatMap((name, index): [string, number][] => {
      const height = this.plot.data[1 + 2 * index][idx as number];
      return height === null || height === undefined ? [] : [[name, toShare(height, index, names.length)]];
    });
    this.options.onHover({ timeS, shares: new Map(shares) });
  }
}

let made: CSSStyleSheet | null = null;

/** Return uPlot's stylesheet, for the shadow tree of the chart. */
export function chartStyle(): CSSStyleSheet {
  if (made === null) {
    made = new CSSStyleSheet();
    made.replaceSync(uPlotCss);
  }
  return made;
}
