/** Graphs that move: some numbers over the last minutes, by uPlot. */

import { colour, make, onScheme, setText } from './dom.js';
import { BINARY_STEPS, bytes } from './format.js';

const HEIGHT = 168;
/** Seconds that are shown at the least. */
const LEAST = 15;

/** A square in the colour of a series; a shape too, for those who do not tell colours apart. */
function swatch({ colour: name, dash }) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 11 11');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(space, 'path');
  line.setAttribute('d', dash ? 'M0 5.5h4M7 5.5h4' : 'M0 5.5h11');
  line.style.stroke = `var(--${name})`;
  line.style.strokeWidth = '3';
  svg.append(line);
  return svg;
}

/** The frame of a graph: a caption with the keys to its series, and a place for the picture. */
export function figure(title, series, id) {
  const values = series.map(() => make('b', {}, '–'));
  const keys = series.map((one, i) =>
    make('span', { class: 'key' }, swatch(one), `${one.label} `, values[i]),
  );
  const plot = make('div', { class: 'plot', role: 'img', 'aria-label': title });
  const element = make(
    'figure',
    { class: 'graph', id },
    make('figcaption', {}, make('h3', {}, title), ...keys),
    plot,
  );
  return { element, plot, values };
}

/** An axis of uPlot in the page's colours. */
export function axis(extra) {
  return {
    stroke: () => colour('soft'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { show: false },
    ...extra,
  };
}

/** The axis of values, which `format` says; bytes have steps of powers of two. */
export const valueAxis = (format) =>
  axis({
    values: (_plot, ticks) => ticks.map(format),
    size: 80,
    space: 36,
    ...(format === bytes && { incrs: BINARY_STEPS }),
  });

/** Lines of uPlot for series as graphs are given them, after the one of times. */
export const lines = (series) => [
  {},
  ...series.map(({ label, colour: name, dash, fill }) => ({
    label,
    width: 2,
    dash,
    points: { show: false },
    stroke: () => colour(name),
    fill: fill ? () => `color-mix(in srgb, ${colour(name)} 13%, transparent)` : undefined,
  })),
];

/** Keep a graph as wide as its place, and in the colours of the hour. */
export function keepWidth(plot, host, height) {
  new ResizeObserver(() => {
    const width = Math.floor(host.clientWidth);
    if (width > 0 && width !== plot.width) plot.setSize({ width, height });
  }).observe(host);
  onScheme(() => plot.redraw(false));
}

/** From 0 to a little above the most, and never nothing. */
export const fromZero = (floor) => (_plot, _least, most) => [
  0,
  Math.max(floor, (most ?? 0) * 1.12),
];

/**
 * `series`: `{ label, colour, dash?, fill? }` each, colours being names of custom properties. `format` says a value.
 * Keeps the last `seconds`.
 */
export class StreamChart {
  #plot;
  #figure;
  #title;
  #series;
  #format;
  #seconds;
  #data;

  constructor({ title, series, format, seconds = 120, floor = 1, id, height = HEIGHT }) {
    this.#title = title;
    this.#series = series;
    this.#format = format;
    this.#seconds = seconds;
    this.#data = [[], ...series.map(() => [])];
    this.#figure = figure(title, series, id);
    const { plot: host } = this.#figure;
    this.#plot = new uPlot(
      {
        width: 320,
        height,
        padding: [8, 26, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
        scales: { x: { time: true }, y: { range: fromZero(floor) } },
        axes: [axis({ values: '{HH}:{mm}:{ss}', space: 84, size: 22 }), valueAxis(format)],
        series: lines(series),
        hooks: { setCursor: [() => this.#say()] },
      },
      this.#data,
      host,
    );
    keepWidth(this.#plot, host, height);
  }

  get element() {
    return this.#figure.element;
  }

  /** A moment, in seconds since 1970, and a value for each series; null where there is none. */
  push(time, values) {
    const [times] = this.#data;
    times.push(time);
    values.forEach((value, i) => {
      this.#data[i + 1].push(value);
    });
    let old = 0;
    while (times[old] < time - this.#seconds) old++;
    if (old > 0) for (const column of this.#data) column.splice(0, old);
    this.#plot.setData(this.#data, false);
    // Who has just come sees what there is, wide, and not the emptiness before it.
    const first = Math.max(time - this.#seconds, Math.min(times[0], time - LEAST));
    this.#plot.setScale('x', { min: first, max: time });
    this.#say();
    this.#figure.plot.setAttribute('aria-label', this.describe());
  }

  clear() {
    for (const column of this.#data) column.length = 0;
    this.#plot.setData(this.#data);
  }

  /** What the picture shows, in words. */
  describe() {
    const parts = this.#series.map(({ label }, i) => {
      const known = this.#data[i + 1].filter((value) => value !== null);
      if (known.length === 0) return `${label}: nothing yet`;
      const say = this.#format;
      return `${label}: now ${say(known.at(-1))}, least ${say(Math.min(...known))}, most ${say(Math.max(...known))}`;
    });
    return `${this.#title}, the last ${this.#seconds} seconds. ${parts.join('. ')}.`;
  }

  /** Above the picture: the values under the pointer, or those of now. */
  #say() {
    const at = this.#plot?.cursor?.idx ?? this.#data[0].length - 1;
    this.#figure.values.forEach((element, i) => {
      const value = this.#data[i + 1][at];
      setText(element, value === undefined || value === null ? '–' : this.#format(value));
    });
  }
}
