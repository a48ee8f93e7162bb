/**
 * Long packets cut into those that the tunnel carries: what the hardware does for a driver with TSO and USO.
 * A segment keeps the headers of the whole, with its own lengths, sequence number and checksums.
 * virtio 1.2 §5.1.6; RFC 9293 §3.1, RFC 768, RFC 791 §3.1, RFC 8200 §3; CWR in the first segment only, RFC
 * 3168 §6.1.2.
 *
 * The packet is copied into the memory of the checksum kernel, which copies each segment's text to its place
 * and sums it in one pass.
 * @module
 */
import { copyBytes } from '../stack/base/copy.ts';
import { wasm } from '../stack/base/wasm.ts';
import { begun, Checksum, finish, lengthTerm, sumBytes } from '../stack/wire/checksum.ts';
import * as virtio from '../stack/wire/virtio.ts';

const TCP = 6;
const UDP = 17;
const UDP_HEADER = 8;
const MIN_TCP_HEADER = 20;
/** Offsets in a TCP header. */
const Tcp = { seq: 4, words: 12, flags: 13, checksum: 16 } as const;
const FIN_PSH = 0x01 | 0x08;
const CWR = 0x80;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
/** The whole packet, then the segment that is made of it; both aligned, with room for 64 KiB. */
const WHOLE = 64;
const SEGMENT = 65_536 + 4096;
const PAGES = 3;

/** One long packet after the other. */
export class Cutter {
  /** Where the packet that `next` gave lies, and at which offset. */
  bytes: Uint8Array;
  at: number = SEGMENT;
  readonly #own: Uint8Array;
  readonly #view: DataView;
  readonly #checksum: Checksum;
  /** A packet that goes through as it is, or with its checksum finished: its length. */
  #single = 0;
  #isTcp = false;
  #version = 4;
  /** Where the transport's header begins, and where the text does. */
  #transport = 0;
  #text = 0;
  /** Bytes of text that are left, and in each segment. */
  #left = 0;
  #size = 0;
  #index = 0;
  /** The pseudo-header's sum without its length. */
  #pseudo = 0;

  constructor() {
    const memory = new wasm.Memory({ initial: PAGES, maximum: PAGES });
    this.#own = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#checksum = new Checksum(memory);
    this.bytes = this.#own;
  }

  /**
   * Take the packet of `length` bytes at `at` of `memory`, whose view is `view`, a virtio header first. How many
   * packets of up to `mtu` bytes it makes, to be had from `next`; 0 if it is none that can be sent.
   */
  begin(memory: Uint8Array, view: DataView, at: number, length: number, mtu: number): number {
    const ip = at + virtio.LEN;
    const whole = length - virtio.LEN;
    if (whole < IPV4_HEADER || whole > 65_535) return 0;
    const gso = virtio.gsoType(view, at) & ~virtio.Gso.ECN;
    const isBegun = (virtio.flags(view, at) & virtio.Flag.NEEDS_CSUM) !== 0;
    this.#index = 0;
    if (gso === virtio.Gso.NONE) {
      if (whole > mtu) return 0;
      this.#single = whole;
      this.bytes = memory;
      this.at = ip;
      if (!isBegun) return 1;
      const start = virtio.csumStart(view, at);
      return this.#finishChecksum(memory, ip, whole, start, virtio.csumOffset(view, at));
    }
    this.#single = 0;
    copyBytes(memory, ip, this.#own, WHOLE, whole);
    return this.#beginSegments(
      gso,
      whole,
      virtio.csumStart(view, at),
      virtio.gsoSize(view, at),
      mtu,
    );
  }

