/**
 * One stack under fire, on a clock that only the episode moves: its device, its listeners, sockets and
 * connections, and what must be true of them at every moment.
 * @module
 */
import { type Address, ANY } from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { below, type Random, SeededRandom } from '../../../src/stack/base/random.ts';
import { Stat } from '../../../src/stack/base/stats.ts';
import { type Interface, NO_OFFLOAD } from '../../../src/stack/ip/interface.ts';
import { HEADROOM, Slots } from '../../../src/stack/memory/slots.ts';
import { Core } from '../../../src/stack/stack.ts';
import type { Listener } from '../../../src/stack/tcp/open/listener.ts';
import { Flag, has } from '../../../src/stack/tcp/tcb/flags.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import type { Tcb } from '../../../src/stack/tcp/tcb/tcb.ts';
import * as verbs from '../../../src/stack/tcp/verbs.ts';
import type { UdpSocket } from '../../../src/stack/udp/socket.ts';
import { checkConnection } from '../../sim/invariants.ts';
import { PEER, US } from '../../support/packets.ts';
import { inboundDrops } from '../../support/world.ts';
import { App, newTally, type Tally } from './app.ts';
import { textAt } from './text.ts';
import { Wire } from './wire.ts';

/** Ports with a listener, and what their backlogs are. */
export const LISTENED: ReadonlyMap<number, number> = new Map([
  [80, 16],
  [81, 1],
  [7, 4],
]);
/** Ports with a UDP socket. */
export const BOUND: readonly number[] = [7, 53];
const COUNT = 192;
/** Octets that a connection may keep whatever the limit is: `LEAST` in `tcp/memory`, and its scoreboard. */
const LITTLE = 16_384;
/** Octets that a slot holds, with offload and without. */
const LONG = 65_535;
const SHORT = 9000;
/** Timers that go off at one time without anything coming in between: more is a loop. */
const MOST_ROUNDS = 2000;
/** Packets that one packet may bring about beyond what applications have to say. */
const MOST_ANSWERS = 16;
/** No segment is shorter than this for want of a larger MSS: 48 octets, less those of timestamps. */
const LEAST_MSS = 36;

/** Slots are lent from one episode to the next: what leaks in one is missed in all. */
const pools = new Map<number, Slots>();

function slotsFor(packetSize: number): Slots {
  let slots = pools.get(packetSize);
  if (slots === undefined) {
    slots = new Slots({ count: COUNT, packetSize, poison: true });
  }
  if (slots.free !== COUNT)
    throw new Error(`${COUNT - slots.free} slots are not free to begin with`);
  return slots;
}

export class Rig {
  readonly core: Core;
  readonly slots: Slots;
  readonly iface: Interface;
  readonly wire: Wire;
  readonly mtu: number;
  readonly offloads: boolean;
  readonly tally: Tally = newTally();
  readonly apps: App[] = [];
  readonly listeners: Listener[] = [];
  readonly sockets: UdpSocket[] = [];
  now: number;
  /** Packets that came in by what became of them, and by the state of the connection they were for. */
  readonly fates: Float64Array = new Float64Array(256);
  readonly states: Float64Array = new Float64Array(16);
  readonly #random: Random;
  readonly #limit: number;

