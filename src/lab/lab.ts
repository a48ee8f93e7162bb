/**
 * The lab: two stacks on an impaired link in virtual time, one connection between them, and what both of its ends see.
 *
 * It is the world of the simulations, so a run is a function of its seed, its settings and the times at which they
 * were moved: the same three give the same packets and the same samples, whoever lets time pass, and in what pieces.
 * @module
 */
import type { Impairment } from '../device/impair/impairment.ts';
import { TcpPacket } from '../sequence/packet.ts';
import { Sequence, type SequenceEvent } from '../sequence/sequence.ts';
import { ANY } from '../stack/base/address.ts';
import type { CongestionName } from '../stack/tcp/tcb/settings.ts';
import { End } from './ends.ts';
import { type LabPreset, presetOf } from './presets.ts';
import { type LabSample, takeSample } from './sample.ts';
import {
  checkSetting,
  type LabChange,
  type LabSettings,
  SETTING_NAMES,
  type SettingName,
} from './settings.ts';
import { type SimHost, World } from './world.ts';

/** What a run is made of. */
export interface LabOptions {
  /** The lesson that it begins with; default `slow-start`. */
  readonly preset?: string;
  /** Of all chance; default 1. A whole number, of which the low 32 bits count. */
  readonly seed?: number;
  /** What differs from the lesson. */
  readonly settings?: Partial<LabSettings>;
  /** `cubic` or `newreno`, if not the lesson's. */
  readonly congestion?: CongestionName;
  /** Whether the ends may use SACK (RFC 2018), and with it RACK; default true. */
  readonly sack?: boolean;
  /** What is moved, besides what the lesson moves. In the order of time. */
  readonly changes?: readonly LabChange[];
  /** Octets that a sends, then it closes; default no end. */
  readonly bytes?: number;
}

/** What an end sees of the text from a to b. */
export interface LabEvents {
  /** As the sender sees it. */
  readonly a: readonly SequenceEvent[];
  /** As the receiver does. */
  readonly b: readonly SequenceEvent[];
}

/** What came since it was last taken. */
export interface LabBatch {
  /** One each `SAMPLE_EVERY` of the lab's time, in its order. */
  readonly samples: readonly LabSample[];
  /** Those of the time-sequence graphs. */
  readonly events: LabEvents;
  /** Events that were left out, since nobody took them. */
  readonly missed: number;
}

/** Microseconds between two samples. */
export const SAMPLE_EVERY = 10_000;
/** What is kept until somebody takes it. */
const MOST_EVENTS = 50_000;
const MOST_SAMPLES = 20_000;
const PORT = 80;
/** What packets count from in events: graphs need no round trips and flights, which samples have. */
const SHOWN: ReadonlySet<SequenceEvent['kind']> = new Set([
  ...(['sent', 'resent', 'filled', 'acked', 'sacked', 'doubled', 'syn', 'fin', 'reset'] as const),
]);

/** Of the link, from settings. */
function impairments(settings: LabSettings): { out: Impairment; in: Impairment } {
  const way = {
    delay: settings.delay * 1000,
    rate: settings.rate * 1e6,
    queuePackets: settings.queue,
  };
  return {
    out: {
      ...way,
      loss: settings.loss / 100,
      reorder: settings.reorder / 100,
      reorderDelay: settings.late * 1000,
    },
    in: way,
  };
}

/** Two stacks and the link between them. A run is a function of its options and of when they were moved. */
export class Lab {
  /** The lesson that it began with. */
  readonly preset: LabPreset;
  /** Of all chance. */
  readonly seed: number;
  /** Of both ends. */
  readonly congestion: CongestionName;
  /** Whether the ends may use SACK. */
  readonly sack: boolean;
  readonly #options: LabOptions;
  readonly #world: World;
  readonly #began: number;
  readonly #a: End;
  readonly #b: End;
  #settings: LabSettings;
  /** What is still to be moved by itself, in the order of time. */
  readonly #coming: LabChange[];
  readonly #moved: LabChange[] = [];
  #nextSample = 0;
  #samples: LabSample[] = [];
  #events: { a: SequenceEvent[]; b: SequenceEvent[] } = { a: [], b: [] };
  #missed = 0;

