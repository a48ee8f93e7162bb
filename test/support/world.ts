/**
 * Two stacks and the link between them in virtual time: a clock that only moves when nothing is left
 * to do, and packets that arrive when the link says.
 * @module
 */
import { type Address, fromOctets } from '../../src/stack/base/address.ts';
import { NEVER } from '../../src/stack/base/clock.ts';
import { SeededRandom, unit } from '../../src/stack/base/random.ts';
import type { Interface } from '../../src/stack/ip/interface.ts';
import { NO_OFFLOAD } from '../../src/stack/ip/interface.ts';
import { HEADROOM, NO_SLOT, Slots } from '../../src/stack/memory/slots.ts';
import { Core, type CoreOptions } from '../../src/stack/stack.ts';

/** What a link does to the packets of one direction. Times are microseconds, rates bytes a second. */
export interface LinkOptions {
  readonly delay?: number;
  readonly jitter?: number;
  /** 0: without limit. */
  readonly rate?: number;
  /** Packets that wait for a slow link. */
  readonly queue?: number;
  readonly loss?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  /** The share of packets that are held back by `reorderBy`. */
  readonly reorder?: number;
  readonly reorderBy?: number;
  /** Look at (and by giving false lose) each packet. */
  readonly filter?: (packet: Uint8Array, now: number) => boolean;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock and what is to happen when. */
export class Timeline {
  now = 1_000_000;
  #events: Event[] = [];
  #order = 0;

  at(time: number, run: () => void): void {
    const event = { at: time, order: this.#order++, run };
    let i = this.#events.length;
    this.#events.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, this.#events[parent] as Event)) break;
      this.#events[i] = this.#events[parent] as Event;
      i = parent;
    }
    this.#events[i] = event;
  }

  get next(): number {
    return this.#events[0]?.at ?? NEVER;
  }

  /** Run the soonest event; false if there is none. */
  step(): boolean {
    const first = this.#events[0];
    if (first === undefined) return false;
    const last = this.#events.pop() as Event;
    if (this.#events.length > 0) this.#sink(last);
    this.now = Math.max(this.now, first.at);
    first.run();
    return true;
  }

  #sink(event: Event): void {
    let i = 0;
    const n = this.#events.length;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && before(this.#events[child + 1] as Event, this.#events[child] as Event)) {
        child++;
      }
      if (!before(this.#events[child] as Event, event)) break;
      this.#events[i] = this.#events[child] as Event;
      i = child;
    }
    this.#events[i] = event;
  }
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** One stack on the timeline. */
export class Host {
  readonly core: Core;
  readonly iface: Interface;
  readonly address: Address;
  readonly #line: Timeline;
  #awake = false;
  #timer = NEVER;

  constructor(
    line: Timeline,
    random: SeededRandom,
    address: Address,
    send: (packet: Uint8Array) => void,
    options: Partial<CoreOptions> & { readonly mtu?: number; readonly slots?: Slots } = {},
  ) {
    this.#line = line;
    this.address = address;
    const mtu = options.mtu ?? 1500;
    const slots = options.slots ?? new Slots({ count: 256, packetSize: Math.max(mtu, 1500) });
    this.core = new Core({ random, now: line.now, ...options, slots });
    this.core.thrown = (error) => {
      throw error;
    };
    this.core.wake = () => this.wake();
    const { bytes } = slots;
    this.iface = this.core.addInterface({
      name: 'sim0',
      mtu,
      headerLength: 0,
      offload: NO_OFFLOAD,
      out: {
        write: (at, length) => {
          send(bytes.slice(at, at + length));
          return true;
        },
        flush: () => {},
      },
    });
    this.core.ip.routes.addAddress(this.iface, address, 24);
  }

  /** Flush soon, at this same time. */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#line.at(this.#line.now, () => {
      this.#awake = false;
      this.core.flush(this.#line.now);
      this.#arm();
    });
  }

