/**
 * One seed, one short life of a few connections over a bad link: what they agree on, how much they
 * send, how they open, pause, close, abort, all by chance. In the end everything must be right on both
 * sides, and nothing left.
 * @module
 */
import type { Impairment } from '../../src/device/impair/impairment.ts';
import { ANY } from '../../src/stack/base/address.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { below, SeededRandom, unit } from '../../src/stack/base/random.ts';
import type { Settings } from '../../src/stack/tcp/tcb/settings.ts';
import { stateName } from '../../src/stack/tcp/tcb/state.ts';
import { abort, detach, setReading } from '../../src/stack/tcp/verbs.ts';
import { type SimHost, type Watch, World } from '../support/world.ts';
import { checkConnection } from './invariants.ts';
import { Peer } from './peer.ts';

const SECOND = 1e6;
/** A connection with something to do must have got on within this. Its RTO is at most 8 s. */
const STALL = 240 * SECOND;
/** All lives end within this. */
const LIFE = 7200 * SECOND;
const PORT = 80;

/** Chance, with the words that a life is described with. */
class Dice {
  readonly random: SeededRandom;
  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }
  one<T>(...of: T[]): T {
    return of[below(this.random, of.length)] as T; // `below` stays inside
  }
  chance(share: number): boolean {
    return unit(this.random) < share;
  }
  upTo(most: number): number {
    return below(this.random, most + 1);
  }
}

function way(dice: Dice): Impairment {
  const reorders = dice.chance(0.3);
  return {
    loss: dice.one(0, 0, 0.01, 0.05, 0.2),
    delay: dice.one(20, 500, 5000, 50_000),
    jitter: dice.one(0, 0, 100, 5000),
    reorder: reorders ? dice.one(0.01, 0.2) : 0,
    reorderDelay: dice.one(100, 3000, 30_000),
    duplicate: dice.one(0, 0, 0.02, 0.2),
    corrupt: dice.one(0, 0, 0, 0.05),
    mark: dice.one(0, 0, 0.1),
    ...(dice.chance(0.5)
      ? { rate: dice.one(1e6, 10e6, 100e6), queuePackets: dice.one(3, 20, 200) }
      : {}),
  };
}

function settings(dice: Dice): Partial<Settings> {
  return {
    mss: dice.one(0, 0, 0, 88, 536),
    noDelay: dice.chance(0.5),
    congestion: dice.one('cubic', 'newreno'),
    sack: dice.chance(0.7),
    timestamps: dice.chance(0.7),
    windowScaling: dice.chance(0.7),
    ecn: dice.chance(0.4),
    pacing: dice.chance(0.7),
    receiveBuffer: dice.one(600, 3000, 16_384, 262_144),
    receiveBufferMax: dice.one(262_144, 4_194_304),
    sendBuffer: dice.one(1000, 16_384, 262_144),
    initialWindow: dice.one(1, 2, 10),
    quickAcks: dice.one(0, 16),
    outOfOrderRanges: dice.one(2, 4096),
    // So that seven losses in a row do not end a life, and a wait is not longer than STALL.
    synRetries: 20,
    synAckRetries: 20,
    maxRto: 8 * SECOND,
  };
}

/** One connection, both of its ends. */
interface Life {
  readonly story: string;
  readonly near: Peer;
  readonly far: Peer;
  /** It ends by force: text may be missing, and either end may have failed. */
  readonly violent: boolean;
  /** It must not come to be. */
  readonly refused: boolean;
}

/** What both ends of a quiet life do. */
function peers(dice: Dice, world: World): [Peer, Peer] {
  const sizes = [0, 1, 1000, 20_000, 200_000];
  const last = dice.upTo(2); // who closes last; 2: nobody waits
  const pauses = dice.chance(0.4);
  const make = (who: number): Peer => {
    let rests = 5;
    return new Peer({
      send: dice.upTo(dice.one(...sizes)),
      closeLast: last === who,
      onText: (peer) => {
        const { tcb } = peer;
        if (!pauses || tcb === undefined || rests <= 0 || !dice.chance(0.05)) return;
        rests--;
        setReading(tcb, false);
        world.line.at(world.now + dice.upTo(dice.one(1000, 300_000, 20 * SECOND)), () => {
          if (!peer.closed) setReading(tcb, true);
        });
      },
    });
  };
  return [make(0), make(1)];
}

function connect(world: World, from: SimHost, port: number, sourcePort: number, peer: Peer): void {
  const to = from === world.a ? world.b : world.a;
  const options = { destination: to.address, port, sourcePort, owner: peer };
  const tcb = from.core.tcp.connect(options);
  if (typeof tcb === 'number') throw new Error(`connect failed: ${tcb}`);
  peer.tcb = tcb;
  world.opened(tcb);
}

