/**
 * Lets the time of a lab pass: at a pace, until it pauses; and keeps what was seen, for those who come later.
 *
 * It has no clock of its own: who calls `pass` says how much of our time went by.
 * @module
 */
import {
  Lab,
  type LabBatch,
  type LabOptions,
  type LabSample,
  type SequenceEvent,
  type SettingName,
} from '../../lab.ts';

/** How it stands; what a page shows besides graphs. */
export interface LabState {
  /** Which run it is: graphs of another one begin anew. */
  readonly run: number;
  /** Seconds from its beginning. */
  readonly now: number;
  readonly isPlaying: boolean;
  /** Null: as fast as it goes. */
  readonly speed: number | null;
  /** What of the speed was reached of late, if it is less: 0 to 1. */
  readonly pace: number;
  readonly preset: string;
  readonly seed: number;
  readonly congestion: string;
  readonly sack: boolean;
  readonly settings: Lab['settings'];
  readonly isOver: boolean;
  /** The command that plays it again. */
  readonly command: string;
  readonly last: LabSample | undefined;
}

/** A sample as a row of numbers: time in seconds, then as the names say. */
export type Row = readonly (number | null)[];
export const COLUMNS = [
  'at',
  'cwnd',
  'ssthresh',
  'inFlight',
  'rtt',
  'window',
  'unread',
  'received',
  'queued',
] as const;

/** What graphs are made of. Times of events are in seconds. */
export interface Seen {
  readonly run: number;
  readonly rows: readonly Row[];
  readonly a: readonly SequenceEvent[];
  readonly b: readonly SequenceEvent[];
  readonly missed: number;
}

/** Microseconds of the lab between two looks at the clock. */
const SLICE = 2000;
/** A step waits at most so long for a packet. */
const STEP = 10e6;
/** What is kept for those who come later: of rows every other one goes when there are more, of events the oldest. */
const MOST_ROWS = 8000;
const MOST_EVENTS = 20_000;

const rowOf = ({ at, a, b, forth }: LabSample): Row => [
  ...[at / 1e6, a.cwnd, a.ssthresh, a.inFlight, a.rtt, b.window, b.unread, b.received],
  forth.queued,
];

const inSeconds = (events: readonly SequenceEvent[]): SequenceEvent[] =>
  events.map((event) => ({ ...event, at: event.at / 1e6 }));

export class Runner {
  #lab: Lab;
  #run = 1;
  #isPlaying = true;
  #speed: number;
  #pace = 1;
  readonly #seconds: number;
  /** When it pauses by itself, in its own microseconds. */
  #until: number;
  /** Time that is owed: less than a microsecond, or what could not be done in time. */
  #owed = 0;
  #last: LabSample | undefined;
  #rows: Row[] = [];
  #events: { a: SequenceEvent[]; b: SequenceEvent[] } = { a: [], b: [] };

  constructor(lab: LabOptions, speed: number, seconds: number) {
    this.#lab = new Lab(lab);
    this.#speed = speed;
    this.#seconds = seconds;
    this.#until = seconds * 1e6;
  }

  get state(): LabState {
    const lab = this.#lab;
    const { preset, seed, congestion, sack, settings, isOver } = lab;
    return {
      run: this.#run,
      now: lab.now / 1e6,
      isPlaying: this.#isPlaying,
      speed: Number.isFinite(this.#speed) ? this.#speed : null,
      pace: Math.round(this.#pace * 100) / 100,
      ...{ preset: preset.name, seed, congestion, sack, settings, isOver },
      command: lab.words().join(' '),
      last: this.#last,
    };
  }

  /** All that is kept of this run. */
  get history(): Seen {
    return { run: this.#run, rows: this.#rows, ...this.#events, missed: 0 };
  }

  /** So many microseconds of ours went by; `isLate` says when enough time was spent on it. */
  pass(micros: number, isLate: () => boolean): void {
    if (!this.#isPlaying) return;
    const isEndless = !Number.isFinite(this.#speed);
    const wanted = isEndless ? Number.POSITIVE_INFINITY : micros * this.#speed + this.#owed;
    const due = Math.floor(wanted);
    let done = 0;
    while (done < due && this.#lab.now < this.#until) {
      const slice = Math.min(SLICE, due - done, this.#until - this.#lab.now);
      this.#lab.run(slice);
      done += slice;
      if (isLate()) break;
    }
    if (this.#lab.now >= this.#until) this.#isPlaying = false;
    // What could not be done is not made up for: it would be late for ever.
    this.#owed = isEndless || done < due ? 0 : wanted - due;
    this.#pace = isEndless || done >= due ? 1 : done / due;
  }

  /** What came since the last time. */
  take(): Seen {
    const batch: LabBatch = this.#lab.take();
    this.#last = batch.samples.at(-1) ?? this.#last;
    const rows = batch.samples.map(rowOf);
    const a = inSeconds(batch.events.a);
    const b = inSeconds(batch.events.b);
    this.#rows.push(...rows);
    if (this.#rows.length > MOST_ROWS) this.#rows = this.#rows.filter((_, i) => i % 2 === 0);
    for (const [kept, more] of [
      [this.#events.a, a],
      [this.#events.b, b],
    ] as const) {
      kept.push(...more);
      if (kept.length > MOST_EVENTS) kept.splice(0, kept.length - MOST_EVENTS);
    }
    return { run: this.#run, rows, a, b, missed: batch.missed };
  }

  play(): void {
    if (this.#isPlaying) return;
    this.#isPlaying = true;
    this.#owed = 0;
    if (this.#lab.now >= this.#until) this.#until = this.#lab.now + this.#seconds * 1e6;
  }

  pause(): void {
    this.#isPlaying = false;
  }

  /** To the next packet. */
  step(): void {
    this.#isPlaying = false;
    this.#lab.step(STEP);
  }

  /** Infinity: as fast as it goes. */
  setSpeed(speed: number): void {
    this.#speed = speed;
    this.#owed = 0;
  }

  /** Throws a `RangeError` for what cannot be. */
  set(name: SettingName, value: number): void {
    this.#lab.change(name, value);
  }

  /** From the beginning; see `Lab.again`. */
  restart(options: LabOptions = {}): void {
    const lab = this.#lab.again(options);
    const isOther = lab.preset !== this.#lab.preset;
    this.#lab = lab;
    this.#run++;
    this.#last = undefined;
    this.#rows = [];
    this.#events = { a: [], b: [] };
    this.#owed = 0;
    this.#until = (isOther ? lab.preset.seconds : this.#seconds) * 1e6;
    this.#isPlaying = true;
  }
}