  /** `connections`: a plain stack that takes so many, instead of one of chance. */
  constructor(random: Random, { connections }: { connections?: number } = {}) {
    this.#random = random;
    const pick = <T>(...from: readonly T[]): T => from[below(random, from.length)] as T;
    this.offloads = pick(true, false, false);
    const headerLength = this.offloads ? pick(10, 12) : pick(0, 0, 10);
    this.mtu = pick(1500, 1500, 576, 9000);
    this.now = pick(1e6, 1e6, 2 ** 31 * 1000, 2 ** 32 * 1000 - 5e6); // where timestamps wrap, too
    this.slots = slotsFor(this.offloads ? LONG : SHORT);
    this.#limit = connections ? connections + COUNT : pick(1000, 1000, 12);
    const memory = pick(0, 0, 400_000);
    const scarce = memory > 0 && !connections ? { memory, memoryPressure: memory / 2 } : {};
    this.core = new Core({
      slots: this.slots,
      random: new SeededRandom(random.int32()),
      now: this.now,
      tcp: {
        congestion: pick('cubic', 'newreno'),
        sack: pick(true, true, false),
        timestamps: pick(true, true, false),
        windowScaling: pick(true, true, false),
        ecn: pick(true, false),
        pacing: pick(true, false),
        noDelay: pick(true, false),
        keepAlive: pick(true, false),
        receiveBuffer: pick(4096, 65_536, 256 * 1024),
        receiveBufferMax: pick(65_536, 1 << 20, 16 << 20),
        sendBuffer: pick(4096, 65_536, 256 * 1024),
        outOfOrderRanges: pick(4096, 8),
        timeWait: pick(60e6, 1e6),
        userTimeout: pick(0, 0, 20e6),
      },
      limits: { connections: this.#limit, timeWaits: pick(1 << 16, 3), ...scarce },
    });
    this.core.thrown = (error) => {
      throw error;
    };
    const offload = this.offloads
      ? { checksum: true, tso4: true, uso4: pick(true, false) }
      : NO_OFFLOAD;
    const { slots, mtu } = this;
    this.wire = new Wire({ slots, mtu, headerLength, offload });
    this.iface = this.core.addInterface({
      name: 'fire',
      mtu,
      headerLength,
      offload,
      out: this.wire,
      queueLimit: pick(1024, 8),
    });
    this.core.ip.routes.addAddress(this.iface, US, 24);
    for (const [port, backlog] of LISTENED) this.listen(port, backlog);
    for (const port of BOUND) this.#bind(port);
  }

  listen(port: number, backlog: number): void {
    const accept = (tcb: Tcb): App | undefined => {
      if (below(this.#random, 9) === 0) return undefined;
      const app = this.#app();
      app.tcb = tcb;
      return app;
    };
    const listener = this.core.tcp.listen({ address: ANY, port, backlog, accept });
    if (typeof listener !== 'number') this.listeners.push(listener);
  }

  /** The stack opens a connection to a port of the enemy's. */
  connect(destination: Address, port: number): Tcb | undefined {
    const app = this.#app();
    const tcb = this.core.tcp.connect({ destination, port, owner: app });
    if (typeof tcb === 'number') return undefined;
    app.tcb = tcb;
    return tcb;
  }

  /** Hand in a packet, behind a device's header that is all zeros unless one is given. */
  deliver(bytes: Uint8Array, front?: Uint8Array): Drop | undefined {
    const { core, slots, iface } = this;
    const slot = slots.acquire();
    if (slot < 0) return undefined; // what the host does then: it leaves the packet in the device
    const at = slot + HEADROOM - iface.headerLength;
    slots.bytes.fill(0, at, slot + HEADROOM);
    if (front !== undefined) slots.bytes.set(front.subarray(0, iface.headerLength), at);
    const length = Math.min(bytes.length, slots.size - HEADROOM);
    slots.bytes.set(bytes.subarray(0, length), slot + HEADROOM);
    core.begin(this.now);
    const drop = core.input(iface, at, iface.headerLength + length);
    slots.release(slot);
    this.fates[drop] = (this.fates[drop] as number) + 1; // there are fewer reasons than places
    return drop;
  }

  /** The end of a batch. No more may leave than there was something to say. */
  flush(came: number): void {
    const before = this.wire.sent;
    const { written } = this.tally;
    const said = came * MOST_ANSWERS + this.#wordy() + this.iface.queue.length;
    this.core.flush(this.now);
    const left = this.wire.sent - before;
    // Owners may have written more from within the flush.
    const room = said + Math.ceil((this.tally.written - written) / LEAST_MSS);
    if (left > room) throw new Error(`${came} packets brought about ${left}, where ${room} may be`);
  }

  /** Let time pass: timers go off when they are due. */
  advance(micros: number): void {
    const end = this.now + micros;
    let rounds = 0;
    for (let due = this.core.deadline(); due <= end; due = this.core.deadline()) {
      rounds = due > this.now ? 0 : rounds + 1;
      if (rounds > MOST_ROUNDS) throw new Error('timers go off without end');
      this.now = Math.max(this.now, due);
      this.core.expire(this.now);
      this.flush(this.core.tcp.table.length + 1);
    }
    this.now = end;
    this.core.begin(end);
  }

  /** The device takes nothing more, or takes packets again and says so. */
  jam(full: boolean): void {
    this.wire.full = full;
    if (full) return;
    this.core.begin(this.now);
    this.core.ip.writable(this.iface);
    this.flush(this.core.tcp.table.length);
  }

  /** Everything adds up, at any moment. */
  look(): void {
    const { core, slots } = this;
    const { tcp, ip, stats, drops } = core;
    const gap = ip.packetsIn - ip.packetsUsed - inboundDrops(drops);
    must(gap === 0, `${gap} packets are not accounted for`);
    must(slots.free >= 0 && slots.free <= slots.count, `${slots.free} slots are free`);
    must(tcp.table.length <= this.#limit, `${tcp.table.length} connections`);
    // Each connection may keep a little to be sent at any time, and what is known of it.
    const most = tcp.budget.limit + tcp.table.length * LITTLE;
    const { total } = tcp.budget;
    must(total >= 0 && total <= most, `${total} octets are kept, and ${most} may be`);
    must(tcp.demux.count === tcp.table.length, 'the table and the demultiplexer differ');
    let open = 0;
    const halfOpen = new Map<object, number>();
    for (const [i, tcb] of tcp.table.entries()) {
      checkConnection(tcb);
      must(tcb.tableIndex === i, 'a connection knows its place');
      const { state, listener } = tcb;
      if (state === State.ESTABLISHED || state === State.CLOSE_WAIT) open++;
      if (listener !== null) halfOpen.set(listener, (halfOpen.get(listener) ?? 0) + 1);
    }
    const { holders } = tcp.budget;
    const kept = holders.reduce((sum, holder) => sum + holder.kept, 0);
    must(kept === total, `connections keep ${kept} bytes, and ${total} are counted`);
    const orphans = tcp.table.filter((tcb) => has(tcb, Flag.DETACHED)).length;
    must(orphans === tcp.orphans, `${tcp.orphans} orphans are counted, and ${orphans} are there`);
    const counted = stats[Stat.TcpCurrEstab];
    must(counted === open, `CurrEstab is ${counted}, and ${open} are open`);
    for (const listener of this.listeners) {
      const n = halfOpen.get(listener) ?? 0;
      must(listener.halfOpen === n, `a listener counts ${listener.halfOpen} of ${n} half-open`);
      must(n <= listener.backlog, `${n} are half-open, and ${listener.backlog} may be`);
    }
  }

  /** A stranger who means well is served, whatever went before. */
  serveStranger(handshake: (port: number) => boolean): void {
    if (this.core.tcp.isFull) return;
    const served = handshake(80);
    must(served, 'a stranger who means well is not served');
  }

  /** All owners let go, some politely; then nothing may be left, however silent the enemy is. */
  end(): void {
    this.jam(false);
    for (const listener of this.listeners) listener.close();
    for (const socket of this.sockets) socket.close();
    for (const app of this.apps) {
      if (app.tcb === undefined || app.closed) continue;
      verbs.setKeepAlive(app.tcb, false, 0, 0, 0);
      if (below(this.#random, 2) === 0) verbs.abort(app.tcb);
      else verbs.detach(app.tcb);
    }
    this.flush(this.apps.length + this.core.tcp.table.length);
    // R2 of RFC 9293 §3.8.3 with 15 tries, then TIME-WAIT, reassembly and all that waits for anything.
    this.advance(3600e6);
    const { tcp } = this.core;
    const stuck = tcp.table.map((tcb) => Object.keys(State)[tcb.state]).join(' ');
    must(tcp.table.length === 0, `an hour after their owners they are still there: ${stuck}`);
    must(this.slots.free === COUNT, `${COUNT - this.slots.free} slots are in use`);
    must(tcp.demux.count === 0, 'the demultiplexer holds connections');
    must(tcp.budget.holders.length === 0, 'the budget holds connections');
    must(tcp.deadline() === Number.POSITIVE_INFINITY, 'a timer goes on');
    must(tcp.budget.total === 0, `${tcp.budget.total} octets of memory are kept for nobody`);
    const mute = this.apps.filter((app) => app.tcb !== undefined && !app.closed).length;
    must(mute === 0, `${mute} owners were never told the end`);
    this.look();
    pools.set(this.offloads ? LONG : SHORT, this.slots);
  }

  /** Packets that applications have reason to send. */
  #wordy(): number {
    let n = 0;
    for (const tcb of this.core.tcp.table) {
      n += 4 + Math.ceil(Math.min(tcb.chunks.length, tcb.sndWnd + 1) / LEAST_MSS);
    }
    return n;
  }

  #app(): App {
    const app = new App(this.#random, this.tally);
    this.apps.push(app);
    return app;
  }

  #bind(port: number): void {
    const onMessage = (): Drop => {
      if (below(this.#random, 4) === 0) {
        const text = textAt(0, below(this.#random, 3000));
        socket.send(text, 0, text.length, PEER, 9);
      }
      return Drop.NONE;
    };
    const socket = this.core.udp.open({ onMessage, onError: () => {} });
    if (socket.bind(ANY, port) !== Failure.NONE) throw new Error('bind failed');
    this.sockets.push(socket);
  }
}

function must(good: boolean, what: string): void {
  if (!good) throw new Error(what);
}
