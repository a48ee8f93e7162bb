/**
 * The frame of a graph in SVG: its place, its scales, the marks of its axes.
 * @module
 */

/** Of the whole picture, in pixels. */
export const Sheet = { WIDTH: 1200, LEFT: 80, RIGHT: 20, TOP: 64, GAP: 48, BOTTOM: 40 } as const;
export const INNER: number = Sheet.WIDTH - Sheet.LEFT - Sheet.RIGHT;

export const round = (n: number): number => Math.round(n * 10) / 10;

export const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

/** A step for axis marks: 1, 2 or 5 times a power of ten, so that there are at most `most`. */
function step(range: number, most: number): number {
  const raw = range / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5, 10].find((n) => n * power >= raw) ?? 10);
}

/** Marks from `low` to `high`. */
function marks(low: number, high: number, most: number): number[] {
  const by = step(high - low, most);
  const found: number[] = [];
  for (let i = Math.ceil(low / by - 1e-9); i * by <= high * (1 + 1e-12); i++) found.push(i * by);
  return found;
}

/** Seconds of the axis below, as x. */
export interface TimeAxis {
  readonly from: number;
  readonly to: number;
  readonly x: (seconds: number) => number;
}

export function timeAxis(from: number, to: number): TimeAxis {
  const span = Math.max(1e-6, to - from);
  return { from, to: from + span, x: (s) => round(Sheet.LEFT + ((s - from) / span) * INNER) };
}

/** One graph's place: what a value is as a height, and the marks on both axes. */
export interface Frame {
  readonly top: number;
  readonly height: number;
  readonly y: (value: number) => number;
  readonly marks: string;
}

/** `low` and `high`: what the graph reaches from and to; `say` writes a value of its axis. */
export function frame(
  top: number,
  height: number,
  [low, high]: readonly [number, number],
  axis: TimeAxis,
  say: (value: number) => string,
): Frame {
  const y = (value: number): number => {
    const clipped = Math.min(high, Math.max(low, value));
    return round(top + height - ((clipped - low) / (high - low)) * height);
  };
  const right = Sheet.LEFT + INNER;
  const parts = [
    `<rect x="${Sheet.LEFT}" y="${top}" width="${INNER}" height="${height}" class="frame"/>`,
  ];
  for (const value of marks(low, high, Math.max(3, Math.floor(height / 50)))) {
    const at = y(value);
    parts.push(
      `<path d="M${Sheet.LEFT} ${at}H${right}" class="grid"/>`,
      `<text x="${Sheet.LEFT - 6}" y="${at + 4}" text-anchor="end">${say(value)}</text>`,
    );
  }
  for (const value of marks(axis.from, axis.to, 10)) {
    const at = axis.x(value);
    const label = `${Number(value.toPrecision(9))} s`;
    parts.push(
      `<path d="M${at} ${top}V${top + height}" class="grid"/>`,
      `<text x="${at}" y="${top + height + 16}" text-anchor="middle">${label}</text>`,
    );
  }
  return { top, height, y, marks: parts.join('\n') };
}

/** A line of steps; points that fall on the last one are left out. */
export class Steps {
  #path = '';
  #isDown = false;
  #x = Number.NaN;
  #y = Number.NaN;

  to(x: number, y: number): void {
    if (this.#isDown && Math.abs(x - this.#x) < 0.5 && Math.abs(y - this.#y) < 0.5) return;
    this.#path += this.#isDown ? `H${x}V${y}` : `M${x} ${y}`;
    this.#isDown = true;
    this.#x = x;
    this.#y = y;
  }

  /** Begin anew with the next point: what lies between is not known. */
  lift(): void {
    this.#isDown = false;
  }

  end(x: number): string {
    return this.#isDown ? `${this.#path}H${x}` : this.#path;
  }
}

/** Strokes upward, of which those that would be drawn on one another are drawn once. */
export class Strokes {
  readonly #seen: Set<string> = new Set();
  readonly #least: number;
  #path = '';

  /** No stroke is shorter than `least` pixels. */
  constructor(least: number = 0.6) {
    this.#least = least;
  }

  add(x: number, from: number, to: number): void {
    const key = `${Math.round(x * 2)} ${Math.round(from)} ${Math.round(to)}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#path += `M${x} ${from}V${Math.min(to, round(from - this.#least))}`;
  }

  get path(): string {
    return this.#path;
  }
}
