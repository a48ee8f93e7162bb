/**
 * The packet that an ICMP error quotes, read and rewritten in place: who translates a packet translates
 * the errors about it too. The quote's checksums are brought up to date, and the error's with them, so
 * what was damaged stays so. RFC 792, RFC 4443 §3, RFC 3022 §4.3, RFC 5508 §4.
 * @module
 */
import { type Address, ANY, isSameFamily, wordOf } from '../../base/address.ts';
import * as checksums from '../../wire/checksum.ts';
import * as extension from '../../wire/extension.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Packet } from '../packet.ts';
import { NO_PORT, otherFamily, SAME_PORT } from './rewrite.ts';

/** RFC 792: what is quoted of the transport header at least, ports among it. */
const MIN_QUOTE = 8;
/** Where IPv4's header has its checksum and its addresses. */
const CHECKSUM_AT = 10;
const SOURCE_AT = 12;
const DESTINATION_AT = 16;

/** One instance, filled again for every error. */
export class Quoted {
  protocol = 0;
  source: Address = ANY;
  destination: Address = ANY;
  /** Of an ICMP query both are its identifier; `NO_PORT` if there is none. */
  sourcePort: number = NO_PORT;
  destinationPort: number = NO_PORT;
  readonly #chain: extension.Chain = new extension.Chain();
  #ipv6 = false;
  #error = 0;
  #at = 0;
  #body = 0;
  #end = 0;

  /** Read what `packet` quotes. False if it is no error, or quotes no header, or a later fragment. */
  read(v: DataView, packet: Packet): boolean {
    const { body, bodyLength } = packet;
    if (packet.fragment !== 0) return false;
    this.#ipv6 = packet.ipv6;
    if (packet.ipv6) return this.#read6(v, packet);
    if (packet.protocol !== Protocol.ICMP) return false;
    const quoted = icmp.quotedAt(body);
    const room = body + bodyLength - quoted;
    if (room < ipv4.MIN_LEN || !icmp.isError(icmp.type(v, body))) return false;
    const headerLen = ipv4.headerLen(v, quoted);
    if (ipv4.version(v, quoted) !== ipv4.VERSION || headerLen < ipv4.MIN_LEN) return false;
    if (room < headerLen + MIN_QUOTE || ipv4.fragmentOffset(v, quoted) !== 0) return false;
    this.#body = quoted + headerLen;
    this.#end = quoted + room;
    this.protocol = ipv4.protocol(v, quoted);
    this.source = ipv4.source(v, quoted);
    this.destination = ipv4.destination(v, quoted);
    return this.#readPorts(v, body, quoted);
  }

  #read6(v: DataView, packet: Packet): boolean {
    const { body, bodyLength } = packet;
    const quoted = icmp6.quotedAt(body);
    const end = body + bodyLength;
    if (packet.protocol !== Protocol.ICMPV6 || end - quoted < ipv6.HEADER_LEN) return false;
    if (!icmp6.isError(icmp6.type(v, body)) || v.getUint8(quoted) >> 4 !== ipv6.VERSION)
      return false;
    const chain = this.#chain;
    const found = extension.walk(v, quoted, end, chain);
    if (found === extension.Found.FRAGMENT && extension.fragmentOffset(v, chain.fragment) === 0) {
      this.protocol = extension.nextHeader(v, chain.fragment);
      this.#body = chain.fragment + extension.FRAGMENT_LEN;
    } else if (found === extension.Found.UPPER) {
      this.protocol = chain.next;
      this.#body = chain.body;
    } else return false;
    if (end - this.#body < MIN_QUOTE) return false;
    this.#end = end;
    const { iface } = packet;
    this.source = iface.own(ipv6.source(v, quoted, iface.index));
    this.destination = iface.own(ipv6.destination(v, quoted, iface.index));
    return this.#readPorts(v, body, quoted);
  }

