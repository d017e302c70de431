/** This module turns the last seconds of a face into a picture: one lane for each emotion. */

import { colorOf } from "./palette";
import type { Probabilities } from "../reading/results";

/** How much time is shown. */
export const WINDOW_S = 30;
/** Readings further apart than this are not joined. */
const MAX_GAP_S = 1;
const LABEL_PX = 74;

/** What was read of one face at one time; `emotion` is null where none was named. */
export interface Moment {
  readonly timeS: number;
  readonly probabilities: Probabilities | null;
  readonly emotion: string | null;
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

  /** Say in words what the picture shows. */
  describe(): string {
    const counts = new Map<string, number>();
    const read = this.moments.filter(({ probabilities }) => probabilities !== null);
    read.forEach(({ emotion }) => counts.set(emotion ?? "uncertain", (counts.get(emotion ?? "uncertain") ?? 0) + 1));
    const parts = [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 3)
      .map(([word, count]) => `${word} ${Math.round((100 * count) / read.length)} %`);
    return parts.length ? `Timeline of the last ${WINDOW_S} seconds: ${parts.join(", ")} of the time` : "Timeline: nothing was read yet";
  }

  draw(names: readonly string[], isDark: boolean): void {
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
    const style = getComputedStyle(this.canvas);
    const lane = height / names.length;
    const now = this.moments.at(-1)?.timeS ?? 0;
    const toX = (timeS: number): number => LABEL_PX + (width - LABEL_PX) * (1 - (now - timeS) / WINDOW_S);
    names.forEach((name, index) => {
      const floor = Math.round((index + 1) * lane) - 0.5;
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
      context.save();
      context.beginPath();
      context.rect(LABEL_PX, 0, width - LABEL_PX, height);
      context.clip();
      this.drawLane(context, name, toX, floor, lane - 3, colorOf(name, names, isDark));
      context.restore();
    });
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