/** One more connection; it may not begin at once. */
function begin(dice: Dice, world: World, index: number, waiting: Peer[]): Life {
  const [a, b] = dice.chance(0.5) ? [world.a, world.b] : [world.b, world.a];
  const [near, far] = peers(dice, world);
  const start = world.now + dice.upTo(dice.one(0, 100, 500_000));
  const kind = dice.one(
    'plain',
    'plain',
    'plain',
    'both',
    'abort',
    'abort',
    'detach',
    'closed port',
  );
  const life = { story: kind, near, far, violent: false, refused: false };
  const port = kind === 'closed port' ? 9 : PORT + index;
  if (kind === 'both') {
    // Both sides open, to the port that the other opens from. RFC 9293 figure 7.
    const ports = [5000 + index, 6000 + index] as const;
    world.line.at(start, () => connect(world, a, ports[1], ports[0], near));
    world.line.at(start + dice.upTo(dice.one(0, 20, 1000)), () => {
      // The other's SYN may have been refused already: then this one is, or opens anew by itself.
      connect(world, b, ports[0], ports[1], far);
    });
    return { ...life, violent: true };
  }
  if (kind !== 'closed port') {
    waiting.push(far);
    b.core.tcp.listen({
      address: ANY,
      port,
      backlog: 4,
      accept: (tcb) => {
        if (far.tcb !== undefined) return undefined; // only one is expected
        far.tcb = tcb;
        return far;
      },
    });
  }
  world.line.at(start, () => connect(world, a, port, 0, near));
  if (kind === 'closed port') return { ...life, refused: true };
  if (kind === 'plain') return life;
  const victim = dice.one(near, far);
  const end = kind === 'abort' ? abort : detach;
  world.line.at(start + dice.upTo(dice.one(1000, 100_000, 2 * SECOND)), () => {
    if (victim.tcb !== undefined && !victim.closed) end(victim.tcb);
  });
  return { ...life, violent: true };
}

/** Live through one seed; throws if something is wrong. `watch` and `start`: see `World`. */
export function chaos(seed: number, watch: Watch = {}, start?: number): World {
  const dice = new Dice(seed);
  const link = way(dice);
  const back = dice.chance(0.7) ? link : way(dice);
  const world = new World({
    seed,
    ...(start === undefined ? {} : { start }),
    link,
    back,
    mtu: dice.one(296, 576, 1500, 1500, 9000),
    offload: dice.chance(0.3),
    a: { tcp: settings(dice), grain: dice.one(1, 1000) },
    b: { tcp: settings(dice), grain: dice.one(1, 1000) },
    watch,
  });
  const waiting: Peer[] = [];
  const lives = Array.from({ length: 1 + dice.upTo(2) }, (_, i) => begin(dice, world, i, waiting));
  follow(world, lives);
  for (const life of lives) judge(life);
  // TIME-WAIT, FIN-WAIT-2 and what is still under way.
  world.run(150 * SECOND);
  const left = world.leftovers();
  if (left !== '') throw new Error(left);
  return world;
}

/** Run until all is over; whoever waits for somebody who has gone by force is ended by force. */
function follow(world: World, lives: readonly Life[]): void {
  const end = world.now + LIFE;
  let progress = world.now;
  let seen = -1;
  for (;;) {
    const over = lives.every(isOver);
    if (over) return;
    const sum = lives.reduce((n, { near, far }) => n + measure(near) + measure(far), 0);
    if (sum !== seen) progress = world.now;
    seen = sum;
    if (world.now - progress > STALL && !freeOrphans(lives))
      throw new Error(`stalled: ${tell(lives)}`);
    if (world.now > end) throw new Error(`not over: ${tell(lives)}`);
    const until = world.now + SECOND;
    while (world.line.next <= until) {
      world.line.step();
      for (const tcb of world.a.core.tcp.table) checkConnection(tcb);
      for (const tcb of world.b.core.tcp.table) checkConnection(tcb);
      if (lives.some(({ near, far }) => near.wrong + far.wrong !== ''))
        throw new Error(tell(lives));
    }
    world.run(Math.max(0, until - world.now));
  }
}

const isOver = ({ near, far }: Life): boolean =>
  (near.closed || near.tcb === undefined) &&
  (far.closed || far.tcb === undefined) &&
  (near.closed || far.closed);

const measure = (peer: Peer): number =>
  peer.received + (peer.opened ? 1 : 0) + (peer.ended ? 1 : 0) + (peer.closed ? 1 : 0);

/** Ends whose other end was reset, and did not hear of it. True if there were any. */
function freeOrphans(lives: readonly Life[]): boolean {
  let freed = false;
  for (const { near, far, violent } of lives) {
    if (!violent || near.closed === far.closed) continue;
    const alone = near.closed ? far : near;
    if (alone.tcb === undefined) continue;
    abort(alone.tcb);
    freed = true;
  }
  return freed;
}

function judge(life: Life): void {
  const { near, far, violent, refused } = life;
  const wrong = near.wrong || far.wrong;
  if (wrong !== '') throw new Error(`${life.story}: ${wrong}`);
  if (refused) {
    if (near.failure !== Failure.REFUSED) throw new Error(`not refused: ${tell([life])}`);
    return;
  }
  if (violent) return;
  const complete = near.received === far.total && far.received === near.total;
  const orderly = near.failure === Failure.NONE && far.failure === Failure.NONE;
  if (!complete || !orderly) throw new Error(`not complete: ${tell([life])}`);
}

/** For the message of a failure. */
function tell(lives: readonly Life[]): string {
  const one = (p: Peer): string => {
    const state = p.tcb === undefined ? 'no connection' : stateName(p.tcb.state);
    const end = p.closed ? ` closed ${p.failure}` : '';
    return `${state} sent ${p.sent}/${p.total} got ${p.received}${end}${p.wrong && ` WRONG: ${p.wrong}`}`;
  };
  return lives.map((l) => `${l.story} [${one(l.near)}] [${one(l.far)}]`).join('; ');
}
