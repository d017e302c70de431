/** The last seconds of a face as a chart: one lane for each emotion, over a time axis. */

import { colorOf } from "./palette";
import type { Probabilities } from "../reading/results";

/** How much time is shown. */
export const WINDOW_S = 30;
/** Readings further apart than this are not joined. */
const MAX_GAP_S = 1;
const LABEL_PX = 74;
const AXIS_PX = 18;
/** Room that a tick's label needs. */
const TICK_PX = 52;

/** One reading of a face; `emotion` is null where none was named. */
export interface Moment {
  readonly timeS: number;
  readonly probabilities: Probabilities | null;
  readonly emotion: string | null;
}

/** A mark on the time axis. */
export interface Tick {
  readonly timeS: number;
  readonly text: string;
}

/**
 * List the marks of the time axis, the earliest first.
 *
 * @param nowS The time at the axis's right end.
 * @param widthPx The axis's length on the screen.
 * @param isCamera A camera's axis counts back from now; a video's gives the times in the video.
 */
export function listTicks(nowS: number, widthPx: number, isCamera: boolean): Tick[] {
  const stepS = [5, 10, 15, 30].find((step) => (widthPx * step) / WINDOW_S >= TICK_PX) ?? WINDOW_S;
  const ticks: Tick[] = [];
  if (isCamera) {
    for (let ageS = WINDOW_S; ageS >= 0; ageS -= stepS) {
      ticks.push({ timeS: nowS - ageS, text: ageS === 0 ? "now" : `−${ageS} s` });
    }
    return ticks;
  }
  const firstS = Math.max(0, Math.ceil((nowS - WINDOW_S) / stepS) * stepS);
  for (let timeS = firstS; timeS <= nowS; timeS += stepS) {
    ticks.push({ timeS, text: `${Math.floor(timeS / 60)}:${String(timeS % 60).padStart(2, "0")}` });
  }
  return ticks;
}

/** The rolling timeline of one face. */
export class Timeline {
  private moments: Moment[] = [];

  constructor(private readonly canvas: HTMLCanvasElement) {}

  clear(): void {
    this.moments = [];
  }

  add(moment: Moment): void {
    const last = this.moments.at(-1);
    if (last !== undefined && moment.timeS < last.timeS) {
      this.moments = [];
    }
    this.moments.push(moment);
    const first = this.moments.findIndex(({ timeS }) => timeS > moment.timeS - WINDOW_S - MAX_GAP_S);
    this.moments.splice(0, Math.max(first, 0));
  }

  /** Describe the chart in words. */
  describe(): string {
    const counts = new Map<string, number>();
    const read = this.moments.filter(({ probabilities }) => probabilities !== null);
    read.forEach(({ emotion }) => counts.set(emotion ?? "uncertain", (counts.get(emotion ?? "uncertain") ?? 0) + 1));
    const parts = [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 3)
      .map(([word, count]) => `${word} ${Math.round((100 * count) / read.length)} %`);
    return parts.length ? `Timeline of the last ${WINDOW_S} seconds: ${parts.join(", ")} of the time` : "Timeline: no readings yet";
  }

  draw(names: readonly string[], { isDark, isCamera }: { isDark: boolean; isCamera: boolean }): void {
    const ratio = Math.min(devicePixelRatio, 2);
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    const context = this.canvas.getContext("2d");
    if (context === null || width === 0 || height === 0) {
      return;
    }
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);

    const lane = (height - AXIS_PX) / names.length;
    const now = this.moments.at(-1)?.timeS ?? 0;
    const toX = (timeS: number): number => LABEL_PX + (width - LABEL_PX) * (1 - (now - timeS) / WINDOW_S);
    this.drawAxis(context, listTicks(now, width - LABEL_PX, isCamera), toX, width, height);
    names.forEach((name, index) => {
      const floor = Math.round((index + 1) * lane) - 0.5;
      this.drawLabel(context, name, floor, lane, width);
      context.save();
      context.beginPath();
      context.rect(LABEL_PX, 0, width - LABEL_PX, height);
      context.clip();
      this.drawLane(context, name, toX, floor, lane - 3, colorOf(name, names, isDark));
      context.restore();
    });
  }

  /** Draw the times under the lanes, and a thin line upward from each. */
  private drawAxis(
    context: CanvasRenderingContext2D,
    ticks: readonly Tick[],
    toX: (timeS: number) => number,
    width: number,
    height: number,
  ): void {
    const style = getComputedStyle(this.canvas);
    context.font = `11px ${style.fontFamily}`;
    context.textBaseline = "alphabetic";
    context.lineWidth = 1;
    for (const { timeS, text } of ticks) {
      const x = Math.round(toX(timeS)) + 0.5;
      context.strokeStyle = style.getPropertyValue("--line");
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, height - AXIS_PX + 4);
      context.stroke();

      // Labels stay inside the chart: the first and last would be cut in the middle otherwise.
      const half = context.measureText(text).width / 2;
      const middle = Math.min(Math.max(x, LABEL_PX + half), width - half);
      context.fillStyle = style.getPropertyValue("--soft");
      context.fillText(text, middle - half, height - 3);
    }
  }

  /** Write an emotion's name beside its lane, and draw the line that the lane stands on. */
  private drawLabel(context: CanvasRenderingContext2D, name: string, floor: number, lane: number, width: number): void {
    const style = getComputedStyle(this.canvas);
    context.fillStyle = style.getPropertyValue("--soft");
    context.font = `${Math.min(13, lane * 0.78)}px ${style.fontFamily}`;
    context.textBaseline = "alphabetic";
    context.fillText(name, 0, floor - lane * 0.16);
    context.strokeStyle = style.getPropertyValue("--line");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(LABEL_PX, floor);
    context.lineTo(width, floor);
    context.stroke();
  }

  /** Draw one emotion's probability as a hill; solid where it is the one named. */
  private drawLane(
    context: CanvasRenderingContext2D,
    name: string,
    toX: (timeS: number) => number,
    floor: number,
    lane: number,
    color: string,
  ): void {
    for (const stretch of this.stretches()) {
      const toY = ({ probabilities }: Moment): number => floor - lane * (probabilities?.[name] ?? 0);
      context.beginPath();
      context.moveTo(toX(stretch[0].timeS), floor);
      stretch.forEach((moment) => context.lineTo(toX(moment.timeS), toY(moment)));
      context.lineTo(toX(stretch[stretch.length - 1].timeS), floor);
      context.fillStyle = color;
      context.globalAlpha = 0.34;
      context.fill();
      context.globalAlpha = 1;
      for (let i = 1; i < stretch.length; i++) {
        if (stretch[i].emotion === name) {
          const [left, right] = [stretch[i - 1], stretch[i]];
          context.beginPath();
          context.moveTo(toX(left.timeS) - 0.25, floor);
          context.lineTo(toX(left.timeS) - 0.25, toY(left));
          context.lineTo(toX(right.timeS) + 0.25, toY(right));
          context.lineTo(toX(right.timeS) + 0.25, floor);
          context.fill();
        }
      }
    }
  }

  /** Split the moments where no face was read. */
  private stretches(): Moment[][] {
    const stretches: Moment[][] = [];
    let last: Moment | null = null;
    for (const moment of this.moments) {
      if (moment.probabilities === null) {
        last = null;
        continue;
      }
      if (last === null || moment.timeS - last.timeS > MAX_GAP_S) {
        stretches.push([]);
      }
      stretches[stretches.length - 1].push(moment);
      last = moment;
    }
    return stretches;
  }
}
