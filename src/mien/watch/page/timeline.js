// Draws the last minute of one face: a row for each expression, over a time axis.

const WINDOW_S = 60;
const GAP_S = 1;
export const AXIS_PX = 18;
const TICK_PX = 56; // room for a tick's label

export class Timeline {
  constructor(canvas, colors) {
    this.canvas = canvas;
    this.colors = colors;
    this.samples = [];
  }

  /** Add a reading: smoothed probabilities in order, or null if there is no face. */
  push(time, values, named, track) {
    this.samples.push({ time, values, named, track });
    while (this.samples[0].time < time - WINDOW_S) this.samples.shift();
  }

  draw(now) {
    this.now = now;
    const scale = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (this.canvas.width !== Math.round(width * scale)) this.canvas.width = Math.round(width * scale);
    if (this.canvas.height !== Math.round(height * scale)) {
      this.canvas.height = Math.round(height * scale);
    }
    const pen = this.canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const row = (height - AXIS_PX) / this.colors.length;
    const x = (time) => width * (1 - (now - time) / WINDOW_S);
    this.axis(pen, x, width, height, style);
    this.hatch(pen, x, height - AXIS_PX, style.getPropertyValue("--soft"));
    this.colors.forEach((color, index) => {
      const foot = row * (index + 1) - 1;
      pen.fillStyle = style.getPropertyValue("--line");
      pen.fillRect(0, foot, width, 1);
      for (const run of this.runs()) {
        this.area(pen, run, index, x, foot, row - 3, color, style.getPropertyValue("--edge"));
      }
    });
  }

  /** Draw the time axis, which counts back from now. */
  axis(pen, x, width, height, style) {
    const step = [10, 15, 20, 30].find((one) => (width * one) / WINDOW_S >= TICK_PX) ?? WINDOW_S;
    pen.font = "11px system-ui, sans-serif";
    for (let age = WINDOW_S; age >= 0; age -= step) {
      const place = Math.min(x(this.now - age), width - 0.5);
      pen.fillStyle = style.getPropertyValue("--line");
      pen.fillRect(Math.round(place), 0, 1, height - AXIS_PX + 4);
      const words = age ? `−${age} s` : "now";
      const long = pen.measureText(words).width;
      pen.fillStyle = style.getPropertyValue("--soft");
      pen.fillText(words, Math.min(Math.max(place - long / 2, 0), width - long), height - 4);
    }
  }

  /** Split the samples where the face is missing or is another. */
  *runs() {
    let run = [];
    for (const sample of this.samples) {
      const last = run[run.length - 1];
      const goesOn = last && sample.track === last.track && sample.time - last.time < GAP_S;
      if (run.length && !(sample.values && goesOn)) {
        yield run;
        run = [];
      }
      if (sample.values) run.push(sample);
    }
    if (run.length) yield run;
  }

  area(pen, run, index, x, foot, high, color, edge) {
    const points = run.map((one) => [x(one.time), foot - high * one.values[index]]);
    pen.beginPath();
    pen.moveTo(points[0][0], foot);
    for (const point of points) pen.lineTo(...point);
    pen.lineTo(points[points.length - 1][0], foot);
    pen.fillStyle = color;
    pen.globalAlpha = 0.85;
    pen.fill();
    pen.beginPath();
    for (const point of points) pen.lineTo(...point);
    pen.strokeStyle = edge;
    pen.globalAlpha = 0.7;
    pen.lineWidth = 1;
    pen.stroke();
    pen.globalAlpha = 1;
  }

  /** Hatch the periods in which no expression is named. */
  hatch(pen, x, height, ink) {
    pen.strokeStyle = ink;
    pen.globalAlpha = 0.45;
    pen.lineWidth = 1;
    for (const run of this.runs()) {
      run.forEach((one, at) => {
        const next = run[at + 1];
        if (one.named || !next) return;
        const [left, right] = [x(one.time), x(next.time)];
        pen.save();
        pen.beginPath();
        pen.rect(left, 0, right - left, height);
        pen.clip();
        pen.beginPath();
        for (let at = Math.floor((left - height) / 7) * 7; at < right; at += 7) {
          pen.moveTo(at, height);
          pen.lineTo(at + height, 0);
        }
        pen.stroke();
        pen.restore();
      });
    }
    pen.globalAlpha = 1;
  }
}
