/**
 * The packet that an ICMP error quotes, read and rewritten in place: who translates a packet translates
 * the errors about it too. The quote's checksums are brought up to date, and the error's with them, so
 * what was damaged stays so. RFC 792, RFC 3022 §4.3, RFC 5508 §4.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import * as checksums from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Packet } from '../packet.ts';
import { NO_PORT, SAME_PORT } from './rewrite.ts';

/** RFC 792: what is quoted of the transport header at least, ports among it. */
const MIN_QUOTE = 8;

/** One instance, filled again for every error. */
export class Quoted {
  protocol = 0;
  source: Address = ANY;
  destination: Address = ANY;
  /** Of an ICMP query both are its identifier; `NO_PORT` if there is none. */
  sourcePort: number = NO_PORT;
  destinationPort: number = NO_PORT;
  #error = 0;
  #at = 0;
  #body = 0;
  #end = 0;

  /** Read what `packet` quotes. False if it is no error, or quotes no header, or a later fragment. */
  read(v: DataView, packet: Packet): boolean {
    const { at, body, bodyLength } = packet;
    if (packet.protocol !== Protocol.ICMP || ipv4.isFragment(v, at)) return false;
    const quoted = icmp.quotedAt(body);
    const room = body + bodyLength - quoted;
    if (room < ipv4.MIN_LEN || !icmp.isError(icmp.type(v, body))) return false;
    const headerLen = ipv4.headerLen(v, quoted);
    if (ipv4.version(v, quoted) !== ipv4.VERSION || headerLen < ipv4.MIN_LEN) return false;
    if (room < headerLen + MIN_QUOTE || ipv4.fragmentOffset(v, quoted) !== 0) return false;
    this.#error = body;
    this.#at = quoted;
    this.#body = quoted + headerLen;
    this.#end = quoted + room;
    this.protocol = ipv4.protocol(v, quoted);
    this.source = ipv4.source(v, quoted);
    this.destination = ipv4.destination(v, quoted);
    this.sourcePort = this.#hasPorts ? udp.srcPort(v, this.#body) : this.#id(v);
    this.destinationPort = this.#hasPorts ? udp.dstPort(v, this.#body) : this.#id(v);
    return true;
  }

  setSource(v: DataView, address: Address, port: number = SAME_PORT): void {
    this.#rewrite(v, this.#at + 12, this.source, address, this.#body, this.sourcePort, port);
    this.source = address;
    if (port !== SAME_PORT && this.sourcePort !== NO_PORT) this.sourcePort = port;
  }

  setDestination(v: DataView, address: Address, port: number = SAME_PORT): void {
    const portAt = this.#body + 2;
    this.#rewrite(v, this.#at + 16, this.destination, address, portAt, this.destinationPort, port);
    this.destination = address;
    if (port !== SAME_PORT && this.destinationPort !== NO_PORT) this.destinationPort = port;
  }

  get #hasPorts(): boolean {
    return this.protocol === Protocol.TCP || this.protocol === Protocol.UDP;
  }

  #id(v: DataView): number {
    const isQuery = this.protocol === Protocol.ICMP && icmp.isQuery(icmp.type(v, this.#body));
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
    const header = checksums.update32(ipv4.headerChecksum(v, this.#at), old, address);
    this.#put(v, this.#at + 10, header);
    this.#put(v, addressAt, address >>> 16);
    this.#put(v, addressAt + 2, address & 0xffff);
    const fresh = port === SAME_PORT ? oldPort : port;
    const sumAt = this.#body + this.#sumOffset;
    if (oldPort === NO_PORT) return;
    const isUdp = this.protocol === Protocol.UDP;
    // It may be beyond what is quoted, as TCP's is with eight bytes; 0 in UDP: there is none.
    if (sumAt + 2 <= this.#end && !(isUdp && v.getUint16(sumAt) === 0)) {
      let sum = checksums.update16(v.getUint16(sumAt), oldPort, fresh);
      if (this.#hasPorts) sum = checksums.update32(sum, old, address);
      this.#put(v, sumAt, isUdp && sum === 0 ? 0xffff : sum);
    }
    this.#put(v, this.#hasPorts ? portAt : this.#body + 4, fresh);
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
