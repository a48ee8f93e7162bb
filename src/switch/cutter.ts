/**
 * Frames from ports with offload for ports without: a segment of 64 KiB is cut into those that it stands
 * for, and a checksum that was only begun is finished. What Linux calls GSO. virtio 1.2 §5.1.6; RFC 9293 §3.1
 * and RFC 3168 §6.1.2 for the flags of the pieces.
 *
 * A piece is made in memory of its own: others are yet to have the frame as it came. What a virtio header
 * says is a stranger's word, and held against the frame.
 * @module
 */
import * as checksums from '../stack/wire/checksum.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import * as ipv4 from '../stack/wire/ipv4.ts';
import { Protocol } from '../stack/wire/protocol.ts';
import * as tcp from '../stack/wire/tcp.ts';
import * as udp from '../stack/wire/udp.ts';
import * as virtio from '../stack/wire/virtio.ts';
import type { Frame } from './frame.ts';

/** IPv6: RFC 8200 §3. */
const IPV6 = { LENGTH: 40, payloadLength: 4, source: 8, addresses: 32 } as const;
/** RFC 791 §3.1: source and destination. */
const IPV4 = { source: 12, addresses: 8 } as const;

/** Who takes the pieces. */
export interface PieceTaker {
  /** A piece of `length` bytes, a header of the device's own included, is at `at`. */
  put(at: number, length: number): void;
}

/** The kinds of segments that a frame may stand for. */
export const isTcp = (gsoType: number): boolean =>
  (gsoType & ~virtio.Gso.ECN) === virtio.Gso.TCPV4 ||
  (gsoType & ~virtio.Gso.ECN) === virtio.Gso.TCPV6;
export const isUdp = (gsoType: number): boolean => gsoType === virtio.Gso.UDP_L4;

export class Cutter {
  readonly #bytes: Uint8Array;
  /** All of the switch's memory. */
  readonly view: DataView;
  /** Where pieces are made. */
  readonly #at: number;
  /** The frame's network header, transport header and text, from the frame's start. */
  #network = 0;
  #transport = 0;
  #text = 0;
  #isV6 = false;
  #pseudo = 0;

  /** `at` in `memory`: room for the longest frame with its header. */
  constructor(memory: Uint8Array, at: number) {
    this.#bytes = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#at = at;
  }

