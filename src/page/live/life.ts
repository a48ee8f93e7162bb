/**
 * The life of one connection while somebody looks at it: what passes, from its packets, and how it stands, from the stack.
 * Nothing of it is done before, and nothing after.
 * @module
 */
import { performance } from 'node:perf_hooks';
import { packetFilter, type Stack, type TapDevice, type TcpInfo } from '../../index.ts';
import { TcpPacket } from '../../sequence/packet.ts';
import { Sequence, type SequenceEvent } from '../../sequence/sequence.ts';
import type { Row } from './rows.ts';

const OUT = 2;
/** Events that are kept between two samples; of further ones only the number is told. */
const MOST_EVENTS = 1500;

/** An event on its way to the page: microseconds since the life began, kind, sequence number, length or edge. */
export type LifeEvent = readonly [at: number, kind: string, seq: number, more: number];

/** What is told each time. */
export interface LifeSample {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Undefined: it is over. */
  readonly info: TcpInfo | undefined;
  /** Of the text that we send, and of the text that comes. */
  readonly out: readonly LifeEvent[];
  readonly in: readonly LifeEvent[];
  /** Events that are missing, since there were too many. */
  readonly missing: number;
}

/** One direction's events, as far as there is room. */
class Heap {
  missing = 0;
  #events: LifeEvent[] = [];
  readonly #began: number;
  readonly sequence: Sequence = new Sequence((event) => this.#take(event));

  constructor(began: number) {
    this.#began = began;
  }

  #take(event: SequenceEvent): void {
    if (event.kind === 'flight' || event.kind === 'rtt') return; // the stack knows them better
    if (this.#events.length >= MOST_EVENTS) {
      this.missing++;
      return;
    }
    const { at, kind, seq } = event;
    const more = 'length' in event ? event.length : 'edge' in event ? (event.edge ?? -1) : 0;
    this.#events.push([Math.round(at - this.#began), kind, seq, more]);
  }

  /** What there is, and begin anew. */
  drain(): readonly LifeEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

const micros = (): number => performance.now() * 1000;

/** Look at the connection of `row` from now on, until `end`. */
export class Life {
  readonly #stack: Stack;
  readonly #key: number;
  readonly #out: Heap;
  readonly #in: Heap;
  readonly #unwatch: () => void;
  #missing = 0;
  #scales: { readonly send: number; readonly receive: number } = { send: -1, receive: -1 };

  /** Throws where the device has no more room for who watches. */
  constructor(stack: Stack, device: TapDevice | undefined, row: Row) {
    this.#stack = stack;
    this.#key = row.key;
    const began = micros();
    this.#out = new Heap(began);
    this.#in = new Heap(began);
    this.#readScales(this.#info());
    this.#unwatch = device === undefined ? () => {} : this.#watch(device, row);
  }

  #watch(device: TapDevice, { remoteAddress, remotePort, localPort }: Row): () => void {
    const host = remoteAddress.replace(/%.*/, '');
    const filter = packetFilter(
      `tcp and host ${host} and port ${remotePort} and port ${localPort}`,
    );
    const packet = new TcpPacket();
    const isFrame = device.medium === 'ethernet';
    return device.watch((view, at, length, _header, direction) => {
      if (!filter.matches(view, at, length, isFrame)) return;
      if (!packet.read(view, at, length, isFrame)) return;
      const now = micros();
      const [from, to] = direction === OUT ? [this.#out, this.#in] : [this.#in, this.#out];
      const { send, receive } = this.#scales;
      from.sequence.text(now, packet);
      to.sequence.answer(now, packet, direction === OUT ? receive : send);
    });
  }

  #info(): TcpInfo | undefined {
    let info: TcpInfo | undefined;
    this.#stack.survey((connection) => {
      if (connection.key !== this.#key) return false;
      info = connection.info();
      return true;
    });
    return info;
  }

  #readScales(info: TcpInfo | undefined): void {
    if (info === undefined) return;
    this.#scales = { send: info.sndWscale, receive: info.rcvWscale };
  }

  /** What has happened since the last sample. */
  sample(): LifeSample {
    const info = this.#info();
    this.#readScales(info);
    const out = this.#out.drain();
    const into = this.#in.drain();
    const all = this.#out.missing + this.#in.missing;
    const missing = all - this.#missing;
    this.#missing = all;
    return { time: Date.now(), info, out, in: into, missing };
  }

  end(): void {
    this.#unwatch();
  }
}
