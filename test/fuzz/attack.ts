/**
 * Hostile packets by chance: noise, headers that are valid and mean harm, live packets bent, fragments,
 * ICMP errors that quote what is in flight. Written without allocation into one buffer.
 * @module
 */
import { type Address, fromOctets } from '../../src/stack/base/address.ts';
import { below, type Random, unit } from '../../src/stack/base/random.ts';
import * as checksums from '../../src/stack/wire/checksum.ts';
import { ADDRESS_A, ADDRESS_B } from '../support/world.ts';

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const KEPT = 64;
/** NOP, NOP, kind 8, length 10: how most segments' options begin. */
const TIMESTAMPS = 0x0101080a;
const LONGEST = 1500;
/** Option kinds with a meaning, and some without. */
const KINDS = [0, 1, 2, 3, 4, 5, 8, 19, 28, 29, 34, 253, 255];
const SOURCES: readonly Address[] = [
  fromOctets(10, 0, 0, 77),
  fromOctets(192, 168, 9, 9),
  ADDRESS_B,
  fromOctets(10, 0, 0, 255),
  fromOctets(127, 0, 0, 1),
  fromOctets(0, 0, 0, 0),
  fromOctets(224, 0, 0, 1),
  fromOctets(255, 255, 255, 255),
];
const TARGETS: readonly Address[] = [
  fromOctets(10, 0, 0, 255),
  fromOctets(224, 0, 0, 1),
  fromOctets(255, 255, 255, 255),
  fromOctets(10, 0, 0, 78),
];

/** Makes one hostile packet after the other. */
export class Attack {
  /** The packet; its length is what `next` gives. */
  readonly bytes: Uint8Array = new Uint8Array(LONGEST);
  readonly #view: DataView = new DataView(this.bytes.buffer);
  readonly #random: Random;
  /** Packets of live connections, the latest ones. */
  readonly #live: Uint8Array[] = [];
  #seen = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Show it a packet that is really on its way. */
  watch(bytes: Uint8Array, at: number, length: number): void {
    const place = this.#seen++ % KEPT;
    this.#live[place] = bytes.slice(at, at + Math.min(length, LONGEST));
  }

  /** The next packet's length. */
  next(): number {
    const kind = this.#below(16);
    if (kind === 0) return this.#noise(0, this.#below(LONGEST));
    if (kind === 1) return this.#datagram(this.#below(256), this.#noise(20, this.#below(200)));
    if (kind <= 3) return this.#udp();
    if (kind <= 5) return this.#fragment();
    if (kind <= 7) return this.#icmp();
    if (kind <= 10) return this.#tcp();
    return this.#bent();
  }

  #below(n: number): number {
    return below(this.#random, n);
  }

  #chance(share: number): boolean {
    return unit(this.#random) < share;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T; // `below` stays inside
  }