  /** Throws a `RangeError` for what cannot be. Nothing has moved yet. */
  constructor(options: LabOptions = {}) {
    this.#options = options;
    this.preset = presetOf(options.preset ?? 'slow-start');
    const { preset } = this;
    this.seed = options.seed ?? 1;
    if (!Number.isSafeInteger(this.seed)) throw new RangeError('seed: give a whole number');
    this.congestion = options.congestion ?? preset.congestion;
    this.sack = options.sack ?? true;
    this.#settings = { ...preset.settings, ...options.settings };
    for (const name of SETTING_NAMES) checkSetting(name, this.#settings[name]);
    this.#coming = [...preset.changes, ...(options.changes ?? [])].sort((x, y) => x.at - y.at);
    for (const { at, name, value } of this.#coming) {
      checkSetting(name, value);
      if (!(at >= 0)) throw new RangeError(`${name}: give a time from 0 on`);
    }
    const { receiveBuffer } = preset;
    const buffer = receiveBuffer && { receiveBuffer, receiveBufferMax: receiveBuffer };
    const tcp = { congestion: this.congestion, sack: this.sack, ...buffer };
    const { out, in: back } = impairments(this.#settings);
    this.#world = new World({ seed: this.seed, link: out, back, a: { tcp }, b: { tcp } });
    const { line } = this.#world;
    this.#began = line.now();
    this.#a = new End(line, { send: options.bytes ?? Number.POSITIVE_INFINITY });
    this.#b = new End(line, { send: 0 });
    this.#look(this.#world.a, this.#events.a, true);
    this.#look(this.#world.b, this.#events.b, false);
    this.#connect();
  }

  /** Microseconds from the beginning. */
  get now(): number {
    return this.#world.now - this.#began;
  }

  /** As they stand. */
  get settings(): LabSettings {
    return this.#settings;
  }

  /** What was moved by hand or by `changes`: all but what the lesson moves. */
  get changes(): readonly LabChange[] {
    return this.#moved;
  }

  /** Octets that the program at b has read. */
  get received(): number {
    return this.#b.received;
  }

  /** Whether the connection is over. */
  get isOver(): boolean {
    return this.#a.failure !== undefined;
  }

  /** Let `micros` pass: a whole number. */
  run(micros: number): void {
    const end = this.now + micros;
    for (;;) {
      const change = this.#coming[0]?.at ?? Number.POSITIVE_INFINITY;
      const stop = Math.min(end, change, this.#nextSample);
      this.#world.run(Math.max(0, stop - this.now));
      while ((this.#coming[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now) {
        const due = this.#coming.shift() as LabChange; // there is one, as was asked
        if (!this.preset.changes.includes(due)) this.#moved.push(due);
        this.#apply(due.name, due.value);
      }
      if (this.now >= this.#nextSample) this.#sample();
      if (stop >= end) return;
    }
  }

  /** Let time pass until a packet has left or reached an end, at most `micros`. */
  step(micros: number): void {
    const end = this.now + micros;
    const seen = this.#events.a.length + this.#events.b.length + this.#missed;
    while (this.now < end) {
      const next = Math.ceil(this.#world.line.next - this.#began);
      this.run(Math.max(1, Math.min(end, next) - this.now));
      if (this.#events.a.length + this.#events.b.length + this.#missed > seen) return;
    }
  }

  /** Move a setting, at this time. Throws a `RangeError` for what it may not be. */
  change(name: SettingName, value: number): void {
    const good = checkSetting(name, value);
    if (this.#settings[name] === good) return;
    // Of several at one time the last counts: a slider that is drawn tells of all places on its way.
    const last = this.#moved.at(-1);
    if (last?.at === this.now && last.name === name) this.#moved.pop();
    this.#moved.push({ at: this.now, name, value: good });
    this.#apply(name, good);
  }

  /** What came since the last time, and forget it. */
  take(): LabBatch {
    const { a, b } = this.#events;
    const batch = {
      samples: this.#samples,
      events: { a: a.splice(0), b: b.splice(0) },
      missed: this.#missed,
    };
    this.#samples = [];
    this.#missed = 0;
    return batch;
  }

  /**
   * Another run, from the beginning: what was moved by hand is where it was moved to, unless the lesson is another one;
   * `options` say what is to be different.
   */
  again(options: LabOptions = {}): Lab {
    const { preset = this.preset.name } = options;
    if (preset !== this.preset.name) return new Lab({ seed: this.seed, ...options });
    const moved = Object.fromEntries(this.#moved.map(({ name, value }) => [name, value]));
    const settings = { ...this.#options.settings, ...moved, ...options.settings };
    return new Lab({ ...this.#options, changes: [], ...options, settings });
  }

  /** The words of the command that plays this run again, as far as it has come. */
  words(): string[] {
    const { preset, seed, congestion, sack } = this;
    const words = ['tunstack', 'lab', preset.name, '--seed', `${seed}`];
    const { settings: given = {}, bytes } = this.#options;
    for (const name of SETTING_NAMES) {
      const value = given[name];
      if (value !== undefined && value !== preset.settings[name])
        words.push(`--${name}`, `${value}`);
    }
    if (congestion !== preset.congestion) words.push('--congestion', congestion);
    if (!sack) words.push('--no-sack');
    if (bytes !== undefined) words.push('--bytes', `${bytes}`);
    for (const { at, name, value } of this.#moved) {
      words.push('--at', `${at / 1e6}:${name}=${value}`);
    }
    return words;
  }

  #connect(): void {
    const { a, b } = this.#world;
    b.core.tcp.listen({
      address: ANY,
      port: PORT,
      backlog: 1,
      accept: (tcb) => {
        this.#b.tcb = tcb;
        return this.#b;
      },
    });
    this.#b.setRate(this.#settings.reader * 1e6);
    const tcb = a.core.tcp.connect({ destination: b.address, port: PORT, owner: this.#a });
    if (typeof tcb === 'number') throw new Error(`no connection: ${tcb}`);
    this.#a.tcb = tcb;
  }

  #apply(name: SettingName, value: number): void {
    this.#settings = { ...this.#settings, [name]: value };
    if (name === 'reader') this.#b.setRate(value * 1e6);
    else this.#world.link.change(impairments(this.#settings));
  }

  #sample(): void {
    if (this.#samples.length >= MOST_SAMPLES) this.#samples.shift();
    this.#samples.push(takeSample(this.#nextSample, this.#world, this.#a, this.#b));
    this.#nextSample += SAMPLE_EVERY;
  }

  /** See what an end sees: `isSender`, its own text leaves; the other's text arrives there. */
  #look(host: SimHost, events: SequenceEvent[], isSender: boolean): void {
    const packet = new TcpPacket();
    const { bytes } = host.slots;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const skip = host.device.headerLength;
    const sequence = new Sequence((event) => {
      if (!SHOWN.has(event.kind)) return;
      if (events.length < MOST_EVENTS) events.push({ ...event, at: event.at - this.#began });
      else this.#missed++;
    });
    let scale = -1;
    const see = (isOut: boolean, at: number, length: number): void => {
      if (!packet.read(view, at + skip, length - skip)) return;
      const { now } = this.#world;
      if (isOut === isSender) sequence.text(now, packet);
      else {
        if (packet.isSyn) scale = Math.max(0, packet.windowScale);
        sequence.answer(now, packet, scale);
      }
    };
    host.tap = (_bytes, at, length) => {
      see(true, at, length);
      return true;
    };
    host.tapIn = (_bytes, at, length) => see(false, at, length);
  }
}
