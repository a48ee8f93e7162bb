/**
 * Packets for tests of the internet layer: a layer with in-memory devices, packets written field by
 * field, and what came out as lines and fields.
 * @module
 */
import { type Address, fromOctets } from '../../src/stack/base/address.ts';
import { Drop, isOutbound } from '../../src/stack/base/drop.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Stat } from '../../src/stack/base/stats.ts';
import type { Interface, Offload } from '../../src/stack/ip/interface.ts';
import { NO_OFFLOAD } from '../../src/stack/ip/interface.ts';
import { Internet, type InternetOptions } from '../../src/stack/ip/internet/internet.ts';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';
import * as checksums from '../../src/stack/wire/checksum.ts';

/** `ip('10.0.0.1')`. */
export function ip(text: string): Address {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return fromOctets(a, b, c, d);
}

export const PEER: Address = ip('10.0.0.1');
export const US: Address = ip('10.0.0.2');

export interface Fields {
  source?: Address;
  destination?: Address;
  protocol?: number;
  id?: number;
  ttl?: number;
  tos?: number;
  /** In bytes. */
  offset?: number;
  more?: boolean;
  dontFragment?: boolean;
  /** A multiple of 4 bytes. */
  options?: readonly number[];
  body?: Uint8Array;
}

/** An IPv4 packet as these fields make it, its header checksum in place. */
export function packet(fields: Fields): Uint8Array {
  const { source = PEER, destination = US, protocol = 253, id = 1, ttl = 64, tos = 0 } = fields;
  const { offset = 0, more = false, dontFragment = false, options = [] } = fields;
  const body = fields.body ?? new Uint8Array(0);
  const headerLen = 20 + options.length;
  const bytes = new Uint8Array(headerLen + body.length);
  const v = new DataView(bytes.buffer);
  v.setUint8(0, 0x40 | (headerLen / 4));
  v.setUint8(1, tos);
  v.setUint16(2, bytes.length);
  v.setUint16(4, id);
  v.setUint16(6, (dontFragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | (offset / 8));
  v.setUint8(8, ttl);
  v.setUint8(9, protocol);
  v.setInt32(12, source);
  v.setInt32(16, destination);
  bytes.set(options, 20);
  bytes.set(body, headerLen);
  v.setUint16(10, checksums.finish(checksums.sumBytes(bytes, 0, headerLen)));
  return bytes;
}

/** An ICMP message with its checksum. `rest`: the 32 bits after it. */
export function icmp(
  type: number,
  code: number,
  rest: number,
  text: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(8 + text.length);
  const v = new DataView(bytes.buffer);
  v.setUint8(0, type);
  v.setUint8(1, code);
  v.setInt32(4, rest);
  bytes.set(text, 8);
  v.setUint16(2, checksums.finish(checksums.sumBytes(bytes, 0, bytes.length)));
  return bytes;
}

/** A UDP datagram with its checksum, unless told to have none. */
export function udp(
  source: Address,
  sourcePort: number,
  destination: Address,
  port: number,
  text: Uint8Array,
  checksummed = true,
): Uint8Array {
  const bytes = new Uint8Array(8 + text.length);
  const v = new DataView(bytes.buffer);
  v.setUint16(0, sourcePort);
  v.setUint16(2, port);
  v.setUint16(4, bytes.length);
  bytes.set(text, 8);
  if (checksummed) {
    const pseudo = checksums.pseudo(source, destination, 17) + checksums.lengthTerm(bytes.length);
    v.setUint16(6, checksums.finish(pseudo + checksums.sumBytes(bytes, 0, bytes.length)) || 0xffff);
  }
  return bytes;
}

/** `length` bytes that differ from their neighbours. */
export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_x, i) => (i * 7 + (i >> 8) + seed) & 0xff);
}