  /** Random bytes from `at`; where they end. */
  #noise(at: number, length: number): number {
    const end = Math.min(at + length, LONGEST);
    for (let i = at; i < end; i++) this.bytes[i] = this.#random.int32();
    return end;
  }

  /** A header before what ends at `end`, mostly right; the packet's length. */
  #datagram(protocol: number, end: number): number {
    const v = this.#view;
    v.setUint8(0, this.#chance(0.02) ? this.#below(256) : 0x45);
    v.setUint8(1, this.#chance(0.9) ? 0 : this.#below(256));
    v.setUint16(2, this.#chance(0.97) ? end : this.#below(65_536));
    v.setUint16(4, this.#below(64));
    v.setUint16(6, this.#chance(0.9) ? 0x4000 : 0);
    v.setUint8(8, this.#chance(0.95) ? 64 : this.#below(3));
    v.setUint8(9, protocol);
    v.setInt32(12, this.#chance(0.8) ? ADDRESS_A : this.#pick(SOURCES));
    v.setInt32(16, this.#chance(0.95) ? ADDRESS_B : this.#pick(TARGETS));
    this.#finishHeader();
    return end;
  }

  #finishHeader(): void {
    this.#view.setUint16(10, 0);
    const sum = checksums.finish(checksums.sumBytes(this.bytes, 0, 20));
    this.#view.setUint16(10, this.#chance(0.98) ? sum : sum ^ 1);
  }

  /** The transport's checksum at `place`, as it must be. */
  #finishTransport(protocol: number, end: number, place: number): void {
    const v = this.#view;
    v.setUint16(place, 0);
    const addresses = checksums.pseudo(
      v.getInt32(12) as Address,
      v.getInt32(16) as Address,
      protocol,
    );
    const text = checksums.sumBytes(this.bytes, 20, end - 20);
    const sum = checksums.finish(addresses + checksums.lengthTerm(end - 20) + text);
    v.setUint16(place, this.#chance(0.98) ? sum : sum ^ 1);
  }

  #port(): number {
    return this.#pick([80, 81, 7, 7, 53, 9999, 49_152 + this.#below(16_384)]);
  }

  #udp(): number {
    const end = this.#noise(28, this.#below(600));
    const v = this.#view;
    v.setUint16(20, this.#port());
    v.setUint16(22, this.#port());
    v.setUint16(24, this.#chance(0.9) ? end - 20 : this.#below(1600));
    this.#datagram(UDP, end);
    this.#finishTransport(UDP, end, 26);
    return end;
  }

  #fragment(): number {
    const end = this.#noise(20, 8 * this.#below(120) + (this.#chance(0.3) ? this.#below(8) : 0));
    this.#datagram(this.#pick([TCP, UDP, ICMP, 253]), end);
    const offset = this.#chance(0.2) ? this.#below(8192) : this.#below(40);
    this.#view.setUint16(6, (this.#chance(0.7) ? 0x2000 : 0) | offset);
    this.#finishHeader();
    return end;
  }

  /** Any message, mostly an error about a packet that the target has really sent. */
  #icmp(): number {
    const v = this.#view;
    let end = this.#noise(28, this.#below(100));
    const quoted = this.#live.length > 0 ? this.#pick(this.#live) : undefined;
    if (quoted !== undefined && this.#chance(0.8)) {
      const length = Math.min(quoted.length, this.#pick([8, 20, 27, 28, 40, 576]));
      this.bytes.set(quoted.subarray(0, length), 28);
      end = 28 + length;
      if (this.#chance(0.2)) this.bytes[28 + this.#below(length)] = this.#below(256);
    }
    v.setUint8(20, this.#pick([0, 3, 3, 3, 4, 5, 8, 11, 12, 13, 17, this.#below(256)]));
    v.setUint8(21, this.#below(this.#chance(0.9) ? 16 : 256));
    v.setInt32(
      24,
      this.#chance(0.5) ? this.#pick([0, 68, 296, 576, 1400, 65_535]) : this.#random.int32(),
    );
    this.#datagram(ICMP, end);
    v.setUint16(22, 0);
    v.setUint16(22, checksums.finish(checksums.sumBytes(this.bytes, 20, end - 20)));
    return end;
  }

  /** A segment to some port, with whatever flags and options. */
  #tcp(): number {
    const v = this.#view;
    const words = this.#chance(0.95) ? 5 + this.#below(11) : this.#below(16);
    const text = this.#chance(0.5) ? 0 : this.#below(400);
    const end = this.#noise(20, Math.max(20, words * 4) + text);
    v.setUint16(20, this.#port());
    v.setUint16(22, this.#port());
    v.setUint8(32, words << 4);
    v.setUint8(33, this.#chance(0.4) ? 2 : this.#below(256));
    this.#options(40, 20 + words * 4);
    this.#datagram(TCP, end);
    this.#finishTransport(TCP, end, 36);
    return end;
  }

  /** Options of known kinds and odd lengths. */
  #options(from: number, end: number): void {
    for (let at = from; at < end && at < LONGEST - 2; ) {
      const length = this.#pick([0, 1, 2, 3, 4, 10, 10, 18, 34, this.#below(256)]);
      this.bytes[at] = this.#pick(KINDS);
      this.bytes[at + 1] = length;
      at += Math.max(1, length);
    }
  }

  /** A live packet with some of it changed, its checksums made right again, mostly. */
  #bent(): number {
    if (this.#live.length === 0) return this.#tcp();
    const live = this.#pick(this.#live);
    this.bytes.set(live);
    const end = live.length;
    const v = this.#view;
    if (end < 40 || v.getUint8(9) !== TCP) return end;
    // What the target sent goes back to it as if its peer had sent it, with the two ends changed.
    const back = v.getInt32(12) === ADDRESS_B;
    if (back) this.#turnAround();
    for (let n = this.#below(4); n > 0; n--) this.#bend(end);
    if (this.#chance(0.9)) {
      this.#finishHeader();
      if (this.#chance(0.95)) this.#finishTransport(TCP, end, 36);
    }
    return this.#chance(0.97) ? end : this.#below(end + 1);
  }

  #turnAround(): void {
    const v = this.#view;
    const [source, target] = [v.getInt32(12), v.getInt32(16)];
    v.setInt32(12, target);
    v.setInt32(16, source);
    const [from, to] = [v.getUint16(20), v.getUint16(22)];
    v.setUint16(20, to);
    v.setUint16(22, from);
    const [seq, ack] = [v.getInt32(24), v.getInt32(28)];
    v.setInt32(24, ack);
    v.setInt32(28, seq);
    if (v.getInt32(40) !== TIMESTAMPS) return;
    const [value, echo] = [v.getInt32(44), v.getInt32(48)];
    v.setInt32(44, echo);
    v.setInt32(48, value);
  }

  #bend(end: number): void {
    const v = this.#view;
    const near = (at: number, by: number): void => {
      v.setInt32(at, v.getInt32(at) + this.#below(2 * by) - by);
    };
    switch (this.#below(9)) {
      case 0:
        near(24, 100_000);
        return;
      case 1:
        near(28, 100_000);
        return;
      case 2:
        near(24, 4);
        return;
      case 3:
        v.setUint8(33, this.#below(256));
        return;
      case 4:
        v.setUint16(34, this.#pick([0, 1, 65_535, this.#below(65_536)])); // the window
        return;
      case 5:
        if (end > 52) near(44, 1000); // where the timestamp mostly is
        return;
      case 6:
        this.#options(40, 20 + (v.getUint8(32) >> 4) * 4);
        return;
      case 7:
        v.setUint16(38, this.#below(65_536)); // the urgent pointer
        return;
      default:
        this.bytes[this.#below(end)] = this.#below(256);
    }
  }
}
