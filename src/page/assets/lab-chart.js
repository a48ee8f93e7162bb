/** Graphs over the lab's own time: all of it, or the last seconds. */
import { axis, figure, fromZero, keepWidth, lines, valueAxis } from './chart.js';
import { setText } from './dom.js';

const LAB_HEIGHT = 168;
const MOST_POINTS = 20_000;

/** `series`: `{ label, colour, dash?, fill? }` each; `format` says a value. Times are seconds from the beginning. */
export class LabChart {
  #plot;
  #figure;
  #title;
  #series;
  #format;
  #data;
  #span = 0;

  constructor({ title, series, format, floor = 1, id }) {
    this.#title = title;
    this.#series = series;
    this.#format = format;
    this.#data = [[], ...series.map(() => [])];
    this.#figure = figure(title, series, id);
    const { plot: host } = this.#figure;
    this.#plot = new uPlot(
      {
        width: 320,
        height: LAB_HEIGHT,
        padding: [8, 16, 0, 0],
        legend: { show: false },
        cursor: {
          y: false,
          drag: { x: false, y: false },
          points: { size: 7 },
          sync: { key: 'lab' },
        },
        scales: { x: { time: false }, y: { range: fromZero(floor) } },
        axes: [
          axis({
            values: (_p, ticks) => ticks.map((t) => `${Number(t.toPrecision(6))} s`),
            size: 30,
          }),
          valueAxis(format),
        ],
        series: lines(series),
        hooks: { setCursor: [() => this.#say()] },
      },
      this.#data,
      host,
    );
    keepWidth(this.#plot, host, LAB_HEIGHT);
  }

  get element() {
    return this.#figure.element;
  }

  /** Show the last so many seconds; 0: all of it. */
  set span(seconds) {
    this.#span = seconds;
    this.#draw();
  }

  clear() {
    for (const column of this.#data) column.length = 0;
    this.#draw();
  }

  /** Points: `[time, value, value ...]` each. */
  push(points) {
    for (const point of points) {
      this.#data.forEach((column, i) => {
        column.push(point[i] ?? null);
      });
    }
    const more = this.#data[0].length - MOST_POINTS;
    if (more > 0) for (const column of this.#data) column.splice(0, more);
    this.#draw();
  }

  #draw() {
    const [times] = this.#data;
    const last = times.at(-1) ?? 1;
    const first = this.#span > 0 ? Math.max(0, last - this.#span) : (times[0] ?? 0);
    this.#plot.setData(this.#data, false);
    this.#plot.setScale('x', { min: first, max: Math.max(last, first + 0.01) });
    this.#say();
    this.#figure.plot.setAttribute('aria-label', this.describe());
  }

  /** What the picture shows, in words. */
  describe() {
    const say = this.#format;
    const parts = this.#series.map(({ label }, i) => {
      let least = Number.POSITIVE_INFINITY;
      let most = Number.NEGATIVE_INFINITY;
      let now = null;
      for (const value of this.#data[i + 1]) {
        if (value === null) continue;
        least = Math.min(least, value);
        most = Math.max(most, value);
        now = value;
      }
      if (now === null) return `${label}: nothing yet`;
      return `${label}: now ${say(now)}, least ${say(least)}, most ${say(most)}`;
    });
    return `${this.#title}. ${parts.join('. ')}.`;
  }

  #say() {
    const at = this.#plot?.cursor?.idx ?? this.#data[0].length - 1;
    this.#figure.values.forEach((element, i) => {
      const value = this.#data[i + 1][at];
      setText(element, value === undefined || value === null ? '–' : this.#format(value));
    });
  }
}
