/**
 * What a filter asks of one packet, read from its headers once: family, protocol, addresses, ports.
 *
 * One object is used again for every packet. Nothing of it is believed before it was read within the
 * packet's bytes, so any bytes whatever may be given.
 * @module
 */
import * as arp from '../stack/wire/arp.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import * as extension from '../stack/wire/extension.ts';
import * as ipv4 from '../stack/wire/ipv4.ts';
import { Protocol } from '../stack/wire/protocol.ts';

/** What a packet is, by its EtherType. */
export const Family = { NONE: 0, IPV4: 0x0800, ARP: 0x0806, IPV6: 0x86dd } as const;

const IPV6 = { HEADER_LEN: 40, next: 6, source: 8, destination: 24 } as const; // RFC 8200 §3
const PORTS_LEN = 4;
const Tag = { CUSTOMER: 0x8100, SERVICE: 0x88a8 } as const; // IEEE 802.1Q §9.5
/** So many extension headers are looked through; of a longer chain the transport stays unknown. */
const MOST_EXTENSIONS = 10;
const SHORTEST_EXTENSION = 8;
const NO_PROTOCOL = -1;

/** An address: the one word of IPv4, the four of IPv6, the most significant first. */
export type Words = Int32Array;

export class Facts {
  /** One of `Family`. */
  family: number = Family.NONE;
  /** Bytes of the packet, its link header included where there is one. */
  length = 0;
  /** What follows the IP headers; -1 where that is not known. */
  protocol: number = NO_PROTOCOL;
  /** Whether the next two are those of a transport: not so in later fragments. */
  hasPorts = false;
  sourcePort = 0;
  destinationPort = 0;
  readonly source: Words = new Int32Array(4);
  readonly destination: Words = new Int32Array(4);

  /** Read the packet, or frame, of `length` bytes at `at`. */
  read(v: DataView, at: number, length: number, isFrame: boolean): void {
    this.family = Family.NONE;
    this.length = length;
    this.protocol = NO_PROTOCOL;
    this.hasPorts = false;
    const end = Math.min(at + length, v.byteLength);
    if (!isFrame) {
      if (end > at) this.#readIp(v, at, end);
      return;
    }
    let ip = at + ethernet.HEADER_LEN;
    if (ip > end) return;
    let type = v.getUint16(ip - 2);
    while ((type === Tag.CUSTOMER || type === Tag.SERVICE) && ip + ethernet.TAG_LEN <= end) {
      type = v.getUint16(ip + 2);
      ip += ethernet.TAG_LEN;
    }
    if (type === Family.ARP) this.#readArp(v, ip, end);
    else if ((type === Family.IPV4 || type === Family.IPV6) && ip < end) this.#readIp(v, ip, end);
  }

  #readArp(v: DataView, at: number, end: number): void {
    this.family = Family.ARP;
    if (!arp.valid(v, at, end - at)) return;
    this.source[0] = arp.sender(v, at);
    this.destination[0] = arp.target(v, at);
  }

  #readIp(v: DataView, at: number, end: number): void {
    const version = v.getUint8(at) >>> 4;
    if (version === 4 && end - at >= ipv4.MIN_LEN) this.#readIpv4(v, at, end);
    else if (version === 6 && end - at >= IPV6.HEADER_LEN) this.#readIpv6(v, at, end);
  }

  #readIpv4(v: DataView, at: number, end: number): void {
    this.family = Family.IPV4;
    this.protocol = ipv4.protocol(v, at);
    this.source[0] = v.getInt32(at + 12);
    this.destination[0] = v.getInt32(at + 16);
    if (ipv4.fragmentOffset(v, at) === 0) this.#readPorts(v, at + ipv4.headerLen(v, at), end);
  }

  #readIpv6(v: DataView, at: number, end: number): void {
    this.family = Family.IPV6;
    for (let word = 0; word < 4; word++) {
      this.source[word] = v.getInt32(at + IPV6.source + 4 * word);
      this.destination[word] = v.getInt32(at + IPV6.destination + 4 * word);
    }
    let next = v.getUint8(at + IPV6.next);
    let place = at + IPV6.HEADER_LEN;
    for (let left = MOST_EXTENSIONS; extension.isExtension(next); left--) {
      if (left === 0 || place + SHORTEST_EXTENSION > end) return;
      const kind = next;
      next = extension.nextHeader(v, place);
      if (kind === extension.Header.FRAGMENT) {
        this.protocol = next;
        if (extension.fragmentOffset(v, place) !== 0) return;
        place += extension.FRAGMENT_LEN;
      } else if (kind === extension.Header.AUTHENTICATION) {
        place += 4 * (v.getUint8(place + 1) + 2); // RFC 4302 §2.2
      } else place += extension.length(v, place);
    }
    this.protocol = next;
    this.#readPorts(v, place, end);
  }

  #readPorts(v: DataView, at: number, end: number): void {
    const { protocol } = this;
    if (protocol !== Protocol.TCP && protocol !== Protocol.UDP) return;
    if (at + PORTS_LEN > end) return;
    this.hasPorts = true;
    this.sourcePort = v.getUint16(at);
    this.destinationPort = v.getUint16(at + 2);
  }
}