  #readPorts(v: DataView, error: number, quoted: number): true {
    this.#error = error;
    this.#at = quoted;
    this.sourcePort = this.#hasPorts ? udp.srcPort(v, this.#body) : this.#id(v);
    this.destinationPort = this.#hasPorts ? udp.dstPort(v, this.#body) : this.#id(v);
    return true;
  }

  setSource(v: DataView, address: Address, port: number = SAME_PORT): void {
    const at = this.#at + (this.#ipv6 ? ipv6.SOURCE_AT : SOURCE_AT);
    this.#rewrite(v, at, this.source, address, this.#body, this.sourcePort, port);
    this.source = address;
    if (port !== SAME_PORT && this.sourcePort !== NO_PORT) this.sourcePort = port;
  }

  setDestination(v: DataView, address: Address, port: number = SAME_PORT): void {
    const portAt = this.#body + 2;
    const at = this.#at + (this.#ipv6 ? ipv6.DESTINATION_AT : DESTINATION_AT);
    this.#rewrite(v, at, this.destination, address, portAt, this.destinationPort, port);
    this.destination = address;
    if (port !== SAME_PORT && this.destinationPort !== NO_PORT) this.destinationPort = port;
  }

  get #hasPorts(): boolean {
    return this.protocol === Protocol.TCP || this.protocol === Protocol.UDP;
  }

  #id(v: DataView): number {
    const type = icmp.type(v, this.#body);
    const isQuery = this.#ipv6
      ? this.protocol === Protocol.ICMPV6 && icmp6.isQuery(type)
      : this.protocol === Protocol.ICMP && icmp.isQuery(type);
    return isQuery ? icmp.id(v, this.#body) : NO_PORT;
  }

  #rewrite(
    v: DataView,
    addressAt: number,
    old: Address,
    address: Address,
    portAt: number,
    oldPort: number,
    port: number,
  ): void {
    if (!isSameFamily(old, address)) throw otherFamily();
    this.#putAddress(v, addressAt, old, address);
    const fresh = port === SAME_PORT ? oldPort : port;
    const sumAt = this.#body + this.#sumOffset;
    if (oldPort === NO_PORT) return;
    const isUdp = this.protocol === Protocol.UDP;
    // It may be beyond what is quoted, as TCP's is with eight bytes; 0 in UDP: there is none.
    if (sumAt + 2 <= this.#end && !(isUdp && v.getUint16(sumAt) === 0)) {
      let sum = checksums.update16(v.getUint16(sumAt), oldPort, fresh);
      if (this.#hasPorts || this.#ipv6) sum = checksums.updateAddress(sum, old, address);
      this.#put(v, sumAt, isUdp && sum === 0 ? 0xffff : sum);
    }
    this.#put(v, this.#hasPorts ? portAt : this.#body + 4, fresh);
  }

  #putAddress(v: DataView, at: number, old: Address, address: Address): void {
    if (this.#ipv6) {
      const words = 8;
      for (let i = 0; i < words; i++) {
        const word = wordOf(address, i >> 1);
        this.#put(v, at + 2 * i, (i & 1) === 0 ? word >>> 16 : word & 0xffff);
      }
      return;
    }
    const header = checksums.update32(ipv4.headerChecksum(v, this.#at), old, address);
    this.#put(v, this.#at + CHECKSUM_AT, header);
    this.#put(v, at, address >>> 16);
    this.#put(v, at + 2, address & 0xffff);
  }

  get #sumOffset(): number {
    if (this.protocol === Protocol.TCP) return tcp.CHECKSUM_AT;
    return this.protocol === Protocol.UDP ? udp.CHECKSUM_AT : 2;
  }

  /** Store 16 bits of the message, at an even offset of it, and count them in its checksum. */
  #put(v: DataView, at: number, value: number): void {
    const sum = checksums.update16(icmp.checksum(v, this.#error), v.getUint16(at), value);
    icmp.setChecksum(v, this.#error, sum);
    v.setUint16(at, value);
  }
}
