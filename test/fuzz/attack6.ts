/**
 * Hostile packets of IPv6 by chance, as `attack.ts` has those of IPv4: noise, chains of extension headers that are
 * right or mean harm, fragments, ICMPv6 of all types with quotes of what is in flight, live segments bent.
 * @module
 */
import { type Address, ALL_NODES, fromWords, toBytes } from '../../src/stack/base/address.ts';
import { below, type Random, unit } from '../../src/stack/base/random.ts';
import * as checksums from '../../src/stack/wire/checksum.ts';
import { ip6 } from '../support/packets6.ts';
import { ADDRESS6_A, ADDRESS6_B } from '../support/world.ts';

const HEADER = 40;
const TCP = 6;
const UDP = 17;
const ICMP = 58;
const KEPT = 64;
const LONGEST = 1500;
/** Next headers: those of extension, and what may follow them. */
const CHAIN = [0, 43, 44, 51, 59, 60, 60, 60, 135, 139];
const TYPES = [1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 143];
const OPTIONS = [0, 1, 1, 4, 5, 0x1e, 0x3e, 0x5e, 0x9e, 0xc2, 0xde];
const SOURCES: readonly Address[] = [
  ip6('fd83::77'),
  ip6('2001:db8::1'),
  ADDRESS6_B,
  ip6('fe80::1'),
  ip6('::1'),
  ip6('::'),
  ip6('ff02::1'),
  ip6('::ffff:10.0.0.1'),
];
const TARGETS: readonly Address[] = [ALL_NODES, ip6('ff02::16'), ip6('fd83::78'), ip6('ff01::1')];

/** Makes one hostile packet after the other. */
export class Attack6 {
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
    if (kind <= 2) return this.#udp();
    if (kind <= 4) return this.#fragment();
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

