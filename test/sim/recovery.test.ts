/**
 * What the simulations found in loss recovery: each test fails without its mending.
 * @module
 */
import test from 'ava';
import { seq } from '../../src/stack/base/seq.ts';
import { pacingRate } from '../../src/stack/tcp/congestion/pacing.ts';
import { outstanding } from '../../src/stack/tcp/tcb/flight.ts';
import { Scoreboard } from '../../src/stack/tcp/tcb/scoreboard.ts';
import { srtt } from '../../src/stack/tcp/timing/rtt.ts';
import { World, type WorldOptions } from '../support/world.ts';
import { Flow } from './flow.ts';

const MS = 1000;
const MBIT = 1e6;

/** A path without a bottleneck to speak of. */
const path = (rtt: number, loss: number, more: object = {}): WorldOptions => ({
  seed: 5,
  link: { delay: rtt / 2, rate: 1000 * MBIT, loss, ...more },
  back: { delay: rtt / 2 },
});

test('ack: a send buffer that grows with the window stays a whole number of octets', (t) => {
  const flow = new Flow(new World(path(10 * MS, 0.001)), 10e6).finish(60);
  t.true(flow.tcb.sendBuffer > 256 * 1024);
  t.true(Number.isInteger(flow.tcb.sendBuffer));
});

test('rack: an ACK that moves and SACKs at once is not taken for reordering', (t) => {
  const flow = new Flow(new World(path(10 * MS, 0.01)), 5e6).finish(60);
  t.true(flow.world.a.stat('TcpExtTCPSackRecovery') > 10);
  t.is(flow.world.a.stat('TcpExtTCPSACKReorder'), 0);
});

test('rto: to send the oldest text again restarts the timer (RFC 6675 §6)', (t) => {
  const flow = new Flow(new World(path(200 * MS, 0.1)), 1e6).finish(600);
  t.true(flow.world.a.stat('TcpExtTCPSpuriousRTOs') < 3);
  t.true(flow.world.a.stat('TcpExtTCPTimeouts') < 10);
});

test('pacing: in recovery the rate does not fall with the flight', (t) => {
  const { world, tcb, ...flow } = new Flow(
    new World(path(50 * MS, 0, { queuePackets: 1000 })),
    30e6,
  );
  let least = Number.POSITIVE_INFINITY;
  world.until(() => {
    if (tcb.srtt8 >= 0)
      least = Math.min(least, (pacingRate(tcb) * srtt(tcb, 1)) / outstanding(tcb));
    return flow.receiver.received >= 30e6;
  }, 60e6);
  t.true(world.a.stat('TcpExtTCPSackRecovery') > 0);
  t.true(least >= 1.19, `${least}`);
});

test('receive: a queue that drops every other packet makes more than 1024 holes', (t) => {
  const flow = new Flow(new World(path(50 * MS, 0, { queuePackets: 1000 })), 30e6).finish(60);
  t.is(flow.world.b.stat('TcpExtTCPOFODrop'), 0);
  const needless = flow.world.a.stat('TcpRetransSegs') - flow.world.link.counters.out.dropped;
  t.true(needless < 5, `${needless} needless retransmissions`);
});

test('receive: after a hole the ACKs of lone segments do not wait', (t) => {
  const world = new World({ link: { delay: 5 * MS }, b: { tcp: { quickAcks: 0 } } });
  const flow = new Flow(world, 0, { sender: { keepOpen: true } });
  world.run(100 * MS);
  let drop = 1;
  world.a.tap = (_bytes, _at, length) => length < 1000 || drop-- <= 0;
  flow.sender.send(4 * 1448); // the first is lost
  world.run(500 * MS);
  const before = world.b.stat('TcpExtDelayedACKs');
  for (let i = 0; i < 4; i++) {
    flow.sender.send(1448);
    world.run(100 * MS);
  }
  t.is(flow.receiver.received, 8 * 1448);
  t.is(world.b.stat('TcpExtDelayedACKs'), before);
});

test('scoreboard: what an undone recovery took for lost is judged anew', (t) => {
  const board = new Scoreboard();
  board.append(seq(0), seq(1000), 1, 1000);
  board.append(seq(1000), seq(2000), 2, 1000);
  board.markLost(0);
  board.scanned = board.end(0); // as RACK leaves it
  board.clearLost();
  t.is(board.owed, 0);
  t.is(board.after(board.scanned), 0);
});

test('arrive: text that reordering makes a little late is not refused by PAWS', (t) => {
  const link = { rate: 100 * MBIT, queuePackets: 100, reorder: 0.05, reorderDelay: 3 * MS };
  const flow = new Flow(new World(path(10 * MS, 0.001, link)), 20e6).finish(60);
  t.is(flow.world.b.stat('TcpExtPAWSEstab'), 0);
  t.is(flow.world.a.stat('TcpExtTCPSACKReneging'), 0);
  t.is(flow.world.a.stat('TcpExtTCPTimeouts'), 0);
});

/** A connection over 10 ms that carries whatever is sent at once as one batch. */
function batches(sack: boolean): { world: World; flow: Flow; burst: (segments: number) => number } {
  const world = new World({ link: { delay: 5 * MS }, a: { tcp: { pacing: false, quickAcks: 0 } } });
  const flow = new Flow(world, 0, { sender: { keepOpen: true }, settings: { sack } });
  world.run(100 * MS);
  const burst = (segments: number): number => {
    const before = world.b.stat('TcpOutSegs');
    flow.sender.send(segments * 1448);
    world.run(100 * MS);
    return world.b.stat('TcpOutSegs') - before;
  };
  for (let i = 0; i < 20; i++) burst(1); // past the ACKs of the beginning
  return { world, flow, burst };
}

test('receive: a batch gets one ACK, but every second segment its own where text was lost', (t) => {
  const { world, flow, burst } = batches(true);
  t.is(burst(8), 1);
  let drop = 1;
  world.a.tap = (_bytes, _at, length) => length < 1000 || drop-- <= 0;
  burst(4);
  t.true(burst(8) >= 4);
  t.true(burst(8) >= 4);
  for (let i = 0; i < 4; i++) burst(8);
  t.is(burst(8), 1);
  t.is(flow.wrong, '');
});

test('receive: without SACK every early segment of a batch gets its duplicate ACK (RFC 5681)', (t) => {
  const { world, burst } = batches(false);
  let drop = 1;
  world.a.tap = (_bytes, _at, length) => length < 1000 || drop-- <= 0;
  t.true(burst(5) >= 5);
  t.is(world.a.stat('TcpExtTCPRenoRecovery'), 1);
  t.is(world.a.stat('TcpExtTCPTimeouts'), 0);
});

test('undo: on a path that keeps the order no fast recovery is taken for needless', (t) => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const options = { ...path(50 * MS, 0.03, { rate: 100 * MBIT, queuePackets: 417 }), seed };
    const { world } = new Flow(new World(options), 3e6).finish(120);
    t.true(world.a.stat('TcpExtTCPSackRecovery') > 10);
    t.is(world.a.stat('TcpExtTCPFullUndo'), 0, `seed ${seed}`);
  }
});

test('recovery: without SACK many losses end in a timeout, and not in a round trip for each', (t) => {
  // A slow start that overflows the queue by hundreds of segments.
  const settings = { sack: false };
  const world = new World(path(50 * MS, 0, { rate: 100 * MBIT, queuePackets: 417 }));
  const flow = new Flow(world, 20e6, { settings }).finish(60);
  t.true(flow.goodput > 40 * MBIT, `${flow.goodput} bit/s`);
});