  /** Give `to` the frame in one piece, its checksum finished. False: the virtio header cannot be meant. */
  finish(frame: Frame, headerLength: number, to: PieceTaker): boolean {
    const v = this.view;
    const size = frame.length - frame.headerLength;
    const at = this.#at + headerLength;
    virtio.clear(v, this.#at, headerLength);
    this.#bytes.copyWithin(at, frame.start, frame.start + size);
    if (frame.needsChecksum) {
      const start = virtio.csumStart(v, frame.at);
      const field = start + virtio.csumOffset(v, frame.at);
      if (start < ethernet.HEADER_LEN || field + 2 > size || field < start) return false;
      const sum = checksums.finish(checksums.sumBytes(this.#bytes, at + start, size - start));
      // RFC 768: 0 would say that there is none; to TCP both are the same.
      v.setUint16(at + field, sum || 0xffff);
    }
    to.put(this.#at, headerLength + size);
    return true;
  }

  /** Give `to` the segments that the frame stands for. False: its headers cannot be meant. */
  cut(frame: Frame, headerLength: number, to: PieceTaker): boolean {
    const v = this.view;
    const gso = virtio.gsoType(v, frame.at);
    const step = virtio.gsoSize(v, frame.at);
    const size = frame.length - frame.headerLength;
    if (step === 0 || !(isTcp(gso) || isUdp(gso)) || !this.#read(frame, size, gso)) return false;
    const { start } = frame;
    const all = size - this.#text;
    const firstId = this.#isV6 ? 0 : ipv4.id(v, start + this.#network);
    for (let sent = 0, n = 0; sent < all; sent += step, n++) {
      const part = Math.min(step, all - sent);
      const at = this.#at + headerLength;
      virtio.clear(v, this.#at, headerLength);
      this.#bytes.copyWithin(at, start, start + this.#text);
      this.#bytes.copyWithin(
        at + this.#text,
        start + this.#text + sent,
        start + this.#text + sent + part,
      );
      this.#sealNetwork(at + this.#network, this.#text - this.#network + part, firstId + n);
      const length = this.#text - this.#transport + part;
      if (isUdp(gso)) this.#sealUdp(at + this.#transport, length);
      else this.#sealTcp(at + this.#transport, length, sent, sent + part < all);
      to.put(this.#at, headerLength + this.#text + part);
    }
    return true;
  }

  /** Where its headers are; false if they do not fit what the virtio header says, or the frame. */
  #read(frame: Frame, size: number, gso: number): boolean {
    const v = this.view;
    const { start } = frame;
    this.#network = ethernet.payload(v, start) - start;
    const type = ethernet.type(v, start);
    this.#isV6 = type === ethernet.EtherType.IPV6;
    const protocol = isUdp(gso) ? Protocol.UDP : Protocol.TCP;
    const ip = start + this.#network;
    const left = size - this.#network;
    if (this.#isV6) {
      if (left < IPV6.LENGTH) return false;
      // Behind extension headers, if there are any: the kernel says where.
      const told = virtio.csumStart(v, frame.at);
      this.#transport = frame.needsChecksum ? told : this.#network + IPV6.LENGTH;
      if (this.#transport < this.#network + IPV6.LENGTH) return false;
    } else {
      if (type !== ethernet.EtherType.IPV4 || !ipv4.valid(v, ip, left)) return false;
      if (ipv4.protocol(v, ip) !== protocol || ipv4.isFragment(v, ip)) return false;
      this.#transport = this.#network + ipv4.headerLen(v, ip);
    }
    const at = start + this.#transport;
    const rest = size - this.#transport;
    if (protocol === Protocol.UDP) {
      if (rest < udp.HEADER_LEN) return false;
      this.#text = this.#transport + udp.HEADER_LEN;
    } else {
      if (!tcp.valid(v, at, rest)) return false;
      this.#text = this.#transport + tcp.headerLen(v, at);
    }
    const { source, addresses } = this.#isV6
      ? { source: IPV6.source, addresses: IPV6.addresses }
      : IPV4;
    // RFC 9293 §3.1, RFC 8200 §8.1: the pseudo-header; a protocol's number is below 256.
    this.#pseudo = checksums.sumBytes(this.#bytes, ip + source, addresses) + (protocol << 8);
    return true;
  }

  #sealNetwork(ip: number, length: number, id: number): void {
    const v = this.view;
    if (this.#isV6) {
      v.setUint16(ip + IPV6.payloadLength, length - IPV6.LENGTH);
      return;
    }
    ipv4.setTotalLen(v, ip, length);
    ipv4.setId(v, ip, id & 0xffff);
    ipv4.setChecksum(v, ip, 0);
    ipv4.setChecksum(v, ip, checksums.internet(this.#bytes, ip, ipv4.headerLen(v, ip)));
  }

  /** The header of the segment whose text begins `sent` bytes after the first one's. */
  #sealTcp(at: number, length: number, sent: number, more: boolean): void {
    const v = this.view;
    let flags = tcp.flags(v, at);
    // FIN and PSH belong to the last segment, CWR to the first.
    if (more) flags &= ~(tcp.Flag.FIN | tcp.Flag.PSH);
    if (sent > 0) flags &= ~tcp.Flag.CWR;
    tcp.setFlags(v, at, flags);
    v.setInt32(at + 4, v.getInt32(at + 4) + sent); // the sequence number, modulo 2^32
    tcp.setChecksum(v, at, 0);
    tcp.setChecksum(v, at, this.#sum(at, length));
  }

  #sealUdp(at: number, length: number): void {
    const v = this.view;
    udp.setLength(v, at, length);
    udp.setChecksum(v, at, 0);
    udp.setChecksum(v, at, this.#sum(at, length) || 0xffff);
  }

  #sum(at: number, length: number): number {
    const sum = checksums.sumBytes(this.#bytes, at, length);
    return checksums.finish(this.#pseudo + checksums.lengthTerm(length) + sum);
  }
}
