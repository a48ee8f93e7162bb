/**
 * TCP segments for tests: written field by field into IP packets, and read back from what a stack
 * sent, with sequence numbers counted from each side's initial one.
 * @module
 */
import { type Address, isIPv6 } from '../../src/stack/base/address.ts';
import * as checksums from '../../src/stack/wire/checksum.ts';
import { describe } from '../../src/stack/wire/describe.ts';
import { packet, Read } from './packets.ts';
import { packet6 } from './packets6.ts';

const LETTERS = 'FSRP.UEW'; // from bit 0 on, as tcpdump has them
const PSH = 0x08;

/** `flagBits('S.')`: the header's eight flags of tcpdump's letters. */
export function flagBits(letters: string): number {
  let bits = 0;
  for (const letter of letters) {
    const bit = LETTERS.indexOf(letter);
    if (bit < 0) throw new Error(`${letter} is no TCP flag; they are ${LETTERS}`);
    bits |= 1 << bit;
  }
  return bits;
}

/** Tcpdump's letters; PSH left out unless `push`. */
export function flagLetters(bits: number, push: boolean): string {
  const shown = push ? bits : bits & ~PSH;
  return [...LETTERS].filter((_letter, bit) => shown & (1 << bit)).join('');
}

/** The letters in the order that `flagLetters` gives. */
export const sortedLetters = (letters: string): string => flagLetters(flagBits(letters), true);

export type Range = readonly [number, number];

/** What a segment carries besides its numbers and flags. */
export interface OptionFields {
  readonly mss?: number;
  readonly ws?: number;
  readonly sackOk?: boolean;
  /** TSval and TSecr; false: none, though they were agreed. */
  readonly ts?: Range | false;
  /** Absolute here; relative to the stack's first sequence number in `Peer.send`. */
  readonly sack?: readonly Range[];
  /** Bytes that go before all others. */
  readonly raw?: readonly number[];
}

/** The bytes of the options, padded with zeros to a multiple of 4. */
export function optionBytes(o: OptionFields): number[] {
  const bytes = [...(o.raw ?? [])];
  const u32 = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  if (o.mss !== undefined) bytes.push(2, 4, o.mss >> 8, o.mss & 255);
  if (o.sackOk) bytes.push(4, 2);
  if (o.ts) bytes.push(8, 10, ...u32(o.ts[0]), ...u32(o.ts[1]));
  if (o.ws !== undefined) bytes.push(3, 3, o.ws);
  if (o.sack && o.sack.length > 0) {
    bytes.push(5, 2 + 8 * o.sack.length);
    for (const [left, right] of o.sack) bytes.push(...u32(left), ...u32(right));
  }
  while (bytes.length % 4 !== 0) bytes.push(0);
  return bytes;
}

export interface TcpFields {
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  readonly port: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent?: number;
  readonly options?: readonly number[];
  readonly text?: Uint8Array;
  readonly tos?: number;
  readonly ipOptions?: readonly number[];
  readonly badChecksum?: boolean;
  /** Bytes that the header claims to have; what it has, unless set. */
  readonly headerLen?: number;
}

/** An IP packet with that segment, of the addresses' family. */
export function tcpPacket(f: TcpFields): Uint8Array {
  const { options = [], text = new Uint8Array(0) } = f;
  const headerLen = 20 + options.length;
  const bytes = new Uint8Array(headerLen + text.length);
  const v = new DataView(bytes.buffer);
  v.setUint16(0, f.sourcePort);
  v.setUint16(2, f.port);
  v.setInt32(4, f.seq);
  v.setInt32(8, f.ack);
  v.setUint8(12, ((f.headerLen ?? headerLen) / 4) << 4);
  v.setUint8(13, f.flags);
  v.setUint16(14, f.window);
  v.setUint16(18, f.urgent ?? 0);
  bytes.set(options, 20);
  bytes.set(text, headerLen);
  const pseudo = checksums.pseudo(f.source, f.destination, 6);
  const sum = pseudo + checksums.lengthTerm(bytes.length);
  const good = checksums.finish(sum + checksums.sumBytes(bytes, 0, bytes.length));
  v.setUint16(16, f.badChecksum ? good ^ 1 : good);
  const { source, destination, tos = 0, ipOptions = [] } = f;
  if (isIPv6(source)) {
    return packet6({ source, destination, protocol: 6, trafficClass: tos, body: bytes });
  }
  return packet({ source, destination, protocol: 6, tos, options: ipOptions, body: bytes });
}

