/**
 * A stack with listeners, sockets and live connections that is sent hostile packets without end:
 * nothing may throw, nothing may leak, and every packet must be accounted for.
 * @module
 */
import { ANY6 } from '../../src/stack/base/address.ts';
import { addressCount } from '../../src/stack/base/address-table.ts';
import { Drop, dropName } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { below, SeededRandom } from '../../src/stack/base/random.ts';
import { HEADROOM } from '../../src/stack/memory/slots.ts';
import type { Listener } from '../../src/stack/tcp/open/listener.ts';
import type { Owner } from '../../src/stack/tcp/tcb/owner.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { abort, writeCopy } from '../../src/stack/tcp/verbs.ts';
import type { UdpSocket } from '../../src/stack/udp/socket.ts';
import { checkConnection } from '../sim/invariants.ts';
import { inboundDrops, World } from '../support/world.ts';
import { Attack } from './attack.ts';
import { Attack6 } from './attack6.ts';

/** Connections that are kept alive under fire. */
const LIVE = 8;
/** Hostile packets in one batch, and batches between two looks at everything. */
const BATCH = 8;
const LOOK = 64;
const TEXT = new Uint8Array(4096).fill(0x55);

/** Two caches of routes and two of paths, each of 4096, at both ends; fragments; a batch. */
const MOST_ADDRESSES = 2 * 4 * 4096 + 2 * 1024 + 1024;

/** What came of it. */
export interface Siege {
  /** Packets by what became of them; `none` are those that were used. */
  readonly fates: Record<string, number>;
  /** Connections that were begun, and text that came in. */
  readonly opened: number;
  readonly octets: number;
}

/** An owner who reads, answers now and then, and forgets. */
function owner(state: { octets: number }): Owner {
  return {
    onOpen: () => {},
    onData: (_bytes, _at, length) => {
      state.octets += length;
    },
    onEnd: () => {},
    onWritable: () => {},
    onRelease: () => {},
    onFinished: () => {},
    onClose: () => {},
  };
}

/**
 * Send `packets` hostile packets, of IPv4 or of IPv6, to host b; throws if anything is wrong. `rest` is called after a fifth
 * of them and after all, `alive` with every look at everything.
 */
export function besiege(
  seed: number,
  packets: number,
  rest: () => void = () => {},
  alive: () => void = () => {},
  ipv6 = false,
): Siege {
  const random = new SeededRandom(seed);
  const tcp = { receiveBuffer: 16_384, receiveBufferMax: 65_536, maxRto: 2e6, timeWait: 1e6 };
  const limits = { connections: 200, timeWaits: 50 };
  const link = { delay: 200, loss: 0.02, reorder: 0.05 };
  const b = { tcp: { ...tcp, ecn: true, keepAlive: true }, limits };
  const world = new World({ seed, link, ipv6, a: { tcp: { ...tcp, ecn: true } }, b });
  const attack = ipv6 ? new Attack6(random) : new Attack(random);
  const state = { octets: 0, opened: 0 };
  const closers = garrison(world, state);
  watchLink(world, attack);
  const fates = new Float64Array(64);
  for (let sent = 0; sent < packets; ) {
    if (sent % (BATCH * 8) === 0) keepAlive(world, random, state);
    for (let i = 0; i < BATCH && sent < packets; i++, sent++) {
      const drop = deliver(world, attack);
      fates[drop] = (fates[drop] as number) + 1; // there are fewer reasons than places
    }
    world.b.wake();
    world.run(below(random, 300));
    if (sent % (BATCH * LOOK) === 0) {
      look(world);
      alive();
    }
    if (sent === Math.floor(packets / 5 / BATCH) * BATCH) rest();
  }
  look(world);
  rest();
  for (const close of closers) close();
  for (const host of [world.a, world.b]) for (const t of [...host.core.tcp.table]) abort(t);
  world.run(600e6); // fragments, TIME-WAIT, all that waits for anything
  const left = world.leftovers();
  if (left !== '') throw new Error(left);
  return { fates: named(fates), opened: state.opened, octets: state.octets };
}

/** What b holds: listeners, one with a short queue, and UDP sockets. Gives how to close them. */
function garrison(world: World, state: { octets: number }): (() => void)[] {
  const { tcp, udp } = world.b.core;
  const closers: (() => void)[] = [];
  for (const [port, backlog] of [
    [80, 64],
    [81, 2],
    [7, 64],
  ] as const) {
    let n = 0;
    const accept = (tcb: Tcb): Owner | undefined => {
      if (n++ % 7 === 6) return undefined;
      if (n % 3 === 0) writeCopy(tcb, TEXT, 0, TEXT.length);
      return owner(state);
    };
    const listener = tcp.listen({ address: ANY6, port, backlog, accept }) as Listener;
    closers.push(() => listener.close());
  }
  for (const port of [7, 53]) {
    const socket: UdpSocket = udp.open({ onMessage: () => Drop.NONE, onError: () => {} });
    if (socket.bind(ANY6, port) !== Failure.NONE) throw new Error('bind failed');
    closers.push(() => socket.close());
  }
  return closers;
}

/** The attacker sees what really passes. */
function watchLink(world: World, attack: Attack | Attack6): void {
  for (const host of [world.a, world.b]) {
    host.tap = (bytes, at, length) => {
      attack.watch(bytes, at, length);
      return true;
    };
  }
}

/** There are always some connections, and they always have something to say. */
function keepAlive(
  world: World,
  random: SeededRandom,
  state: { octets: number; opened: number },
): void {
  const { tcp } = world.a.core;
  for (const tcb of tcp.table) writeCopy(tcb, TEXT, 0, 1 + below(random, TEXT.length));
  if (tcp.table.length >= LIVE) {
    if (below(random, 50) === 0) abort(tcp.table[0] as Tcb); // there are LIVE at least
    return;
  }
  const port = below(random, 2) === 0 ? 80 : 7;
  tcp.connect({ destination: world.b.address, port, owner: owner(state) });
  state.opened++;
  if (below(random, 4) !== 0) return;
  world.b.core.tcp.connect({ destination: world.a.address, port: 9, owner: owner(state) });
}

/** One hostile packet into b. */
function deliver(world: World, attack: Attack | Attack6): Drop {
  const { core, slots, iface } = world.b;
  const length = attack.next();
  core.begin(world.now);
  const slot = slots.acquire();
  if (slot < 0) throw new Error('no slot is left');
  slots.bytes.set(attack.bytes.subarray(0, length), slot + HEADROOM);
  const drop = core.input(iface, slot + HEADROOM, length);
  slots.release(slot);
  return drop;
}

/** Everything adds up, now. */
function look(world: World): void {
  const { core } = world.b;
  const { packetsIn, packetsUsed } = core.ip;
  const gap = packetsIn - packetsUsed - inboundDrops(core.drops);
  if (gap !== 0) throw new Error(`${gap} packets are not accounted for`);
  for (const tcb of core.tcp.table) checkConnection(tcb);
  // What 200 connections, the caches of routes, the paths and the fragments may hold.
  if (addressCount() > MOST_ADDRESSES) throw new Error(`${addressCount()} addresses`);
  if (core.tcp.table.length > 200) throw new Error(`${core.tcp.table.length} connections`);
}

function named(fates: Float64Array): Record<string, number> {
  const named: Record<string, number> = {};
  fates.forEach((n, drop) => {
    if (n > 0) named[dropName(drop as Drop)] = n;
  });
  return named;
}