/** Fields of a packet that came out. */
export class Read {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get headerLen(): number {
    return (this.view.getUint8(0) & 15) * 4;
  }
  get tos(): number {
    return this.view.getUint8(1);
  }
  get totalLen(): number {
    return this.view.getUint16(2);
  }
  get id(): number {
    return this.view.getUint16(4);
  }
  get dontFragment(): boolean {
    return (this.view.getUint16(6) & 0x4000) !== 0;
  }
  get more(): boolean {
    return (this.view.getUint16(6) & 0x2000) !== 0;
  }
  get offset(): number {
    return (this.view.getUint16(6) & 0x1fff) * 8;
  }
  get ttl(): number {
    return this.view.getUint8(8);
  }
  get protocol(): number {
    return this.view.getUint8(9);
  }
  get source(): Address {
    return this.view.getInt32(12) as Address; // 32 bits of a header are an address
  }
  get destination(): Address {
    return this.view.getInt32(16) as Address; // likewise
  }
  get body(): Uint8Array {
    return this.bytes.subarray(this.headerLen, this.totalLen);
  }
  /** A 16-bit and an 8-bit field of the body. */
  u16(at: number): number {
    return this.view.getUint16(this.headerLen + at);
  }
  u8(at: number): number {
    return this.view.getUint8(this.headerLen + at);
  }
  /** True if the header's checksum fits. */
  get headerGood(): boolean {
    return checksums.good(checksums.sumBytes(this.bytes, 0, this.headerLen));
  }
  /** True if the checksum of an ICMP body fits. */
  get icmpGood(): boolean {
    return checksums.good(checksums.sumBytes(this.body, 0, this.body.length));
  }
  /** True if the checksum of a TCP or UDP body fits. */
  get transportGood(): boolean {
    const { body } = this;
    const pseudo = checksums.pseudo(this.source, this.destination, this.protocol);
    const sum = checksums.sumBytes(body, 0, body.length);
    return checksums.good(pseudo + checksums.lengthTerm(body.length) + sum);
  }
}

/** A device in memory: what was written to it, and whether it takes more. */
export class Wire {
  readonly sent: Uint8Array[] = [];
  /** False: the device is full. */
  open = true;
  flushes = 0;
  readonly #slots: Slots;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  write(at: number, length: number): boolean {
    if (!this.open) return false;
    this.sent.push(this.#slots.bytes.slice(at, at + length));
    return true;
  }

  flush(): void {
    this.flushes++;
  }

  /** The oldest packet that came out and was not looked at yet; throws if there is none. */
  take(headerLength = 0): Read {
    const bytes = this.sent.shift();
    if (bytes === undefined) throw new Error('nothing was sent');
    return new Read(bytes.subarray(headerLength));
  }
}

export interface HostOptions extends Partial<Omit<InternetOptions, 'slots'>> {
  slots?: { count?: number; packetSize?: number };
  mtu?: number;
  headerLength?: number;
  offload?: Offload;
  queueLimit?: number;
  /** `US` unless set. */
  address?: Address;
}

/** An internet layer at 10.0.0.2/24 with one device. */
export class Host {
  readonly net: Internet;
  readonly wire: Wire;
  readonly iface: Interface;
  readonly slots: Slots;

  constructor(options: HostOptions = {}) {
    const { count = 256, packetSize = 1500 } = options.slots ?? {};
    this.slots = new Slots({ count, packetSize, poison: true });
    const base = { random: new SeededRandom(1), now: 0 };
    this.net = new Internet({ ...base, ...options, slots: this.slots });
    this.wire = new Wire(this.slots);
    this.iface = this.addDevice('t0', this.wire, options.address ?? US, 24, options);
  }

  /** A further device. */
  addDevice(
    name: string,
    out: Wire,
    address: Address | undefined,
    bits: number,
    o: HostOptions = {},
  ): Interface {
    const { mtu = 1500, headerLength = 0, offload = NO_OFFLOAD, queueLimit = 1024 } = o;
    const iface = this.net.addInterface({ name, mtu, headerLength, offload, out, queueLimit });
    if (address !== undefined) this.net.routes.addAddress(iface, address, bits);
    return iface;
  }

  /** Hand packet bytes in, as a device with or without its own header would. */
  input(bytes: Uint8Array, iface: Interface = this.iface, deviceHeader?: Uint8Array): Drop {
    const slot = this.slots.acquire();
    if (slot < 0) throw new Error('no slot is free');
    const at = slot + HEADROOM - iface.headerLength;
    this.slots.bytes.fill(0, at, slot + HEADROOM);
    if (deviceHeader !== undefined) this.slots.bytes.set(deviceHeader, at);
    this.slots.bytes.set(bytes, slot + HEADROOM);
    const drop = this.net.input(iface, at, bytes.length + iface.headerLength);
    this.slots.release(slot);
    return drop;
  }

  /** Hand everything that came out of the device to another's; how many that were. */
  relay(to: Host): number {
    const packets = this.wire.sent.splice(0);
    for (const bytes of packets) to.input(bytes.subarray(this.iface.headerLength));
    return packets.length;
  }

  stat(name: keyof typeof Stat): number {
    return this.net.stats[Stat[name]] ?? 0;
  }

  /** The bytes `length` from `at`, copied. */
  bytes(at: number, length: number): Uint8Array {
    return this.slots.bytes.slice(at, at + length);
  }

  /** True if all slots are free and the counters add up. */
  get balanced(): boolean {
    const { net, slots } = this;
    let dropped = 0;
    for (const reason of Object.values(Drop)) {
      if (reason !== Drop.NONE && !isOutbound(reason)) dropped += net.drops[reason] ?? 0;
    }
    return slots.free === slots.count && net.packetsIn === net.packetsUsed + dropped;
  }
}