/** A segment that the stack sent. */
export class Seen extends Read {
  /** When it left. */
  readonly time: number;
  /** What its numbers are counted from: the stack's first sequence number, and the peer's. */
  readonly #from: number;
  readonly #peerFrom: number;

  constructor(bytes: Uint8Array, time: number, from: number, peerFrom: number) {
    super(bytes);
    this.time = time;
    this.#from = from;
    this.#peerFrom = peerFrom;
  }

  get srcPort(): number {
    return this.u16(0);
  }
  get dstPort(): number {
    return this.u16(2);
  }
  get absoluteSeq(): number {
    return this.view.getInt32(this.headerLen + 4);
  }
  get absoluteAck(): number {
    return this.view.getInt32(this.headerLen + 8);
  }
  get seq(): number {
    return (this.absoluteSeq - this.#from) | 0;
  }
  get ack(): number {
    return (this.absoluteAck - this.#peerFrom) | 0;
  }
  get flags(): number {
    return this.u8(13);
  }
  get window(): number {
    return this.u16(14);
  }
  get urgent(): number {
    return this.u16(18);
  }
  get tcpHeaderLen(): number {
    return (this.u8(12) >> 4) * 4;
  }
  get text(): Uint8Array {
    return this.body.subarray(this.tcpHeaderLen);
  }
  get len(): number {
    return this.text.length;
  }
  /** In sequence numbers, relative as `seq` is. */
  get end(): number {
    return this.seq + this.len + (this.flags & 1) + ((this.flags >> 1) & 1);
  }
  get ecn(): number {
    return this.tos & 3;
  }

  /** The options as [kind, bytes after kind and length], NOPs and the end left out. */
  get options(): [number, Uint8Array][] {
    const bytes = this.body.subarray(20, this.tcpHeaderLen);
    const found: [number, Uint8Array][] = [];
    for (let i = 0; i < bytes.length; ) {
      const kind = bytes[i] as number; // inside the array, as below
      if (kind === 0) break;
      if (kind === 1) {
        i++;
        continue;
      }
      const length = bytes[i + 1] ?? 0;
      if (length < 2 || i + length > bytes.length) throw new Error('an option of illegal length');
      found.push([kind, bytes.subarray(i + 2, i + length)]);
      i += length;
    }
    return found;
  }

  #option(kind: number): DataView | undefined {
    const bytes = this.options.find(([k]) => k === kind)?.[1];
    return bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get mss(): number | undefined {
    return this.#option(2)?.getUint16(0);
  }
  get ws(): number | undefined {
    return this.#option(3)?.getUint8(0);
  }
  get sackOk(): boolean {
    return this.#option(4) !== undefined;
  }
  get ts(): Range | undefined {
    const v = this.#option(8);
    return v && [v.getUint32(0), v.getUint32(4)];
  }
  /** Relative to the peer's first sequence number. */
  get sack(): Range[] {
    const v = this.#option(5);
    const ranges: Range[] = [];
    for (let at = 0; v && at < v.byteLength; at += 8) {
      const edge = (i: number): number => (v.getInt32(at + i) - this.#peerFrom) | 0;
      ranges.push([edge(0), edge(4)]);
    }
    return ranges;
  }
}

/** One line for an IP packet, its sequence numbers counted from `from`, its others from `peerFrom`. */
export function describeRelative(bytes: Uint8Array, from: number, peerFrom: number): string {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const relative = (n: string, base: number): string => String((Number(n) - base) | 0);
  return describe(v, 0, bytes.length)
    .replace(/^.*?: TCP /, '')
    .replace(/\bseq (\d+)/, (_all, n: string) => `seq ${relative(n, from)}`)
    .replace(/\back (\d+)/, (_all, n: string) => `ack ${relative(n, peerFrom)}`)
    .replace(/\bsack (\d+)-(\d+)/g, (_all, a: string, b: string) => {
      return `sack ${relative(a, peerFrom)}-${relative(b, peerFrom)}`;
    });
}
