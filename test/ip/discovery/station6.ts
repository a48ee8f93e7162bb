/**
 * A host of IPv6 on a device that carries frames, in virtual time: what it sends is told in lines, what it is
 * sent comes from the test.
 *
 * `NS 2001:db8::2: :: > ff02::1:ff00:2 @33:33:ff:00:00:02`: the message and what it is about, from, to, and
 * the frame's address.
 * @module
 */
import { format, readIPv6, toBytes } from '../../../src/stack/base/address.ts';
import type { Micros } from '../../../src/stack/base/clock.ts';
import { type Drop, dropName } from '../../../src/stack/base/drop.ts';
import { SeededRandom } from '../../../src/stack/base/random.ts';
import type { AutoconfOptions } from '../../../src/stack/ip/discovery/autoconf.ts';
import type { Interface } from '../../../src/stack/ip/interface.ts';
import type { EthernetLink } from '../../../src/stack/link/ethernet.ts';
import { HEADROOM, Slots } from '../../../src/stack/memory/slots.ts';
import { Core } from '../../../src/stack/stack.ts';
import * as checksums from '../../../src/stack/wire/checksum.ts';
import * as ethernet from '../../../src/stack/wire/ethernet.ts';
import * as ipv6 from '../../../src/stack/wire/ipv6.ts';
import { address } from './addresses.ts';

export const S = 1_000_000;
export const OUR_MAC = { hi: 0x0200, lo: 2 } as const;

export class Station6 {
  readonly core: Core;
  readonly iface: Interface;
  readonly link: EthernetLink;
  now: Micros = 0;
  sent: Uint8Array[] = [];
  /** `2001:db8::2 lost to 02:00:00:00:00:09`. */
  readonly conflicts: string[] = [];

  constructor(seed = 9) {
    const slots = new Slots({ count: 512, packetSize: 2048, poison: true });
    this.core = new Core({ slots, random: new SeededRandom(seed), now: 0 });
    const out = {
      write: (at: number, length: number): boolean => {
        this.sent.push(slots.bytes.slice(at, at + length));
        return true;
      },
      flush: (): void => {},
    };
    const offload = { checksum: false, tso4: false, uso4: false };
    const options = { name: 'tap0', mtu: 1500, headerLength: 0, offload, out };
    this.iface = this.core.addInterface(options, OUR_MAC);
    this.link = this.iface.link as EthernetLink; // it was given one
    this.core.conflict = (_iface, claimed, hi, lo, kept) => {
      const what = kept ? 'claimed by' : 'lost to';
      this.conflicts.push(`${format(claimed)} ${what} ${ethernet.format(hi, lo)}`);
    };
  }

  enable(options?: Partial<AutoconfOptions>): void {
    this.core.begin(this.now);
    this.core.ip.discovery.enable(this.iface, options);
    this.flush();
  }

  add(text: string, bits = 64): void {
    this.core.begin(this.now);
    this.core.ip.discovery.addAddress(this.iface, address(text, this.iface.index), bits);
    this.flush();
  }

  /** Ours, with `old` and `temp` behind those that are. */
  get addresses(): string[] {
    return this.iface.addresses.map(
      (own) =>
        `${format(own.address)}${own.deprecated ? ' old' : ''}${own.temporary ? ' temp' : ''}`,
    );
  }

  get linkLocal(): string {
    return format(this.iface.linkLocal);
  }

  flush(): void {
    this.core.flush(this.now);
  }

  /** Let time pass, and do what is due on the way. */
  pass(time: Micros): void {
    const end = this.now + time;
    for (;;) {
      const due = this.core.deadline();
      if (due > end) break;
      this.now = Math.max(this.now, due);
      this.core.expire(this.now);
      this.flush();
    }
    this.now = end;
    this.core.begin(end);
  }

  /** A packet comes in from the station whose hardware address ends in `from`; the reason of a drop. */
  receive(packet: Uint8Array, from = 9): string {
    const { slots } = this.core;
    const slot = slots.acquire();
    const at = slot + HEADROOM - this.iface.lead;
    const first = packet[24] === 0xff;
    const [hi, lo] = first
      ? [0x3333, new DataView(packet.buffer, packet.byteOffset).getInt32(36)]
      : [OUR_MAC.hi, OUR_MAC.lo];
    ethernet.write(slots.view, at, hi, lo, 0x0200, from, ethernet.EtherType.IPV6);
    slots.bytes.set(packet, at + ethernet.HEADER_LEN);
    this.core.begin(this.now);
    const drop = this.core.input(this.iface, at, packet.length + ethernet.HEADER_LEN);
    slots.release(slot);
    this.flush();
    return dropName(drop as Drop);
  }

  /** What left since this was asked last, one line each. */
  take(): string[] {
    return this.sent.splice(0).map(describe);
  }

  /** The reach of a neighbour, or -1. */
  reach(text: string): number {
    return this.link.neighbours6.find(address(text, this.iface.index))?.reach ?? -1;
  }

  get idle(): boolean {
    return this.core.slots.free === this.core.slots.count;
  }
}

/** An IPv6 packet with an ICMPv6 message, its checksum right. */
export function message(
  source: string,
  destination: string,
  body: readonly number[],
  hopLimit = 255,
  extension: readonly number[] = [],
): Uint8Array {
  const [from, to] = [address(source), address(destination)];
  const bytes = new Uint8Array(40 + extension.length + body.length);
  const v = new DataView(bytes.buffer);
  const next = extension.length > 0 ? 0 : 58;
  ipv6.write(v, 0, 0, 0, bytes.length, next, hopLimit, from, to);
  bytes.set(extension, 40);
  bytes.set(body, 40 + extension.length);
  const at = 40 + extension.length;
  v.setUint16(at + 2, 0);
  const sum =
    checksums.pseudo(from, to, 58) +
    checksums.lengthTerm(body.length) +
    checksums.sumBytes(bytes, at, body.length);
  v.setUint16(at + 2, checksums.finish(sum));
  return bytes;
}

/** The octets of an address. */
export function octets(text: string): number[] {
  return [...toBytes(address(text))];
}

const TYPES: Record<number, string> = {
  128: 'echo',
  129: 'reply',
  131: 'report1',
  132: 'done',
  133: 'RS',
  134: 'RA',
  135: 'NS',
  136: 'NA',
  143: 'report',
};

function describe(bytes: Uint8Array): string {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mac = ethernet.format(ethernet.destinationHi(v, 0), ethernet.destinationLo(v, 0));
  const ip = ethernet.HEADER_LEN;
  const at = ip + 40 + (ipv6.nextHeader(v, ip) === 0 ? 8 : 0);
  const type = v.getUint8(at);
  const [source, destination] = [ipv6.source(v, ip), ipv6.destination(v, ip)].map(format);
  return `${TYPES[type] ?? type}${about(v, at, type)}: ${source} > ${destination} @${mac}`;
}

function about(v: DataView, at: number, type: number): string {
  if (type === 135) return ` ${format(readIPv6(v, at + 8, 0))}`;
  if (type === 136) {
    const flags = v.getUint8(at + 4);
    const names = ['R', 'S', 'O'].filter((_n, i) => (flags & (0x80 >> i)) !== 0).join('');
    return ` ${format(readIPv6(v, at + 8, 0))} ${names}`;
  }
  if (type === 131 || type === 132) return ` ${format(readIPv6(v, at + 8, 0))}`;
  return type === 143 ? ` ${v.getUint8(at + 8)} ${format(readIPv6(v, at + 12, 0))}` : '';
}
