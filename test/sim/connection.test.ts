/**
 * What the simulations found in connections as a whole: each test fails without its mending.
 * @module
 */
import test from 'ava';
import { Failure } from '../../src/stack/base/failure.ts';
import { Stat } from '../../src/stack/base/stats.ts';
import { srtt } from '../../src/stack/tcp/timing/rtt.ts';
import { abort } from '../../src/stack/tcp/verbs.ts';
import { World } from '../support/world.ts';
import { chaos } from './chaos.ts';
import { Flow } from './flow.ts';

const MS = 1000;

test('window: a peer without window scaling is not told of room that no field can say', (t) => {
  const world = new World({ link: { delay: 5 * MS, rate: 100e6 } });
  const flow = new Flow(world, 1e6, { settings: { windowScaling: false } }).finish(60);
  const answer = flow.world.b.core.stats[Stat.TcpOutSegs] as number; // a counter
  t.true(answer < flow.world.a.stat('TcpOutSegs') * 0.75, `${answer} ACKs`);
});

for (const timestamps of [true, false]) {
  test(`rtt: a lost ACK does not make a round trip of the time-out, timestamps ${timestamps}`, (t) => {
    const world = new World({ link: { delay: 25 * MS } });
    const settings = { timestamps, sack: false };
    const flow = new Flow(world, 0, { settings, sender: { keepOpen: true } });
    world.run(500 * MS);
    let lose = true;
    world.b.tap = () => !lose;
    flow.sender.send(2 * 1460); // two segments: only the first is sent again
    world.run(2000 * MS);
    lose = false;
    world.run(2000 * MS);
    t.is(flow.tcb.bytesAcked, 2 * 1460);
    t.true(srtt(flow.tcb, 0) < 100 * MS, `${srtt(flow.tcb, 0)}`);
  });
}

test('arrive: a reset in LAST-ACK is an error while text is not acknowledged', (t) => {
  const world = new World({ link: { delay: 5 * MS, rate: 10e6 } });
  const flow = new Flow(world, 200_000, { sender: { closeLast: true } });
  world.run(15 * MS); // the receiver has closed its side
  flow.sender.fill();
  world.run(50 * MS);
  const { tcb } = flow.receiver;
  if (tcb !== undefined) abort(tcb);
  world.run(50 * MS);
  t.is(flow.sender.failure, Failure.RESET);
});

test('open: a path that narrows during the handshake makes the segments shorter', (t) => {
  const world = new World({ mtu: 9000, link: { delay: 5 * MS } });
  const flow = new Flow(world, 0, { receiver: { send: 50_000 } });
  world.run(6 * MS); // b has answered the SYN
  world.a.tap = () => world.now > 2500 * MS; // so that b answers again
  world.b.core.ip.probedMtu(world.a.address, 1280, true);
  world.until(() => flow.sender.received === 50_000, 9000 * MS);
  t.is(flow.sender.received, 50_000);
});

test('sim: seeds that failed once', (t) => {
  // An end that was not told; a window of nothing; a reset taken for an orderly end;
  // a threshold of less than one of the segments that the path turned out to carry; segments longer than a path that had narrowed.
  for (const seed of [24, 83, 93, 120, 196, 208, 286, 290, 31105, 55882])
    t.notThrows(() => chaos(seed), `${seed}`);
});