  /** Mostly from the peer; else from anywhere, each time another. */
  #source(): Address {
    if (this.#chance(0.6)) return ADDRESS6_A;
    if (this.#chance(0.5)) return this.#pick(SOURCES);
    const random = this.#random;
    return fromWords(0x2001_0db8, random.int32(), random.int32(), random.int32());
  }

  /** The header; `next` is what stands behind it. */
  #header(next: number, end: number): void {
    const v = this.#view;
    v.setUint32(0, 0x6000_0000 | (this.#chance(0.9) ? 0 : this.#random.int32() & 0x0fff_ffff));
    if (this.#chance(0.01)) v.setUint8(0, this.#below(256));
    v.setUint16(4, this.#chance(0.98) ? end - HEADER : this.#below(65_536));
    v.setUint8(6, next);
    v.setUint8(7, this.#chance(0.9) ? 255 : this.#below(3));
    this.bytes.set(toBytes(this.#source()), 8);
    this.bytes.set(toBytes(this.#chance(0.93) ? ADDRESS6_B : this.#pick(TARGETS)), 24);
  }

  /**
   * Headers of extension, up to a few, between the header and what is at 40 and `length` bytes long; where
   * it then ends.
   */
  #chain(protocol: number, length: number): number {
    const count = this.#chance(0.7) ? 0 : this.#below(this.#chance(0.9) ? 4 : 12);
    const room = LONGEST - HEADER - length;
    const blocks: Uint8Array[] = [];
    let next = protocol;
    let size = 0;
    for (let i = 0; i < count && size < room - 64; i++) {
      const block = this.#extension(next);
      blocks.unshift(block);
      size += block.length;
      next = this.#pick(CHAIN);
    }
    this.bytes.copyWithin(HEADER + size, HEADER, HEADER + length);
    let at = HEADER;
    for (const block of blocks) {
      this.bytes.set(block, at);
      at += block.length;
    }
    const end = HEADER + size + length;
    this.#header(next, end);
    return end;
  }

  #extension(next: number): Uint8Array {
    const units = 1 + this.#below(4);
    const block = new Uint8Array(units * 8);
    block[0] = next;
    block[1] = this.#chance(0.95) ? units - 1 : this.#below(256);
    for (let at = 2; at < block.length - 1; ) {
      const length = this.#chance(0.8) ? this.#below(6) : this.#below(256);
      block[at] = this.#pick(OPTIONS);
      block[at + 1] = length;
      at += 2 + length;
    }
    return block;
  }

  /** The checksum of what is at 40, as if it were the only thing, at `place`. */
  #sum(protocol: number, length: number, place: number): void {
    const v = this.#view;
    v.setUint16(place, 0);
    const pseudo = checksums.pseudo(ADDRESS6_A, ADDRESS6_B, protocol);
    const text = checksums.sumBytes(this.bytes, HEADER, length);
    const sum = checksums.finish(pseudo + checksums.lengthTerm(length) + text);
    v.setUint16(place, this.#chance(0.98) ? sum : sum ^ 1);
  }

  #port(): number {
    return this.#pick([80, 81, 7, 7, 53, 9999, 49_152 + this.#below(16_384)]);
  }

  #udp(): number {
    const length = this.#noise(HEADER + 8, this.#below(600)) - HEADER;
    const v = this.#view;
    v.setUint16(40, this.#port());
    v.setUint16(42, this.#port());
    v.setUint16(44, this.#chance(0.9) ? length : this.#below(1600));
    if (this.#chance(0.9)) this.#sum(UDP, length, 46);
    else v.setUint16(46, 0);
    return this.#chain(UDP, length);
  }

  #fragment(): number {
    const odd = this.#chance(0.1) ? this.#below(8) : 0;
    const end = this.#noise(HEADER + 8, 8 * this.#below(120) + odd);
    const v = this.#view;
    v.setUint8(40, this.#pick([TCP, UDP, ICMP, 60, 44, 253]));
    v.setUint8(41, 0);
    const offset = this.#chance(0.2) ? this.#below(8192) : this.#below(40);
    v.setUint16(42, (offset << 3) | (this.#chance(0.7) ? 1 : 0));
    v.setInt32(44, this.#below(64));
    return this.#chain(44, end - HEADER);
  }

  /** Any message, mostly an error about a packet that the target has really sent. */
  #icmp(): number {
    const v = this.#view;
    let end = this.#noise(HEADER + 8, this.#below(100));
    const quoted = this.#live.length > 0 ? this.#pick(this.#live) : undefined;
    if (quoted !== undefined && this.#chance(0.7)) {
      const length = Math.min(quoted.length, this.#pick([8, 40, 47, 48, 60, 100, 1232]));
      this.bytes.set(quoted.subarray(0, length), HEADER + 8);
      end = HEADER + 8 + length;
      if (this.#chance(0.2)) this.bytes[HEADER + 8 + this.#below(length)] = this.#below(256);
    }
    v.setUint8(40, this.#chance(0.95) ? this.#pick(TYPES) : this.#below(256));
    v.setUint8(41, this.#below(this.#chance(0.9) ? 8 : 256));
    const mtu = this.#pick([0, 68, 1279, 1280, 1400, 65_535]);
    v.setInt32(44, this.#chance(0.5) ? mtu : this.#random.int32());
    this.#sum(ICMP, end - HEADER, 42);
    return this.#chain(ICMP, end - HEADER);
  }

  /** A segment to some port, with whatever flags. */
  #tcp(): number {
    const v = this.#view;
    const words = this.#chance(0.95) ? 5 + this.#below(11) : this.#below(16);
    const text = this.#chance(0.5) ? 0 : this.#below(400);
    const length = this.#noise(HEADER, Math.max(20, words * 4) + text) - HEADER;
    v.setUint16(40, this.#port());
    v.setUint16(42, this.#port());
    v.setUint8(52, words << 4);
    v.setUint8(53, this.#chance(0.4) ? 2 : this.#below(256));
    this.#sum(TCP, length, 56);
    return this.#chain(TCP, length);
  }

  /** A live packet with some of it changed, its checksum made right again, mostly. */
  #bent(): number {
    if (this.#live.length === 0) return this.#tcp();
    const live = this.#pick(this.#live);
    this.bytes.set(live);
    const end = live.length;
    const v = this.#view;
    if (end < 60 || v.getUint8(6) !== TCP) return end;
    for (let n = this.#below(4); n > 0; n--) this.#bend(end);
    this.bytes.set(toBytes(ADDRESS6_A), 8);
    this.bytes.set(toBytes(ADDRESS6_B), 24);
    if (this.#chance(0.9)) this.#sum(TCP, end - HEADER, 56);
    return this.#chance(0.97) ? end : this.#below(end + 1);
  }

  #bend(end: number): void {
    const v = this.#view;
    const near = (at: number, by: number): void => {
      v.setInt32(at, v.getInt32(at) + this.#below(2 * by) - by);
    };
    switch (this.#below(6)) {
      case 0:
        near(44, 100_000);
        return;
      case 1:
        near(48, 100_000);
        return;
      case 2:
        v.setUint8(53, this.#below(256));
        return;
      case 3:
        v.setUint16(54, this.#pick([0, 1, 65_535, this.#below(65_536)])); // the window
        return;
      case 4:
        if (end > 72) near(64, 1000); // where the timestamp mostly is
        return;
      default:
        this.bytes[this.#below(end)] = this.#below(256);
    }
  }
}