  /** Make the next packet, at `at` of `bytes`; its length. */
  next(): number {
    if (this.#single > 0) return this.#single;
    const headers = this.#text;
    const length = Math.min(this.#left, this.#size);
    const own = this.#own;
    const view = this.#view;
    this.#left -= length;
    own.copyWithin(SEGMENT, WHOLE, WHOLE + headers);
    const from = WHOLE + headers + this.#index * this.#size;
    const sum = this.#checksum.copyWithin(from, SEGMENT + headers, length);
    this.#putNetwork(headers + length);
    const transport = SEGMENT + this.#transport;
    const inside = headers - this.#transport + length;
    if (this.#isTcp) {
      const seq = view.getUint32(transport + Tcp.seq) + this.#index * this.#size;
      view.setUint32(transport + Tcp.seq, seq);
      let flags = view.getUint8(transport + Tcp.flags);
      if (this.#left > 0) flags &= ~FIN_PSH;
      if (this.#index > 0) flags &= ~CWR;
      view.setUint8(transport + Tcp.flags, flags);
      view.setUint16(transport + Tcp.checksum, 0);
    } else {
      view.setUint16(transport + 4, inside);
      view.setUint16(transport + 6, 0);
    }
    const header = sumBytes(own, transport, headers - this.#transport);
    const whole = finish(this.#pseudo + lengthTerm(inside) + header + sum);
    // RFC 768: a checksum of 0 is sent as its complement.
    const sent = whole === 0 && !this.#isTcp ? 0xffff : whole;
    view.setUint16(transport + (this.#isTcp ? Tcp.checksum : 6), sent);
    this.#index++;
    return headers + length;
  }

  #beginSegments(gso: number, whole: number, start: number, size: number, mtu: number): number {
    const view = this.#view;
    const isTcp = gso === virtio.Gso.TCPV4 || gso === virtio.Gso.TCPV6;
    const version = view.getUint8(WHOLE) >> 4;
    const least = version === 4 ? IPV4_HEADER : IPV6_HEADER;
    if (!isTcp && gso !== virtio.Gso.UDP_L4) return 0;
    if ((version !== 4 && version !== 6) || start < least) return 0;
    if (start + (isTcp ? MIN_TCP_HEADER : UDP_HEADER) > whole) return 0;
    const words = view.getUint8(WHOLE + start + Tcp.words) >> 4;
    const text = start + (isTcp ? words * 4 : UDP_HEADER);
    if (isTcp && words * 4 < MIN_TCP_HEADER) return 0;
    // Where the tunnel carries less than the segments were made for, TCP's are cut smaller; datagrams cannot be.
    const room = Math.min(size, mtu - text);
    if (room <= 0 || text >= whole || (!isTcp && room < size)) return 0;
    this.#version = version;
    this.#isTcp = isTcp;
    this.#transport = start;
    this.#text = text;
    this.#left = whole - text;
    this.#size = room;
    const addresses = version === 4 ? WHOLE + 12 : WHOLE + 8;
    this.#pseudo =
      sumBytes(this.#own, addresses, version === 4 ? 8 : 32) + ((isTcp ? TCP : UDP) << 8);
    this.bytes = this.#own;
    this.at = SEGMENT;
    return Math.ceil(this.#left / room);
  }

  /** Lengths, identification and the header's checksum of the segment that is made. */
  #putNetwork(length: number): void {
    const view = this.#view;
    if (this.#version === 6) {
      view.setUint16(SEGMENT + 4, length - IPV6_HEADER);
      return;
    }
    view.setUint16(SEGMENT + 2, length);
    view.setUint16(SEGMENT + 4, view.getUint16(SEGMENT + 4) + this.#index);
    view.setUint16(SEGMENT + 10, 0);
    const header = (view.getUint8(SEGMENT) & 15) * 4;
    view.setUint16(SEGMENT + 10, finish(sumBytes(this.#own, SEGMENT, header)));
  }

  /** A packet whose checksum is only begun, in our memory: its owner's is left as it is. */
  #finishChecksum(
    memory: Uint8Array,
    ip: number,
    whole: number,
    start: number,
    offset: number,
  ): number {
    const field = start + offset;
    if (start >= whole || field + 2 > whole) return 0;
    copyBytes(memory, ip, this.#own, SEGMENT, whole);
    const sum = finish(this.#checksum.sum(SEGMENT + start, whole - start));
    const isUdp = offset === 6;
    this.#view.setUint16(SEGMENT + field, sum === 0 && isUdp ? 0xffff : sum);
    this.bytes = this.#own;
    this.at = SEGMENT;
    return 1;
  }
}

/** What stands in the checksum field of a segment that is to be cut: the sum of its pseudo-header. */
export const pseudoSum = (bytes: Uint8Array, ip: number, version: number, length: number): number =>
  begun(
    sumBytes(bytes, version === 4 ? ip + 12 : ip + 8, version === 4 ? 8 : 32) +
      (TCP << 8) +
      lengthTerm(length),
  );
