/**
 * The three kinds of plot of the page, as inline SVG that takes its colours from the page's style:
 * bars with their spread, ranges on a logarithmic axis, and lines over the number of streams.
 * @module
 */
import type { Spread } from '../../support/spread.ts';
import { escapeHtml, figure, tick, withSpread } from './figures.ts';

export interface Bar {
  readonly label: string;
  /** Names the colour. */
  readonly key: string;
  readonly value: Spread;
}

export interface Range {
  readonly label: string;
  readonly key: string;
  /** In ascending order: p50, p99, p99.9. */
  readonly points: readonly number[];
}

export interface Line {
  readonly label: string;
  readonly key: string;
  readonly points: readonly { readonly x: number; readonly y: Spread }[];
}

const WIDTH = 720;
const LABELS = 190;
const FIGURES = 128;
const ROW = 30;
const AXIS = 26;

const color = (key: string): string => `var(--c-${key.split('-')[0]}, var(--c-other))`;

const text = (x: number, y: number, words: string, kind = '', anchor = 'start'): string =>
  `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escapeHtml(words)}</text>`;

function svg(height: number, label: string, body: readonly string[]): string {
  const name = `role="img" aria-label="${escapeHtml(label)}"`;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" ${name}>${body.join('')}</svg>`;
}

/** 1, 2 or 5 times a power of ten, so that about `count` of them make up `most`. */
function step(most: number, count: number): number {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((times) => times * power >= rough) ?? 10;
  return factor * power;
}

function grid(most: number, at: (value: number) => number, top: number, bottom: number): string[] {
  const each = step(most, 5);
  const lines: string[] = [];
  for (let value = 0; value <= most * 1.0001; value += each) {
    const x = at(value).toFixed(1);
    lines.push(`<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" class="grid"/>`);
    lines.push(text(Number(x), bottom + 15, tick(value), 'tick', 'middle'));
  }
  return lines;
}

/** Horizontal bars, the whisker from the worst to the best run. */
export function bars(label: string, unit: string, list: readonly Bar[]): string {
  const height = list.length * ROW + AXIS;
  const most = Math.max(...list.map(({ value }) => value.max)) || 1;
  const span = WIDTH - LABELS - FIGURES;
  const at = (value: number): number => LABELS + (value / most) * span;
  const rows = list.flatMap(({ label: name, key, value }, i) => {
    const top = i * ROW + 5;
    const middle = top + 10;
    const [x1, x2] = [at(value.min).toFixed(1), at(value.max).toFixed(1)];
    const width = Math.max(1, at(value.median) - LABELS).toFixed(1);
    return [
      `<g><title>${escapeHtml(`${name}: ${withSpread(value)} ${unit}, ${value.n} runs`)}</title>`,
      text(LABELS - 10, middle + 4, name, 'name', 'end'),
      `<rect x="${LABELS}" y="${top}" width="${width}" height="20" rx="3" fill="${color(key)}"/>`,
      `<path d="M${x1} ${middle - 4}v8M${x1} ${middle}H${x2}M${x2} ${middle - 4}v8" class="whisker"/>`,
      text(WIDTH - FIGURES + 14, middle + 4, `${figure(value.median)} ${unit}`, 'figure'),
      '</g>',
    ];
  });
  return svg(height, label, [...grid(most, at, 0, list.length * ROW), ...rows]);
}

