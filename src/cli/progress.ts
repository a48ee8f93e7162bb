/**
 * How far something is that takes long: one line on standard error, rewritten in place, on a terminal only.
 *
 * It is silent for the first second, then says what is done, how much of how much, and about when it ends. What others write
 * to the same terminal meanwhile stands above it, whoever writes it: the line steps aside.
 * @module
 */
import { performance } from 'node:perf_hooks';
import { type Terminal, widthOf } from './screen.ts';

/** Milliseconds: until it speaks, between two looks, and after which an end can be told. */
const Wait = { FIRST: 1000, EVERY: 250, ESTIMATE: 2000 } as const;
const CLEAR = '\r\x1b[K';

export interface ProgressOptions {
  /** What is being done: `bench:loss`. */
  readonly what: string;
  /** How much there is of it; none: nobody knows. */
  readonly total?: number | undefined;
  /** Of what: `runs`. Of `s` it needs no count, since time passes by itself. */
  readonly unit?: string;
  /** Asked at each look: what is done. */
  readonly poll?: () => number;
  /** Where it speaks; default `process.stderr`, and `process.stdout` as what may be written to meanwhile. */
  readonly err?: Terminal;
  readonly out?: Terminal;
  /** Milliseconds of any zero. */
  readonly now?: () => number;
}

/** 45 s, 3 min 20 s, 1 h 5 min. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export class Progress {
  /** Whether anybody would see it. */
  readonly isLive: boolean;
  readonly #options: ProgressOptions;
  readonly #err: Terminal;
  readonly #now: () => number;
  readonly #began: number;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #restore: (() => void)[] = [];
  #drawn = Number.NEGATIVE_INFINITY;
  #done = 0;
  #detail = '';
  #line = '';
  #isOver = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#err = options.err ?? process.stderr;
    this.#now = options.now ?? (() => performance.now());
    this.#began = this.#now();
    this.isLive = this.#err.isTTY === true;
    if (!this.isLive) return;
    this.#watch(this.#err);
    const out = options.out ?? process.stdout;
    if (out.isTTY === true && out !== this.#err) this.#watch(out);
    this.#timer = setInterval(() => this.#draw(), Wait.EVERY);
    this.#timer.unref();
  }

  /** So much is done; `detail`: what is next. */
  at(done: number, detail = ''): void {
    this.#done = done;
    this.#detail = detail;
    if (this.isLive && this.#now() - this.#drawn >= Wait.EVERY) this.#draw();
  }

  /** Take the line away; nothing comes any more. May be called again. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    for (const restore of this.#restore) restore();
    if (this.#line !== '') this.#err.write(CLEAR);
  }

  /** The line as it stands, of any width. */
  text(): string {
    const { what, total, unit = '' } = this.#options;
    const seconds = (this.#now() - this.#began) / 1000;
    const done = unit === 's' ? seconds : (this.#options.poll?.() ?? this.#done);
    const name = this.#detail === '' ? what : `${what}, ${this.#detail}`;
    if (total === undefined) {
      const count = unit === '' || unit === 's' ? '' : `${count3(done)} ${unit}, `;
      return `${name}: ${count}${span(seconds)}`;
    }
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const much = unit === 's' ? `${span(Math.min(done, total))} of ${span(total)}` : '';
    const counted = unit === 's' ? much : `${count3(done)} of ${count3(total)} ${unit}`.trimEnd();
    return `${name}: ${counted}, ${Math.floor(share * 100)} %${this.#left(seconds, share)}`;
  }

  #left(seconds: number, share: number): string {
    if (share <= 0 || share >= 1 || seconds * 1000 < Wait.ESTIMATE) return '';
    return `, about ${span((seconds * (1 - share)) / share)} left`;
  }

  #draw(): void {
    const now = this.#now();
    if (this.#isOver || now - this.#began < Wait.FIRST) return;
    this.#drawn = now;
    // A line that wraps can be written over only in its last part.
    this.#line = this.text().slice(0, widthOf(this.#err) - 1);
    this.#show();
  }

  #isShowing = false;

  #show(): void {
    this.#isShowing = true;
    this.#err.write(CLEAR + this.#line);
    this.#isShowing = false;
  }

  /** Whatever is written there: the line goes before it, and comes back after whole lines. */
  #watch(terminal: Terminal): void {
    const { write } = terminal;
    const passed = (...words: Parameters<Terminal['write']>): unknown => {
      if (this.#isShowing || this.#line === '') return write.apply(terminal, words);
      this.#isShowing = true;
      this.#err.write(CLEAR);
      this.#isShowing = false;
      const result = write.apply(terminal, words);
      if (String(words[0]).endsWith('\n')) this.#show();
      return result;
    };
    terminal.write = passed;
    this.#restore.push(() => {
      terminal.write = write;
    });
  }
}

const count3 = (value: number): string =>
  Number.isInteger(value) ? `${value}` : `${Number(value.toPrecision(3))}`;

/** Do `work` while its progress is shown. */
export async function withProgress<T>(
  options: ProgressOptions,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = new Progress(options);
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}