  receive(packet: Uint8Array): void {
    const { core } = this;
    const { slots } = core;
    core.begin(this.#line.now);
    const slot = slots.acquire();
    if (slot === NO_SLOT) throw new Error('the simulation ran out of packet slots');
    slots.bytes.set(packet, slot + HEADROOM);
    core.input(this.iface, slot + HEADROOM, packet.length);
    slots.release(slot);
    this.wake();
  }

  #arm(): void {
    const due = this.core.deadline();
    if (due >= this.#timer || due === NEVER) return;
    this.#timer = due;
    this.#line.at(due, () => {
      if (this.#timer !== due) return;
      this.#timer = NEVER;
      this.core.expire(this.#line.now);
      this.wake();
    });
  }
}

/** Two hosts, 10.0.0.1 and 10.0.0.2, and a link each way. */
export class World {
  readonly line: Timeline = new Timeline();
  readonly a: Host;
  readonly b: Host;
  readonly random: SeededRandom;
  /** Packets that each direction was given, and lost. */
  readonly sent: [number, number] = [0, 0];
  readonly lost: [number, number] = [0, 0];
  /** Look at every packet that is put on the link. */
  tap: (packet: Uint8Array, fromA: boolean, now: number) => void = () => {};
  readonly #links: [LinkOptions, LinkOptions];
  readonly #free: [number, number] = [0, 0];

  constructor(options: {
    readonly seed?: number;
    readonly link?: LinkOptions;
    /** The way back, if it differs. */
    readonly back?: LinkOptions;
    readonly a?: ConstructorParameters<typeof Host>[4];
    readonly b?: ConstructorParameters<typeof Host>[4];
  }) {
    this.random = new SeededRandom(options.seed ?? 1);
    const link = options.link ?? {};
    this.#links = [link, options.back ?? link];
    const { line, random } = this;
    this.a = new Host(
      line,
      new SeededRandom(random.int32()),
      fromOctets(10, 0, 0, 1),
      (p) => this.#carry(0, p),
      options.a,
    );
    this.b = new Host(
      line,
      new SeededRandom(random.int32()),
      fromOctets(10, 0, 0, 2),
      (p) => this.#carry(1, p),
      options.b,
    );
  }

  get now(): number {
    return this.line.now;
  }

  /** Let `micros` pass. */
  run(micros: number): void {
    const end = this.line.now + micros;
    while (this.line.next <= end) this.line.step();
    this.line.now = end;
  }

  /** Go on until `done`, at most for `micros`; true if it came to that. */
  until(done: () => boolean, micros: number): boolean {
    const end = this.line.now + micros;
    while (!done()) {
      if (this.line.next > end || !this.line.step()) return done();
    }
    return true;
  }

  #carry(way: 0 | 1, packet: Uint8Array): void {
    const link = this.#links[way];
    const { line, random } = this;
    this.sent[way]++;
    this.tap(packet, way === 0, line.now);
    const chance = (share: number | undefined): boolean =>
      share !== undefined && share > 0 && unit(random) < share;
    if (chance(link.loss) || (link.filter && !link.filter(packet, line.now))) {
      this.lost[way]++;
      return;
    }
    let leave = line.now;
    if (link.rate !== undefined && link.rate > 0) {
      const each = (packet.length * 1e6) / link.rate;
      const start = Math.max(line.now, this.#free[way]);
      if (start - line.now > (link.queue ?? 1000) * each) {
        this.lost[way]++;
        return;
      }
      this.#free[way] = start + each;
      leave = start + each;
    }
    let arrive = leave + (link.delay ?? 0);
    if (link.jitter) arrive += unit(random) * link.jitter;
    if (chance(link.reorder)) arrive += link.reorderBy ?? 0;
    const to = way === 0 ? this.b : this.a;
    if (chance(link.corrupt)) {
      const bit = random.int32() >>> 0;
      const at = bit % packet.length;
      packet[at] = (packet[at] as number) ^ (1 << (bit >>> 29)); // inside the packet
    }
    line.at(arrive, () => to.receive(packet));
    if (chance(link.duplicate)) line.at(arrive + 10, () => to.receive(packet.slice()));
  }
}
