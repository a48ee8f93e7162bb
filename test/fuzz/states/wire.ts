/**
 * The device below the stack under fire. It looks at every packet that leaves: a stack that is attacked
 * must still send nothing but right ones. It remembers the latest, for ICMP errors to quote and for
 * replays, and refuses packets when it is told to. What is gathered while it is corked must be the same at the flush.
 * @module
 */
import type { Address } from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import type { Offload, Transmitter } from '../../../src/stack/ip/interface.ts';
import * as header from '../../../src/stack/ip/v4/header.ts';
import type { Slots } from '../../../src/stack/memory/slots.ts';
import * as checksums from '../../../src/stack/wire/checksum.ts';
import { describe } from '../../../src/stack/wire/describe.ts';
import * as ipv4 from '../../../src/stack/wire/ipv4.ts';
import * as tcp from '../../../src/stack/wire/tcp.ts';
import * as virtio from '../../../src/stack/wire/virtio.ts';

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const KEPT = 128;
/** Of a long packet only the head is remembered: nobody quotes more. */
const HEAD = 600;

export interface WireOptions {
  readonly slots: Slots;
  readonly mtu: number;
  readonly headerLength: number;
  readonly offload: Offload;
}

export class Wire implements Transmitter {
  /** Packets without the device's header, the latest ones, cut to what may be quoted. */
  readonly recent: Uint8Array[] = [];
  /** Packets that left, and their octets. */
  sent = 0;
  octets = 0;
  /** While true nothing is taken. */
  full = false;
  /** Told each packet, whole, without the device's header. */
  onPacket: (bytes: Uint8Array) => void = () => {};
  readonly #options: WireOptions;
  readonly #gathered: Uint8Array[] = [];
  /** Pieces that may lie where they are until `flush`, and what they were. */
  #left: { readonly part: Uint8Array; readonly was: Uint8Array }[] = [];
  #corked = false;

  constructor(options: WireOptions) {
    this.#options = options;
    if (!options.offload.tso4) return;
    this.gather = this.#gather;
    this.cork = () => {
      this.#corked = true;
    };
  }

  gather: Transmitter['gather'];
  cork: Transmitter['cork'];

  readonly #gather = (bytes: Uint8Array, from: number, length: number): boolean => {
    if (length < 1 || from < 0 || from + length > bytes.length) throw new Error('gathers beyond');
    this.#gathered.push(bytes.subarray(from, from + length));
    return true;
  };

  write(at: number, length: number): boolean {
    const gathered = this.#gathered.splice(0);
    if (this.full) return false;
    const { slots, headerLength } = this.#options;
    const slot = slots.slotOf(at);
    if (at < slot || at + length > slot + slots.size) throw new Error('it leaves its slot');
    if (this.#corked) for (const part of gathered) this.#left.push({ part, was: part.slice() });
    const parts = [slots.bytes.subarray(at, at + length), ...gathered];
    const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
    let to = 0;
    for (const part of parts) {
      whole.set(part, to);
      to += part.length;
    }
    const front = whole.subarray(0, headerLength);
    const bytes = whole.slice(headerLength);
    try {
      this.#check(front, bytes);
    } catch (error) {
      const v = new DataView(bytes.buffer);
      const line = bytes.length >= 20 ? describe(v, 0, bytes.length) : `${bytes.length} octets`;
      throw new Error(`a wrong packet leaves, ${(error as Error).message}: ${line}`);
    }
    this.sent++;
    this.octets += bytes.length;
    if (this.recent.length < KEPT) this.recent.push(bytes.slice(0, HEAD));
    else this.recent[this.sent % KEPT] = bytes.slice(0, HEAD);
    this.onPacket(bytes);
    return true;
  }

  flush(): void {
    this.#corked = false;
    const left = this.#left;
    this.#left = [];
    for (const { part, was } of left) {
      if (Buffer.compare(part, was) !== 0)
        throw new Error('gathered text changed before the flush');
    }
  }

  #check(front: Uint8Array, bytes: Uint8Array): void {
    const v = new DataView(bytes.buffer);
    if (header.check(v, 0, bytes.length) !== Drop.NONE) throw new Error('its IP header');
    if (ipv4.totalLen(v, 0) !== bytes.length) throw new Error('its length');
    const begun = this.#checkDevice(front, bytes);
    if (ipv4.isFragment(v, 0)) return;
    const body = ipv4.headerLen(v, 0);
    const protocol = ipv4.protocol(v, 0);
    const length = bytes.length - body;
    const sum = checksums.sumBytes(bytes, body, length);
    const pseudo = checksums.pseudo(
      v.getInt32(12) as Address, // 32 bits of a header are an address
      v.getInt32(16) as Address,
      protocol,
    );
    if (protocol === ICMP && checksums.finish(sum) !== 0) throw new Error('its ICMP checksum');
    if (protocol === TCP) {
      if (!tcp.valid(v, body, length)) throw new Error('its TCP header');
      const whole = checksums.finish(sum + pseudo + checksums.lengthTerm(length));
      if (!begun && whole !== 0) throw new Error('its TCP checksum');
    }
    if (protocol === UDP && !begun && v.getUint16(body + 6) !== 0) {
      const whole = checksums.finish(sum + pseudo + checksums.lengthTerm(length));
      if (whole !== 0) throw new Error('its UDP checksum');
    }
  }

  /** virtio 1.2 §5.1.6.2; true if the checksum is left to the device. */
  #checkDevice(front: Uint8Array, bytes: Uint8Array): boolean {
    const { mtu, offload } = this.#options;
    const ip = (bytes[0] as number) & 15;
    if (front.length === 0) {
      if (bytes.length > mtu) throw new Error('longer than the MTU');
      return false;
    }
    const v = new DataView(front.buffer, front.byteOffset, front.length);
    const begun = (virtio.flags(v, 0) & virtio.Flag.NEEDS_CSUM) !== 0;
    const gso = virtio.gsoType(v, 0) & ~virtio.Gso.ECN;
    if (begun && !offload.checksum) throw new Error('a checksum that nobody finishes');
    if (begun && virtio.csumStart(v, 0) + virtio.csumOffset(v, 0) + 2 > bytes.length) {
      throw new Error('a checksum outside');
    }
    if (gso === virtio.Gso.NONE) {
      if (bytes.length > mtu) throw new Error('longer than the MTU');
      return begun;
    }
    const agreed = gso === virtio.Gso.TCPV4 ? offload.tso4 : offload.uso4;
    if (!agreed) throw new Error('segments that nobody cuts');
    const size = virtio.gsoSize(v, 0);
    if (size < 1 || ip * 4 + 8 + size > mtu) throw new Error(`segments of ${size}`);
    return begun;
  }
}
