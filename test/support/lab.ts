/**
 * One stack on a fake clock, with a device that keeps what the stack sends: the bench on which
 * `Peer` works.
 * @module
 */
import type { ExecutionContext } from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import type { Failure } from '../../src/stack/base/failure.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Stat } from '../../src/stack/base/stats.ts';
import { type Interface, NO_OFFLOAD, type Offload } from '../../src/stack/ip/interface.ts';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';
import { Core, type CoreOptions } from '../../src/stack/stack.ts';
import { keptBy } from '../../src/stack/tcp/memory/kept.ts';
import type { Owner } from '../../src/stack/tcp/tcb/owner.ts';
import type { Limits, Settings } from '../../src/stack/tcp/tcb/settings.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { US, Wire } from './packets.ts';

export const MS = 1_000;
export const S = 1_000_000;

export interface LabOptions {
  readonly seed?: number;
  readonly mtu?: number;
  readonly slots?: number;
  readonly offload?: Offload;
  readonly tcp?: Partial<Settings>;
  readonly limits?: Partial<Limits>;
  readonly ip?: CoreOptions['ip'];
  /** Where the clock stands at the beginning. */
  readonly now?: number;
}

/** How many times `advance` lets a deadline come at one time before it calls that a loop. */
const MOST_ROUNDS = 100_000;

export class Lab {
  readonly t: ExecutionContext;
  readonly core: Core;
  readonly slots: Slots;
  readonly wire: Wire;
  readonly iface: Interface;
  now: number;
  /** What each side sent, a line a packet. */
  readonly exchange: string[] = [];
  /** Called for every packet that leaves. */
  onPacket: (bytes: Uint8Array) => void = () => {};
  readonly #start: number;
  /** Inside `batch`: no flush between packets. */
  #batching = false;

  constructor(t: ExecutionContext, options: LabOptions = {}) {
    const { seed = 1, mtu = 1500, slots = 256, offload = NO_OFFLOAD, now = S } = options;
    this.t = t;
    this.now = now;
    this.#start = now;
    const packetSize = offload.tso4 ? 65_535 : Math.max(mtu, 1500);
    this.slots = new Slots({ count: slots, packetSize, poison: true });
    this.core = new Core({
      slots: this.slots,
      random: new SeededRandom(seed),
      now,
      tcp: { pacing: false, ...options.tcp },
      ...(options.limits && { limits: options.limits }),
      ...(options.ip && { ip: options.ip }),
    });
    this.core.thrown = (error) => {
      throw error;
    };
    this.wire = new Wire(this.slots);
    const headerLength = 0;
    const out = this.wire;
    this.iface = this.core.addInterface({ name: 't0', mtu, headerLength, offload, out });
    this.core.ip.routes.addAddress(this.iface, US, 24);
    t.teardown(() => this.#audit());
  }

  /** Hand a packet in; what it makes the stack send leaves at once, unless in a `batch`. */
  input(bytes: Uint8Array): Drop {
    const { core, slots } = this;
    const slot = slots.acquire();
    if (slot < 0) throw new Error('no slot is free');
    core.begin(this.now);
    slots.bytes.set(bytes, slot + HEADROOM);
    const drop = core.input(this.iface, slot + HEADROOM, bytes.length);
    slots.release(slot);
    if (!this.#batching) this.flush();
    return drop;
  }

  /** What the stack is given in `work` is one batch: it sends at the end. */
  batch(work: () => void): void {
    this.#batching = true;
    work();
    this.#batching = false;
    this.flush();
  }

  flush(): void {
    this.core.flush(this.now);
    for (const bytes of this.wire.sent.splice(0)) this.onPacket(bytes);
  }

  /** Let `micros` pass: timers go off at their times. */
  advance(micros: number): void {
    const end = this.now + micros;
    let rounds = 0;
    while (this.core.deadline() <= end) {
      if (++rounds > MOST_ROUNDS) throw new Error('timers go off without end');
      this.now = Math.max(this.now, this.core.deadline());
      this.core.expire(this.now);
      this.flush();
    }
    this.now = end;
    this.core.begin(this.now);
  }

  /** Let the next timer go off. */
  advanceToNext(): void {
    this.advance(Math.max(0, this.core.deadline() - this.now));
  }

  /** True if something is waited for. */
  get armed(): boolean {
    return Number.isFinite(this.core.deadline());
  }

  stat(name: keyof typeof Stat): number {
    return this.core.stats[Stat[name]] ?? 0;
  }

  drops(reason: Drop): number {
    return this.core.drops[reason] ?? 0;
  }

  note(line: string): void {
    this.exchange.push(`${((this.now - this.#start) / S).toFixed(6)} ${line}`);
  }

  /** What went over the wire so far, for a failing test. */
  get story(): string {
    return this.exchange.slice(-60).join('\n');
  }

  /** A slot that is not given back, a byte or a packet that is not counted, fails any test. */
  #audit(): void {
    const { core, slots } = this;
    if (slots.free !== slots.count) throw new Error(`${slots.count - slots.free} slots leaked`);
    for (const tcb of core.tcp.table) {
      if (keptBy(tcb) !== tcb.kept) throw new Error(`${tcb.kept} bytes kept, not ${keptBy(tcb)}`);
    }
    const { total, holders } = core.tcp.budget;
    const sum = holders.reduce((bytes, { kept }) => bytes + kept, 0);
    if (sum !== total) throw new Error(`${sum} bytes kept, ${total} counted`);
    let dropped = 0;
    for (let reason = 1; reason < Drop.OUT_NO_SLOT; reason++) dropped += core.drops[reason] ?? 0;
    const { packetsIn, packetsUsed } = core.ip;
    if (packetsIn !== packetsUsed + dropped) {
      throw new Error(`${packetsIn} packets in, ${packetsUsed} used, ${dropped} dropped`);
    }
  }
}

/** An owner that writes down what it is told. */
export class App implements Owner {
  tcb: Tcb | undefined;
  readonly events: string[] = [];
  readonly released: unknown[] = [];
  closed: Failure | undefined;
  /** Called for each piece of text. */
  take: (text: Uint8Array) => void = () => {};
  readonly #text: Uint8Array[] = [];

  onOpen(): void {
    this.events.push('open');
  }
  onData(bytes: Uint8Array, at: number, length: number): void {
    if (this.closed !== undefined) throw new Error('text after the end');
    if (this.events.at(-1) !== 'data') this.events.push('data');
    const text = bytes.slice(at, at + length);
    this.#text.push(text);
    this.take(text);
  }
  onEnd(): void {
    this.events.push('end');
  }
  onWritable(): void {
    this.events.push('writable');
  }
  onRelease(token: unknown): void {
    this.released.push(token);
  }
  onFinished(): void {
    this.events.push('finished');
  }
  onClose(failure: Failure): void {
    if (this.closed !== undefined) throw new Error('closed twice');
    this.events.push('close');
    this.closed = failure;
  }

  /** Octets of text so far. */
  get length(): number {
    return this.#text.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** All text so far. */
  get text(): Uint8Array {
    return Uint8Array.from(this.#text.flatMap((piece) => [...piece]));
  }
}
