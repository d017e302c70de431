// Draws the last minute of one face: a row for each expression, as high as it is probable.

const WINDOW_S = 60;
const GAP_S = 1;

export class Timeline {
  constructor(canvas, colors) {
    this.canvas = canvas;
    this.colors = colors;
    this.samples = [];
  }

  /** Take what was found at a time: smoothed probabilities in order, or null where no face is. */
  push(time, values, named, track) {
    this.samples.push({ time, values, named, track });
    while (this.samples[0].time < time - WINDOW_S) this.samples.shift();
  }

  draw(now) {
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
    const row = height / this.colors.length;
    const x = (time) => width * (1 - (now - time) / WINDOW_S);
    this.hatch(pen, x, height, style.getPropertyValue("--soft"));
    this.colors.forEach((color, index) => {
      const foot = row * (index + 1) - 1;
      pen.fillStyle = style.getPropertyValue("--line");
      pen.fillRect(0, foot, width, 1);
      for (const run of this.runs()) {
        this.area(pen, run, index, x, foot, row - 3, color, style.getPropertyValue("--edge"));
      }
    });
  }

  /** Cut the samples where the face is not there, or is another. */
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

  /** Hatch the stretches in which no expression is named. */
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
