/**
 * A core on a device that carries frames, in virtual time: what it sends is kept, what it is sent comes
 * from the test.
 * @module
 */
import { type Address, fromOctets } from '../../src/stack/base/address.ts';
import type { Micros } from '../../src/stack/base/clock.ts';
import type { Drop } from '../../src/stack/base/drop.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import type { Interface } from '../../src/stack/ip/interface.ts';
import type { EthernetLink } from '../../src/stack/link/ethernet.ts';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';
import { Core } from '../../src/stack/stack.ts';
import * as arp from '../../src/stack/wire/arp.ts';
import * as ethernet from '../../src/stack/wire/ethernet.ts';
import * as ipv4 from '../../src/stack/wire/ipv4.ts';

export const S = 1_000_000;
export const OURS: Address = fromOctets(10, 0, 0, 2);
export const ROUTER: Address = fromOctets(10, 0, 0, 1);
export const PEER: Address = fromOctets(10, 0, 0, 3);
export const NOWHERE: Address = fromOctets(0, 0, 0, 0);
/** Ours ends in 02, the peer's in 03, the router's in 01. */
export const mac = (last: number): { hi: number; lo: number } => ({ hi: 0x0200, lo: last });

export class Station {
  readonly core: Core;
  readonly iface: Interface;
  readonly link: EthernetLink;
  now: Micros = 0;
  /** Frames that left, without the device's header. */
  sent: Uint8Array[] = [];
  readonly #headerLength: number;

  constructor(headerLength = 0) {
    this.#headerLength = headerLength;
    const slots = new Slots({ count: 512, packetSize: 2048, poison: true });
    const random = new SeededRandom(9);
    this.core = new Core({ slots, random, now: 0 });
    this.iface = this.core.addInterface(
      {
        name: 'tap0',
        mtu: 1500,
        headerLength,
        offload: { checksum: false, tso4: false, uso4: false },
        out: {
          write: (at, length) => {
            this.sent.push(slots.bytes.slice(at + headerLength, at + length));
            return true;
          },
          flush: () => {},
        },
      },
      mac(2),
    );
    this.link = this.iface.link as EthernetLink; // it was given one
    this.core.ip.routes.addAddress(this.iface, OURS, 24);
    this.core.ip.routes.add(NOWHERE, 0, { gateway: ROUTER });
    this.flush();
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

  /** A frame comes in. */
  receive(frame: Uint8Array): Drop {
    const { slots } = this.core;
    const slot = slots.acquire();
    const at = slot + HEADROOM - this.iface.lead;
    slots.bytes.fill(0, at, at + this.#headerLength);
    slots.bytes.set(frame, at + this.#headerLength);
    this.core.begin(this.now);
    const drop = this.core.input(this.iface, at, frame.length + this.#headerLength);
    slots.release(slot);
    this.flush();
    return drop;
  }

  /** What left since this was asked last, one line each. */
  take(): string[] {
    return this.sent.splice(0).map(describe);
  }

  drops(reason: Drop): number {
    return this.core.drops[reason] as number;
  }
}

/** A frame from the station whose address ends in `from`; `to` 0 is everyone. */
export function frame(from: number, to: number, type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.max(60, ethernet.HEADER_LEN + payload.length));
  const [s, d] = [mac(from), to === 0 ? { hi: 0xffff, lo: -1 } : mac(to)];
  ethernet.write(new DataView(bytes.buffer), 0, d.hi, d.lo, s.hi, s.lo, type);
  bytes.set(payload, ethernet.HEADER_LEN);
  return bytes;
}

export interface ArpOptions {
  readonly operation?: number;
  /** The last octet of the sender's hardware address. */
  readonly from: number;
  /** Whom the frame is for; 0: everyone. */
  readonly to?: number;
  readonly sender: Address;
  readonly target: Address;
}

export function arpFrame({ operation = 1, from, to = 0, sender, target }: ArpOptions): Uint8Array {
  const payload = new Uint8Array(arp.LEN);
  const [own, other] = [mac(from), operation === 1 ? { hi: 0, lo: 0 } : mac(to)];
  const v = new DataView(payload.buffer);
  arp.write(v, 0, operation, own.hi, own.lo, sender, other.hi, other.lo, target);
  return frame(from, to, ethernet.EtherType.ARP, payload);
}

/** `who has 10.0.0.3 tell 10.0.0.2 > all`, `10.0.0.2 is at 02 > 03`, `10.0.0.2 > 10.0.0.9 udp > 01`. */
function describe(bytes: Uint8Array): string {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hi = ethernet.destinationHi(v, 0);
  const last = ethernet.destinationLo(v, 0) & 0xff;
  const to = hi === 0xffff ? 'all' : hi === 0x0100 ? `group ${last}` : `0${last}`;
  const at = ethernet.HEADER_LEN;
  if (ethernet.type(v, 0) === ethernet.EtherType.ARP) {
    const [sender, target] = [dotted(arp.sender(v, at)), dotted(arp.target(v, at))];
    return arp.operation(v, at) === 1
      ? `who has ${target} tell ${sender} > ${to}`
      : `${sender} is at 0${arp.senderLo(v, at)} > ${to}`;
  }
  return `${dotted(ipv4.source(v, at))} > ${dotted(ipv4.destination(v, at))} ${ipv4.protocol(v, at)} > ${to}`;
}

const dotted = (address: Address): string =>
  [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');
