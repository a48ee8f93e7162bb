/**
 * The TCP segment within a packet or frame, for onlookers: of any bytes, of which nothing is believed before it
 * was looked at. RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1.
 * @module
 */
import * as ethernet from '../stack/wire/ethernet.ts';
import * as extension from '../stack/wire/extension.ts';
import * as ipv4 from '../stack/wire/ipv4.ts';
import * as ipv6 from '../stack/wire/ipv6.ts';
import * as tcp from '../stack/wire/tcp.ts';
import * as tcpOptions from '../stack/wire/tcp-options.ts';
import type { SeenSegment } from './sequence.ts';

const MOST_EXTENSIONS = 10;
const SHORTEST_EXTENSION = 8;
const IPV6 = { source: 8, destination: 24, octets: 16 } as const;
const IPV4 = { source: 12, destination: 16, octets: 4 } as const;

/** A segment that was read; one object is used again for all. */
export class TcpPacket implements SeenSegment {
  seq = 0;
  ack = 0;
  isAck = false;
  isSyn = false;
  isFin = false;
  isReset = false;
  length = 0;
  window = 0;
  sourcePort = 0;
  destinationPort = 0;
  isIpv6 = false;
  /** Where in the view the addresses begin: 4 octets each, or 16. */
  sourceAt = 0;
  destinationAt = 0;
  readonly #options = new tcpOptions.Options();
  readonly sackLeft: Int32Array = this.#options.sackLeft;
  readonly sackRight: Int32Array = this.#options.sackRight;

  get windowScale(): number {
    return this.#options.windowScale;
  }

  get sackCount(): number {
    return this.#options.sackCount;
  }

  /** Read the packet, or frame, of `length` bytes at `at`; false if it is no whole header of TCP. */
  read(v: DataView, at: number, length: number, isFrame = false): boolean {
    const end = Math.min(at + length, v.byteLength);
    const ip = isFrame ? this.#ipAt(v, at, end) : at;
    if (ip < 0 || ip + ipv4.MIN_LEN > end) return false;
    const version = v.getUint8(ip) >>> 4;
    if (version === ipv4.VERSION) return this.#readIpv4(v, ip, end);
    return version === ipv6.VERSION && this.#readIpv6(v, ip, end);
  }

  #ipAt(v: DataView, at: number, end: number): number {
    let ip = at + ethernet.HEADER_LEN;
    if (ip > end) return -1;
    let type = v.getUint16(ip - 2);
    while ((type === 0x8100 || type === 0x88a8) && ip + ethernet.TAG_LEN <= end) {
      type = v.getUint16(ip + 2); // IEEE 802.1Q §9.5
      ip += ethernet.TAG_LEN;
    }
    return type === ethernet.EtherType.IPV4 || type === ethernet.EtherType.IPV6 ? ip : -1;
  }

  #readIpv4(v: DataView, at: number, end: number): boolean {
    if (ipv4.protocol(v, at) !== ipv4.Protocol.TCP || ipv4.fragmentOffset(v, at) !== 0)
      return false;
    this.isIpv6 = false;
    this.sourceAt = at + IPV4.source;
    this.destinationAt = at + IPV4.destination;
    // What is cut into segments later may say 0; short frames are padded.
    const total = ipv4.totalLen(v, at);
    return this.#readTcp(v, at + ipv4.headerLen(v, at), total === 0 ? end : at + total, end);
  }

  #readIpv6(v: DataView, at: number, end: number): boolean {
    if (at + ipv6.HEADER_LEN > end) return false;
    this.isIpv6 = true;
    this.sourceAt = at + IPV6.source;
    this.destinationAt = at + IPV6.destination;
    const payload = ipv6.payloadLen(v, at);
    let next = ipv6.nextHeader(v, at);
    let place = at + ipv6.HEADER_LEN;
    for (let left = MOST_EXTENSIONS; extension.isExtension(next); left--) {
      if (left === 0 || place + SHORTEST_EXTENSION > end) return false;
      const kind = next;
      next = extension.nextHeader(v, place);
      if (kind === extension.Header.FRAGMENT) {
        if (extension.fragmentOffset(v, place) !== 0) return false;
        place += extension.FRAGMENT_LEN;
      } else if (kind === extension.Header.AUTHENTICATION) {
        place += 4 * (v.getUint8(place + 1) + 2); // RFC 4302 §2.2
      } else place += extension.length(v, place);
    }
    if (next !== ipv4.Protocol.TCP) return false;
    return this.#readTcp(v, place, payload === 0 ? end : at + ipv6.HEADER_LEN + payload, end);
  }

  /** `stop`: where the packet ends by its own words; `end`: where what was captured of it does. */
  #readTcp(v: DataView, at: number, stop: number, end: number): boolean {
    if (at + tcp.MIN_LEN > Math.min(stop, end)) return false;
    const header = tcp.headerLen(v, at);
    if (header < tcp.MIN_LEN || at + header > stop) return false;
    const flags = tcp.flags(v, at);
    this.seq = tcp.seq(v, at);
    this.ack = tcp.ack(v, at);
    this.isAck = (flags & tcp.Flag.ACK) !== 0;
    this.isSyn = (flags & tcp.Flag.SYN) !== 0;
    this.isFin = (flags & tcp.Flag.FIN) !== 0;
    this.isReset = (flags & tcp.Flag.RST) !== 0;
    this.window = tcp.window(v, at);
    this.sourcePort = tcp.srcPort(v, at);
    this.destinationPort = tcp.dstPort(v, at);
    this.length = stop - at - header;
    const options = Math.max(0, Math.min(at + header, end) - at - tcp.MIN_LEN);
    tcpOptions.read(v, at + tcp.MIN_LEN, options, this.#options);
    return true;
  }
}
