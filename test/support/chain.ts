/**
 * Stacks in a row in virtual time: two ends and the routers between them, each joint a pipe with an MTU,
 * delay and rate of its own. The ends are 10.0.0.1 and 10.0.n.2, or fd83::1 and fd83:0:0:n::2; the routers have
 * ICMP of their own.
 * @module
 */
import type { Device } from '../../src/device/device.ts';
import { type ImpairedDevice, impair } from '../../src/device/impair/impair.ts';
import type { Impairment } from '../../src/device/impair/impairment.ts';
import { createPipe } from '../../src/device/pipe.ts';
import {
  type Address,
  ANY,
  ANY6,
  fromOctets,
  fromWords,
  isIPv6,
  keepForever,
} from '../../src/stack/base/address.ts';
import { NEVER } from '../../src/stack/base/clock.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Stat } from '../../src/stack/base/stats.ts';
import type { Interface } from '../../src/stack/ip/interface.ts';
import { HEADROOM, NO_SLOT, Slots } from '../../src/stack/memory/slots.ts';
import { Core, type CoreOptions } from '../../src/stack/stack.ts';
import { Timeline } from './timeline.ts';

const bitsOf = (address: Address): number => (isIPv6(address) ? 64 : 24);

/** A rate that lets none out. */
const NO_ERRORS = { all: 0, each: 0 };

/** A stack on any number of devices. */
export class ChainNode {
  readonly core: Core;
  readonly slots: Slots;
  readonly #line: Timeline;
  #awake = false;
  #timer = NEVER;

  constructor(line: Timeline, seed: number, packetSize: number, options: Partial<CoreOptions>) {
    this.#line = line;
    this.slots = new Slots({ count: 2048, packetSize });
    const random = new SeededRandom(seed);
    this.core = new Core({ random, ...options, slots: this.slots, now: line.now() });
    this.core.thrown = (error) => {
      throw error;
    };
    this.core.wake = () => this.wake();
  }

  attach(device: Device, address: Address): Interface {
    const { core, slots } = this;
    const { name, mtu, headerLength, offload } = device;
    const iface = core.addInterface({
      ...{ name, mtu, headerLength, offload, queueLimit: 4096 },
      out: { write: (at, n) => device.write(at, n), flush: () => device.flush() },
    });
    core.ip.routes.addAddress(iface, address, bitsOf(address));
    device.start({
      memory: slots.bytes,
      readable: () => this.#drain(device, iface),
      writable: () => {
        core.ip.writable(iface);
        this.wake();
      },
      closed: () => {},
    });
    return iface;
  }

  stat(name: keyof typeof Stat): number {
    return this.core.stats[Stat[name]] as number; // `Stat` holds only indices inside
  }

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#line.at(this.#line.now(), () => {
      this.#awake = false;
      this.core.flush(this.#line.now());
      this.#arm();
    });
  }

  #drain(device: Device, iface: Interface): void {
    const { core, slots } = this;
    core.begin(this.#line.now());
    for (;;) {
      const slot = slots.acquire();
      if (slot === NO_SLOT) throw new Error('the chain ran out of packet slots');
      const at = slot + HEADROOM - device.headerLength;
      const length = device.read(at, device.headerLength + device.maxPacket);
      if (length > 0) core.input(iface, at, length);
      slots.release(slot);
      if (length === 0) break;
    }
    core.flush(this.#line.now());
    this.#arm();
  }

  #arm(): void {
    const due = this.core.deadline();
    if (due >= this.#timer || due === NEVER) return;
    this.#timer = due;
    this.#line.at(Math.max(due, this.#line.now()), () => {
      if (this.#timer !== due) return;
      this.#timer = NEVER;
      this.core.expire(this.#line.now());
      this.core.flush(this.#line.now());
      this.#arm();
    });
  }
}

export interface Joint {
  readonly mtu: number;
  /** What it does to packets in each direction. */
  readonly link?: Impairment;
}

export interface ChainOptions {
  /** One joint more than there are routers. */
  readonly joints: readonly Joint[];
  readonly seed?: number;
  /** False: the routers say nothing when a packet is too long. */
  readonly icmp?: boolean;
  readonly ends?: Partial<CoreOptions>;
  readonly ipv6?: boolean;
}

export class Chain {
  readonly line: Timeline = new Timeline();
  readonly nodes: readonly ChainNode[];
  readonly links: readonly ImpairedDevice[];
  /** Our end, and the far one with its address. */
  readonly here: ChainNode;
  readonly there: ChainNode;
  readonly far: Address;

  constructor({ joints, seed = 1, icmp = true, ends = {}, ipv6 = false }: ChainOptions) {
    const place = (net: number, host: number): Address =>
      ipv6 ? keepForever(fromWords(0xfd83_0000, net, 0, host)) : fromOctets(10, 0, net, host);
    const anywhere = ipv6 ? ANY6 : ANY;
    const { line } = this;
    const random = new SeededRandom(seed);
    const longest = Math.max(...joints.map(({ mtu }) => mtu));
    const router: Partial<CoreOptions> = {
      ip: {
        forwarding: true,
        ...(icmp ? {} : { errorRates: { tooBig: NO_ERRORS, others: NO_ERRORS } }),
      },
    };
    const nodes = [...joints, undefined].map((_joint, i) => {
      const isEnd = i === 0 || i === joints.length;
      return new ChainNode(line, random.int32(), longest, isEnd ? ends : router);
    });
    this.nodes = nodes;
    this.links = joints.map(({ mtu, link = {} }, i) => {
      const schedule = (fn: () => void): void => line.at(line.now(), fn);
      const [left, right] = createPipe({ mtu, schedule, limit: 65_536 });
      const impaired = impair(left, { seed: random.int32(), clock: line, both: link });
      const [from, to] = [nodes[i], nodes[i + 1]] as [ChainNode, ChainNode]; // one more than joints
      const near = from.attach(impaired, place(i, 1));
      const off = to.attach(right, place(i, 2));
      // To the right by default, and to the left what is left of here.
      from.core.ip.routes.add(anywhere, 0, { gateway: place(i, 2), iface: near });
      for (let j = 0; j < i; j++) {
        const gateway = place(i, 1);
        to.core.ip.routes.add(place(j, 0), bitsOf(gateway), { gateway, iface: off });
      }
      return impaired;
    });
    this.here = nodes[0] as ChainNode; // there are two at least
    this.there = nodes[joints.length] as ChainNode;
    this.far = place(joints.length - 1, 2);
  }
}
