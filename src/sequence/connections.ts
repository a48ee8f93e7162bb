/**
 * Every TCP connection among packets that pass, each with its two directions.
 * @module
 */
import { TcpPacket } from './packet.ts';
import { Sequence, type SequenceEvent } from './sequence.ts';

/** One of the two directions. */
export interface Direction {
  /** What an onlooker knows of it. */
  readonly sequence: Sequence;
  /** What has happened, in the order of time. */
  readonly events: readonly SequenceEvent[];
}

/** A connection that was met, from who was seen first. */
export interface SeenConnection {
  /** `10.0.0.1:80`, or `[fd83::1]:80`. */
  readonly from: string;
  /** The other end, likewise. */
  readonly to: string;
  /** Both ways. */
  readonly packets: number;
  /** From `from`, and back. */
  readonly directions: readonly [Direction, Direction];
}

interface Side extends Direction {
  readonly events: SequenceEvent[];
  /** As its SYN has offered it, -1 for none; undefined while that was not seen. */
  offered: number | undefined;
  finished: boolean;
}

interface Met extends SeenConnection {
  packets: number;
  readonly directions: readonly [Side, Side];
  /** What comes with the same addresses and a SYN is another one. */
  isOver: boolean;
}

/** Connections that are kept apart; packets of further ones are counted only. */
const MOST_CONNECTIONS = 100_000;

/** All connections among packets that are shown to it: 100 000 at most, further ones are counted only. */
export class Connections {
  readonly #packet = new TcpPacket();
  readonly #byKey = new Map<string, Met>();
  readonly #all: Met[] = [];
  /** Packets that belonged to none, since there were too many. */
  ignored = 0;

  /** In the order in which they were met. */
  get all(): readonly SeenConnection[] {
    return this.#all;
  }

  /**
   * Look at the packet, or frame, of `length` bytes at `at`, which passed at `micros`. False if it is none of
   * TCP.
   */
  take(micros: number, v: DataView, at: number, length: number, isFrame = false): boolean {
    const packet = this.#packet;
    if (!packet.read(v, at, length, isFrame)) return false;
    const [source, destination] = namesOf(v, packet);
    const back = this.#byKey.get(`${destination} ${source}`);
    const forth = back === undefined ? this.#find(source, destination) : undefined;
    const met = back ?? forth;
    if (met === undefined) {
      this.ignored++;
      return true;
    }
    met.packets++;
    const [mine, other] =
      back === undefined ? met.directions : [met.directions[1], met.directions[0]];
    if (packet.isSyn) mine.offered = packet.windowScale;
    if (packet.isFin) mine.finished = true;
    mine.sequence.text(micros, packet);
    other.sequence.answer(micros, packet, scaleOf(mine, other));
    if (packet.isReset || (mine.finished && other.finished)) met.isOver = true;
    return true;
  }

  #find(source: string, destination: string): Met | undefined {
    const key = `${source} ${destination}`;
    const known = this.#byKey.get(key);
    const isNew = known === undefined || (known.isOver && this.#packet.isSyn);
    if (!isNew) return known;
    if (this.#all.length >= MOST_CONNECTIONS) return undefined;
    const directions = [newSide(), newSide()] as const;
    const met: Met = { from: source, to: destination, packets: 0, directions, isOver: false };
    this.#byKey.set(key, met);
    this.#all.push(met);
    return met;
  }
}

function newSide(): Side {
  const events: SequenceEvent[] = [];
  const sequence = new Sequence((event) => events.push(event));
  return { events, sequence, offered: undefined, finished: false };
}

/** By how much the window of `mine` is shifted; -1: its SYN was not seen. RFC 7323 §2.2: only if both offer it. */
function scaleOf({ offered }: Side, other: Side): number {
  if (offered === undefined) return -1;
  return other.offered === -1 ? 0 : Math.max(0, offered);
}

function namesOf(v: DataView, packet: TcpPacket): [string, string] {
  const { isIpv6, sourceAt, destinationAt, sourcePort, destinationPort } = packet;
  const name = (at: number, port: number): string =>
    isIpv6 ? `[${ipv6Text(v, at)}]:${port}` : `${ipv4Text(v, at)}:${port}`;
  return [name(sourceAt, sourcePort), name(destinationAt, destinationPort)];
}

const ipv4Text = (v: DataView, at: number): string =>
  [0, 1, 2, 3].map((i) => v.getUint8(at + i)).join('.');

/** RFC 5952 §4. */
function ipv6Text(v: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => v.getUint16(at + 2 * i).toString(16));
  const zeros = groups.join(':').match(/(?<=^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = zeros.reduce((most, one) => (one.length > most.length ? one : most), '');
  if (longest === '') return groups.join(':');
  return groups.join(':').replace(new RegExp(`(^|:)${longest}(:|$)`), '::');
}