/** From p50 to p99.9, on a logarithmic axis. */
export function ranges(label: string, unit: string, list: readonly Range[]): string {
  const height = list.length * ROW + AXIS;
  const bottom = list.length * ROW;
  const all = list.flatMap(({ points }) => points).filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(...all)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...all) * 1.0001));
  const span = WIDTH - LABELS - FIGURES;
  const at = (value: number): number =>
    LABELS + (Math.log10(value / low) / Math.log10(high / low)) * span;
  const lines: string[] = [];
  for (let value = low; value <= high * 1.0001; value *= 10) {
    const x = at(value).toFixed(1);
    lines.push(`<line x1="${x}" x2="${x}" y1="0" y2="${bottom}" class="grid"/>`);
    lines.push(text(Number(x), bottom + 15, `${tick(value)} ${unit}`, 'tick', 'middle'));
  }
  const rows = list.flatMap(({ label: name, key, points }, i) => {
    const y = i * ROW + 15;
    const [p50 = low, p99 = p50, p999 = p99] = points;
    const words = `${name}: p50 ${figure(p50)}, p99 ${figure(p99)}, p99.9 ${figure(p999)} ${unit}`;
    return [
      `<g><title>${escapeHtml(words)}</title>`,
      text(LABELS - 10, y + 4, name, 'name', 'end'),
      `<line x1="${at(p50)}" x2="${at(p99)}" y1="${y}" y2="${y}" stroke="${color(key)}" stroke-width="5" stroke-linecap="round"/>`,
      `<line x1="${at(p99)}" x2="${at(p999)}" y1="${y}" y2="${y}" stroke="${color(key)}" stroke-width="2" stroke-dasharray="3 3"/>`,
      `<circle cx="${at(p50)}" cy="${y}" r="7" fill="${color(key)}"/>`,
      `<circle cx="${at(p99)}" cy="${y}" r="4" class="tail" stroke="${color(key)}"/>`,
      text(WIDTH - FIGURES + 14, y + 4, `${figure(p50)} / ${figure(p99)} ${unit}`, 'figure'),
      '</g>',
    ];
  });
  return svg(height, label, [...lines, ...rows]);
}

/** Over a logarithmic axis of streams; a band from the worst to the best run. */
export function lines(label: string, unit: string, list: readonly Line[]): string {
  const [left, right, top, bottom] = [56, WIDTH - 16, 14, 250];
  const xs = [...new Set(list.flatMap(({ points }) => points.map(({ x }) => x)))].sort(
    (a, b) => a - b,
  );
  const most = Math.max(...list.flatMap(({ points }) => points.map(({ y }) => y.max))) || 1;
  const x = (value: number): number =>
    left + 20 + (xs.length < 2 ? 0 : (xs.indexOf(value) / (xs.length - 1)) * (right - left - 40));
  const y = (value: number): number => bottom - (value / most) * (bottom - top);
  const frame: string[] = [];
  const each = step(most, 5);
  for (let value = 0; value <= most * 1.0001; value += each) {
    const at = y(value).toFixed(1);
    frame.push(`<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" class="grid"/>`);
    frame.push(text(left - 8, Number(at) + 4, tick(value), 'tick', 'end'));
  }
  for (const value of xs) frame.push(text(x(value), bottom + 18, String(value), 'tick', 'middle'));
  frame.push(text(right, bottom + 34, 'streams', 'tick', 'end'));
  frame.push(text(left, top - 3, unit, 'tick'));
  const drawn = list.flatMap(({ label: name, key, points }) => {
    const there = points.map((p) => `${x(p.x).toFixed(1)},${y(p.y.max).toFixed(1)}`);
    const back = [...points].reverse().map((p) => `${x(p.x).toFixed(1)},${y(p.y.min).toFixed(1)}`);
    const middle = points.map((p) => `${x(p.x).toFixed(1)},${y(p.y.median).toFixed(1)}`);
    const dots = points.map(
      (p) =>
        `<circle cx="${x(p.x)}" cy="${y(p.y.median)}" r="4.5" fill="${color(key)}">` +
        `<title>${escapeHtml(`${name}, ${p.x} streams: ${withSpread(p.y)} ${unit}`)}</title></circle>`,
    );
    return [
      `<polygon points="${[...there, ...back].join(' ')}" fill="${color(key)}" opacity="0.13"/>`,
      `<polyline points="${middle.join(' ')}" fill="none" stroke="${color(key)}" stroke-width="2.5"/>`,
      ...dots,
    ];
  });
  return svg(bottom + 40, label, [...frame, ...drawn]);
}
