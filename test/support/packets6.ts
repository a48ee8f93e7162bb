/**
 * Packets of IPv6 for tests of the internet layer, as `packets.ts` has those of IPv4.
 * @module
 */

import { parseLiteral } from '../../src/stack/api/door/literal.ts';
import { type Address, fromBytes, keepForever } from '../../src/stack/base/address.ts';
import type { Drop } from '../../src/stack/base/drop.ts';
import * as checksums from '../../src/stack/wire/checksum.ts';
import * as ipv6 from '../../src/stack/wire/ipv6.ts';
import { Host, type HostOptions } from './packets.ts';

/** `ip6('fd83::1')`, which stays. */
export function ip6(text: string, zone = 0): Address {
  const literal = parseLiteral(text);
  if (literal === undefined) throw new Error(`no address: ${text}`);
  return keepForever(fromBytes(literal.octets, 0, zone));
}

export const PEER6: Address = ip6('fd83::1');
export const US6: Address = ip6('fd83::2');

/** One after the other, as they stand before what is carried. */
export interface Extension {
  readonly kind: number;
  /** All of its bytes but the first, a multiple of 8 less one. */
  readonly bytes: readonly number[];
}

export interface Fields6 {
  source?: Address;
  destination?: Address;
  protocol?: number;
  hopLimit?: number;
  trafficClass?: number;
  flowLabel?: number;
  extensions?: readonly Extension[];
  body?: Uint8Array;
}

/** An IPv6 packet as these fields make it. */
export function packet6(fields: Fields6): Uint8Array {
  const { source = PEER6, destination = US6, protocol = 253, hopLimit = 64 } = fields;
  const { trafficClass = 0, flowLabel = 0, extensions = [] } = fields;
  const body = fields.body ?? new Uint8Array(0);
  const kinds = [...extensions.map((one) => one.kind), protocol];
  const before = extensions.flatMap(({ bytes }, i) => [kinds[i + 1] ?? 0, ...bytes]);
  const bytes = new Uint8Array(40 + before.length + body.length);
  const v = new DataView(bytes.buffer);
  const first = kinds[0] ?? 0;
  ipv6.write(v, 0, trafficClass, flowLabel, bytes.length, first, hopLimit, source, destination);
  bytes.set(before, 40);
  bytes.set(body, 40 + before.length);
  return bytes;
}

/** A fragment header. */
export function fragment(offset: number, more: boolean, id = 1): Extension {
  const word = offset | (more ? 1 : 0);
  return {
    kind: 44,
    bytes: [0, word >> 8, word & 255, id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255],
  };
}

/** A header of options, or of routing, of 8 octets a unit. */
export const extension = (kind: number, ...bytes: number[]): Extension => ({
  kind,
  bytes: [(bytes.length + 2) / 8 - 1, ...bytes],
});

/** An ICMPv6 message with its checksum. `rest`: the 32 bits after it. */
export function icmp6(
  type: number,
  code: number,
  rest: number,
  text: Uint8Array = new Uint8Array(0),
  source: Address = PEER6,
  destination: Address = US6,
): Uint8Array {
  const bytes = new Uint8Array(8 + text.length);
  const v = new DataView(bytes.buffer);
  v.setUint8(0, type);
  v.setUint8(1, code);
  v.setUint32(4, rest);
  bytes.set(text, 8);
  const pseudo = checksums.pseudo(source, destination, 58) + checksums.lengthTerm(bytes.length);
  v.setUint16(2, checksums.finish(pseudo + checksums.sumBytes(bytes, 0, bytes.length)));
  return bytes;
}

/** Fields of a packet that came out, without extension headers but that of a fragment. */
export class Read6 {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get source(): Address {
    return ipv6.source(this.view, 0);
  }
  get destination(): Address {
    return ipv6.destination(this.view, 0);
  }
  get hopLimit(): number {
    return ipv6.hopLimit(this.view, 0);
  }
  get flowLabel(): number {
    return ipv6.flowLabel(this.view, 0);
  }
  get next(): number {
    return ipv6.nextHeader(this.view, 0);
  }
  get body(): Uint8Array {
    return this.bytes.subarray(40, ipv6.totalLen(this.view, 0));
  }
  u8(at: number): number {
    return this.view.getUint8(40 + at);
  }
  u16(at: number): number {
    return this.view.getUint16(40 + at);
  }
  u32(at: number): number {
    return this.view.getUint32(40 + at);
  }
  /** True if the transport's or ICMPv6's checksum fits. */
  get sumGood(): boolean {
    const { body } = this;
    const pseudo = checksums.pseudo(this.source, this.destination, this.next);
    const sum = checksums.sumBytes(body, 0, body.length);
    return checksums.good(pseudo + checksums.lengthTerm(body.length) + sum);
  }
}

/** An internet layer at fd83::2/64 (and 10.0.0.2/24) with one device. */
export class Host6 extends Host {
  constructor(options: HostOptions = {}) {
    super(options);
    this.net.routes.addAddress(this.iface, US6, 64);
  }

  /** Hand a packet in; what became of it. */
  take(fields: Fields6): Drop {
    return this.input(packet6(fields));
  }

  /** The oldest packet that came out; throws if there is none. */
  get out(): Read6 {
    const bytes = this.wire.sent.shift();
    if (bytes === undefined) throw new Error('nothing was sent');
    return new Read6(bytes);
  }
}
