/**
 * The life of one connection while somebody looks at it: what passes, from its packets, and how it stands, from the stack.
 * Nothing of it is done before, and nothing after; and no more than a picture can show: of a fast connection packets are
 * looked at until there are as many as that, and not again until these were told.
 * @module
 */
import { performance } from 'node:perf_hooks';
import ipaddr from 'ipaddr.js';
import type { Stack, TapDevice, TcpInfo, Watcher } from '../../index.ts';
import { TcpPacket } from '../../sequence/packet.ts';
import { Sequence, type SequenceEvent } from '../../sequence/sequence.ts';
import type { Row } from './rows.ts';

const OUT = 2;
/** Events of one direction between two samples, and packets of all that pass: looking shall cost a hundredth of the time. */
const MOST_EVENTS = 1000;
const MOST_PACKETS = 10_000;

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
  /** Milliseconds since the last sample in which its packets were not looked at, since there were too many. */
  readonly unseen: number;
}

/** One direction's events. */
class Heap {
  #events: LifeEvent[] = [];
  readonly #began: number;
  readonly sequence: Sequence = new Sequence((event) => this.#take(event));

  constructor(began: number) {
    this.#began = began;
  }

  #take(event: SequenceEvent): void {
    if (event.kind === 'flight' || event.kind === 'rtt') return; // the stack knows them better
    const { at, kind, seq } = event;
    const more = 'length' in event ? event.length : 'edge' in event ? (event.edge ?? -1) : 0;
    this.#events.push([Math.round(at - this.#began), kind, seq, more]);
  }

  get isFull(): boolean {
    return this.#events.length >= MOST_EVENTS;
  }

  /** What there is, and begin anew. */
  drain(): readonly LifeEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

const micros = (): number => performance.now() * 1000;

/** Whose packets are meant: those between a port of ours and one of a peer. */
class Ends {
  readonly #octets: readonly number[];
  readonly #remotePort: number;
  readonly #localPort: number;

  constructor({ remoteAddress, remotePort, localPort }: Row) {
    this.#octets = ipaddr.parse(remoteAddress.replace(/%.*/, '')).toByteArray();
    this.#remotePort = remotePort;
    this.#localPort = localPort;
  }

  /** Whether it goes to the peer, or comes from him. */
  have(v: DataView, packet: TcpPacket, isOut: boolean): boolean {
    const [ours, theirs] = isOut
      ? [packet.sourcePort, packet.destinationPort]
      : [packet.destinationPort, packet.sourcePort];
    if (ours !== this.#localPort || theirs !== this.#remotePort) return false;
    const octets = this.#octets;
    if (packet.isIpv6 !== octets.length > 4) return false;
    const at = isOut ? packet.destinationAt : packet.sourceAt;
    for (let i = 0; i < octets.length; i++) if (v.getUint8(at + i) !== octets[i]) return false;
    return true;
  }
}

/** Look at the connection of `row` from now on, until `end`. */
export class Life {
  readonly #stack: Stack;
  readonly #device: TapDevice | undefined;
  readonly #key: number;
  readonly #ends: Ends;
  readonly #packet = new TcpPacket();
  readonly #out: Heap;
  readonly #in: Heap;
  readonly #unwatch: (() => void) | undefined;
  /** Packets that may be looked at until the next sample. */
  #left = MOST_PACKETS;
  /** When they were too many, in microseconds; -1: they are not. */
  #stopped = -1;
  #scales: { readonly send: number; readonly receive: number } = { send: -1, receive: -1 };

  /** Throws where the device has no more room for who watches. */
  constructor(stack: Stack, device: TapDevice | undefined, row: Row) {
    this.#stack = stack;
    this.#device = device;
    this.#key = row.key;
    this.#ends = new Ends(row);
    const began = micros();
    this.#out = new Heap(began);
    this.#in = new Heap(began);
    this.#readScales(this.#info());
    this.#unwatch = device?.watch(this.#look, { headersOnly: true });
  }

  readonly #look: Watcher = (view, at, length, _header, direction) => {
    if (this.#stopped >= 0) return;
    if (--this.#left < 0 || this.#out.isFull || this.#in.isFull) {
      this.#stop();
      return;
    }
    const packet = this.#packet;
    const isOut = direction === OUT;
    if (!packet.read(view, at, length, this.#device?.medium === 'ethernet')) return;
    if (!this.#ends.have(view, packet, isOut)) return;
    const now = micros();
    const { send, receive } = this.#scales;
    (isOut ? this.#out : this.#in).sequence.text(now, packet);
    (isOut ? this.#in : this.#out).sequence.answer(now, packet, isOut ? receive : send);
  };

  /** Look at no packet until the next sample. */
  #stop(): void {
    this.#stopped = micros();
    this.#out.sequence.lookAway();
    this.#in.sequence.lookAway();
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
    const unseen = this.#stopped < 0 ? 0 : Math.round((micros() - this.#stopped) / 1000);
    this.#stopped = -1;
    this.#left = MOST_PACKETS;
    return { time: Date.now(), info, out, in: into, unseen };
  }

  end(): void {
    this.#unwatch?.();
  }
}
