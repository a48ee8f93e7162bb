/**
 * The path's MTU where much is lost: random losses are no black hole, and in a black hole they hide it
 * for no longer than they must. RFC 4821 §7.6, RFC 8899 §5.1.
 * @module
 */
import test from 'ava';
import { ANY } from '../../src/stack/base/address.ts';
import { MINUTE, SECOND } from '../../src/stack/base/clock.ts';
import { below, SeededRandom } from '../../src/stack/base/random.ts';
import { effectiveMtu } from '../../src/stack/tcp/path/plpmtu.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { World } from '../support/world.ts';
import { Peer } from './peer.ts';

const MS = 1000;
const SEEDS = [1, 2, 3, 4, 5, 6];

interface Lossy {
  readonly world: World;
  readonly tcb: Tcb;
  /** The share of packets that is lost each way. */
  readonly path: { loss: number };
}

/** A sender without end, over a link that loses `loss` each way, and all packets above `limit` bytes. */
function lossy(seed: number, loss: number, limit: number): Lossy {
  const world = new World({ seed, link: { delay: 10 * MS, rate: 2e6, queuePackets: 50 } });
  const path = { loss };
  const random = new SeededRandom(seed);
  const passes = (): boolean => below(random, 1000) >= path.loss * 1000;
  world.a.tap = (_bytes, _at, length) => length <= limit && passes();
  world.b.tap = passes;
  const receiver = new Peer();
  const accept = (): Peer => receiver;
  world.b.core.tcp.listen({ address: ANY, port: 80, backlog: 1, accept });
  const sender = new Peer({ send: 1e12 });
  const settings = { retries: 100, synRetries: 50 };
  const place = { destination: world.b.address, port: 80 };
  const tcb = world.a.core.tcp.connect({ ...place, owner: sender, settings });
  if (typeof tcb === 'number') throw new Error('no connection');
  sender.tcb = tcb;
  return { world, tcb, path };
}

/** The share of `minutes` minutes in which segments are of `mtu` bytes, looked at each second. */
function shareAt(mtu: number, { world, tcb }: Lossy, minutes: number): number {
  const looks = minutes * 60;
  let there = 0;
  for (let i = 0; i < looks; i++) {
    world.run(SECOND);
    if (effectiveMtu(tcb) === mtu) there++;
  }
  return there / looks;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

test('plpmtu: with 30 % lost each way, segments are full for most of the time', (t) => {
  const shares = SEEDS.map((seed) => shareAt(1500, lossy(seed, 0.3, 1500), 10));
  t.log(shares.map((share) => `${Math.round(share * 100)} %`).join(', '));
  t.true(mean(shares) > 0.6, `${shares}`);
});

test('plpmtu: after such losses segments are full again, and stay so', (t) => {
  for (const seed of SEEDS) {
    const run = lossy(seed, 0.3, 1500);
    run.world.run(3 * MINUTE);
    run.path.loss = 0;
    run.world.run(2 * MINUTE); // the longest RTO there is, and some
    t.is(effectiveMtu(run.tcb), 1500, `seed ${seed}`);
  }
});

test('plpmtu: with 10 % lost each way a black hole of 1280 bytes is found, and held to', (t) => {
  for (const seed of SEEDS.slice(0, 3)) {
    const run = lossy(seed, 0.1, 1280);
    const share = shareAt(1280, run, 5);
    t.true(share > 0.9, `seed ${seed}: ${share}`);
    t.is(run.world.a.core.ip.route(run.world.b.address, ANY)?.mtu, 1280);
  }
});
