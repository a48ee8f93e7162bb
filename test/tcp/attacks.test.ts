/**
 * Attacks by a peer that holds its end of a connection: what they cost us is counted in steps, and
 * bounded.
 * @module
 */
import test from 'ava';
import { BROADCAST } from '../../src/stack/base/address.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { Flag } from '../../src/stack/tcp/tcb/flags.ts';
import { MOST_BURSTS, MOST_EXTENTS } from '../../src/stack/tcp/tcb/scoreboard.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { MS, S } from '../support/lab.ts';
import { ip } from '../support/packets.ts';
import { Peer } from '../support/peer.ts';
import type { Range } from '../support/segments.ts';
import { established, listening } from '../support/states.ts';

/** How often the accessors of `object` that every search and walk goes through are called. */
function counted(object: object, names: readonly string[]): { steps: number } {
  const counter = { steps: 0 };
  const methods = object as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names) {
    const method = methods[name];
    if (method === undefined) throw new Error(`no ${name}`);
    methods[name] = (...args) => {
      counter.steps++;
      return method.apply(object, args);
    };
  }
  return counter;
}

test('attack: MSS 1 does not make us send headers with an octet each', (t) => {
  for (const mss of [1, 0, 8, 47]) {
    const peer = established(t, { mss, ts: true });
    peer.write(1000);
    const sent = peer.skip();
    t.true(sent.length > 0);
    t.true(sent.every((seen) => seen.len >= 36));
  }
});

test('attack: every other octet, early, costs no more than the limit and its logarithm', (t) => {
  const peer = established(t, { sack: true, ws: 9, tcp: { outOfOrderRanges: 4096 } });
  peer.send('.', { len: 1000 });
  peer.skip();
  peer.send('.', { seq: 2000, len: 1 });
  const { spans } = peer.tcb;
  if (spans === null) throw new Error('nothing is held');
  const counter = counted(spans, ['start', 'end']);
  let most = 0;
  for (let i = 1; i < 20_000; i++) {
    const before = counter.steps;
    peer.send('.', { seq: 2000 + 2 * ((i * 7919) % 20_000), len: 1 });
    most = Math.max(most, counter.steps - before);
    if (peer.seen.length > 100) peer.skip();
  }
  t.is(spans.count, 4096);
  t.true(most < 100, `${most} steps for one segment`);
  t.true((peer.tcb.ring?.capacity ?? 0) <= 128 * 1024);
  t.true(peer.lab.drops(Drop.TCP_NO_BUFFER) > 0);
});

test('attack: text early up to the edge of the window takes no more than the window', (t) => {
  const peer = established(t, { sack: true, ws: 9 });
  for (let i = 1; i < 2000; i++) peer.send('.', { seq: 1 + i * 1000, len: 1000 });
  peer.skip();
  t.true((peer.tcb.ring?.capacity ?? 0) <= 256 * 1024);
  peer.send('R', { seq: 1 });
  t.is(peer.tcb.ring, null);
});

test('attack: SACKs of ever other ranges cost no more than what they newly report', (t) => {
  const peer = established(t, { sack: true, ws: 9, mss: 100, window: 10_000_000 });
  const { tcb } = peer;
  tcb.sendBuffer = 10_000_000;
  tcb.cwnd = 2_000_000;
  peer.write(1_000_000);
  peer.skip();
  const board = tcb.scoreboard;
  if (board === null) throw new Error('nothing is in flight');
  const counter = counted(board, ['start', 'end', 'fate', 'time']);
  let most = 0;
  let total = 0;
  for (let i = 0; i < 3000; i++) {
    const sack: Range[] = [];
    for (let k = 0; k < 4; k++) {
      const left = 1 + 200 * (((i * 4 + k) * 1237) % 4999) + 100;
      sack.push([left, left + 100]);
    }
    const before = counter.steps;
    tcb.cwnd = 0; // only what the ACK itself costs
    peer.send('.', { ack: 1, sack });
    const steps = counter.steps - before;
    most = Math.max(most, steps);
    total += steps;
    peer.skip();
  }
  t.true(board.count <= MOST_EXTENTS);
  t.true(total / 3000 < 1000, `${total / 3000} steps for an ACK`);
  t.log(`at most ${most}, on average ${Math.round(total / 3000)} steps an ACK`);
});

test('attack: the same SACK blocks again and again cost a search each', (t) => {
  const peer = established(t, { sack: true, ws: 9, mss: 100, window: 10_000_000 });
  const { tcb } = peer;
  tcb.sendBuffer = 10_000_000;
  tcb.cwnd = 1_000_000;
  peer.write(500_000);
  peer.skip();
  const board = tcb.scoreboard;
  if (board === null) throw new Error('nothing is in flight');
  const sack: Range[] = [1, 2, 3, 4].map((i) => [i * 100_001, i * 100_001 + 90_000]);
  tcb.cwnd = 0;
  for (let i = 0; i < 4; i++) peer.send('.', { ack: 1, sack });
  const counter = counted(board, ['start', 'end', 'fate', 'time']);
  for (let i = 0; i < 1000; i++) {
    tcb.cwnd = 0;
    peer.send('.', { ack: 1, sack });
  }
  const steps = counter.steps / 1000;
  t.true(steps < 200, `${steps} steps for an ACK`);
});

test('attack: SACKs of single octets, after a path that narrowed, make no more entries than there may be', (t) => {
  // RFC 1191 §6.4 changes the segment size, so edges of what left before may be anywhere.
  const peer = established(t, { sack: true, ws: 9, mss: 1000, window: 10_000_000 });
  const { tcb } = peer;
  tcb.sendBuffer = 10_000_000;
  tcb.cwnd = 2_000_000;
  peer.write(1_000_000);
  peer.skip();
  peer.icmp(3, 4, 1, 600);
  tcb.cwnd = 0;
  const board = tcb.scoreboard;
  if (board === null) throw new Error('nothing is in flight');
  const counter = counted(board, ['start', 'end', 'fate', 'time']);
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    const left = 2 + 2 * ((i * 7919) % 400_000);
    tcb.cwnd = 0;
    const before = counter.steps;
    peer.send('.', { ack: 1, sack: [[left, left + 1]] });
    most = Math.max(most, counter.steps - before);
    peer.skip();
  }
  t.true(board.count <= MOST_EXTENTS, `${board.count} entries`);
  t.true(most < 300, `${most} steps for one ACK`);
});

test('attack: text in single octets that nobody acknowledges waits once there are too many', (t) => {
  const peer = established(t, { sack: true, ws: 9, window: 10_000_000 });
  const { tcb, lab } = peer;
  tcb.cwnd = 2_000_000;
  tcb.flags |= Flag.NO_DELAY;
  for (let i = 0; i < 2 * MOST_BURSTS; i++) {
    lab.advance(1);
    peer.write(1);
    peer.skip();
  }
  t.is(tcb.scoreboard?.count, MOST_BURSTS);
  peer.send('.', { ack: 1 + MOST_BURSTS });
  t.true(peer.skip().length > 0, 'the rest follows');
});

test('attack: SACKs of what was never sent, or upside down, change nothing', (t) => {
  const peer = established(t, { sack: true });
  peer.write(5000);
  peer.skip();
  for (const sack of [
    [[10_001, 20_001]],
    [[3001, 2001]],
    [[-5000, -4000]],
    [[-2_000_000_000, 2_000_000_000]],
    [[2001, 2001]],
  ] as const) {
    peer.send('.', { ack: 1, sack });
  }
  t.is(peer.tcb.scoreboard?.sackedBytes, 0);
  peer.send('.', { ack: 5001 });
  t.is(peer.tcb.scoreboard, null);
});

test('attack: D-SACKs without end do not stop a loss from being found', (t) => {
  const peer = established(t, { sack: true, rtt: 20 * MS });
  for (let i = 0; i < 500; i++) {
    peer.write(1000);
    peer.lab.advance(20 * MS);
    peer.send('.', { sack: [[1, 2]] });
  }
  const from = peer.got;
  peer.write(5000);
  peer.skip();
  peer.send('.', { ack: from, sack: [[from + 1000, from + 5000]] });
  peer.lab.advance(S);
  t.is(peer.skip().find((seen) => seen.seq === from)?.len, 1000);
});

test('attack: ACKs of single octets open the window no more than the text they stand for', (t) => {
  const peer = established(t, { ws: 7, window: 1_000_000 });
  peer.write(200_000);
  const { cwnd } = peer.tcb;
  for (let i = 1; i <= 1000; i++) peer.send('.', { ack: 1 + i });
  t.true(peer.tcb.cwnd <= cwnd + 1000);
});

test('attack: ACKs for text that is not there yet are refused', (t) => {
  const peer = established(t, { ws: 7, window: 1_000_000 });
  peer.write(200_000);
  const { cwnd, sndNxt } = peer.tcb;
  peer.skip();
  for (let i = 1; i < 100; i++) peer.send('.', { ack: 10_001 + i * 1000 });
  t.is(peer.tcb.cwnd, cwnd);
  t.is(peer.tcb.sndNxt, sndNxt);
});

test('attack: duplicate ACKs without end send no more than the window, nothing lost twice', (t) => {
  const peer = established(t);
  peer.write(200_000);
  peer.skip();
  for (let i = 0; i < 10_000; i++) peer.send('.', { ack: 1 });
  const sent = peer.skip();
  t.true(sent.length <= 56, `${sent.length} segments`); // with ten before, its own window
  t.true(sent.filter((seen) => seen.seq === 1).length <= 2);
});

test('attack: a window that opens by one octet at a time gets few tiny segments', (t) => {
  const peer = established(t, { window: 0 });
  peer.write(10_000);
  peer.lab.advance(MS);
  for (let i = 1; i < 400; i++) peer.send('.', { window: i, ack: 1 });
  // One each time it has doubled: half of the widest window there was may go (§3.8.6.2.1).
  t.true(peer.skip().filter((seen) => seen.len > 0).length < 10);
});

test('attack: segments of one octet each do not make us keep more than the buffer', (t) => {
  const tcp = { receiveBuffer: 4096, receiveBufferMax: 4096 };
  const peer = established(t, { ws: 7, tcp });
  peer.reading(false);
  for (let i = 0; i < 10_000; i++) peer.send('.', { len: 1 });
  t.true(peer.tcb.held <= 4096 + 2 ** peer.stackScale, `${peer.tcb.held} octets`);
});

test('attack: nothing is answered to a broadcast, and nothing to its sender', (t) => {
  const peer = listening(t);
  for (const flags of ['S', '.', 'F.', 'R', 'S.']) {
    for (const destination of [BROADCAST, ip('10.0.0.255')]) {
      t.is(peer.send(flags, { destination }), Drop.TCP_ADDRESS);
    }
  }
  t.is(peer.lab.wire.sent.length, 0);
});

test('attack: a segment that names us as its own sender is dropped (LAND)', (t) => {
  const peer = listening(t);
  Object.assign(peer, { port: 80 });
  const drop = peer.send('S', { source: ip('10.0.0.2') });
  t.is(drop, Drop.IP_SOURCE);
  t.is(peer.lab.core.tcp.table.length, 0);
});

test('attack: odd flags are dropped without an answer, wherever they come', (t) => {
  const open = established(t);
  const none = new Peer(t);
  for (const flags of ['', 'SF', 'SR', 'FR', 'SFR.', 'SFRP.UEW', 'P', 'U']) {
    t.is(open.send(flags, { seq: 1, ack: 1 }), Drop.TCP_BAD_FLAGS);
    t.is(none.send(flags, { seq: 1, ack: 1 }), Drop.TCP_BAD_FLAGS);
  }
  open.expectNothing();
  none.expectNothing();
  open.expectState(State.ESTABLISHED);
});

test('attack: a header that claims more or less than there is, is malformed', (t) => {
  const peer = established(t);
  for (const headerLen of [0, 4, 16, 24, 60]) {
    t.is(peer.send('P.', { seq: 1, headerLen }), Drop.TCP_MALFORMED);
  }
  peer.expectState(State.ESTABLISHED);
  peer.expectNothing();
});

test('attack: connections past the limit of TIME-WAIT push out the oldest', (t) => {
  const first = established(t, { limits: { timeWaits: 3 } });
  const peers = [1, 2, 3, 4].map((i) => new Peer(t, { lab: first.lab, port: 41_000 + i }));
  const closeIt = (peer: Peer): void => {
    peer.shutdown();
    peer.send('F.');
  };
  closeIt(first);
  for (const peer of peers) {
    first.listener?.close();
    peer.listen();
    peer.shake();
    closeIt(peer);
    peer.listener?.close();
  }
  t.is(first.lab.core.tcp.table.length, 3);
  t.is(first.lab.stat('TcpExtTCPTimeWaitOverflow'), 2);
  t.is(first.state, 'CLOSED');
});

test('attack: how many resets a stranger gets does not tell whether a guess at a connection was right', (t) => {
  // CVE-2016-5696, RFC 5961 §7: a count that all share is a side channel.
  const victim = established(t, { limits: { resetsEach: 100 } });
  const { lab } = victim;
  const mallory = new Peer(t, { lab, address: ip('10.0.0.77') });
  const resetsTo = (guess: number): number => {
    lab.advance(S);
    for (let i = 0; i < 90; i++) {
      // As if the victim's peer had sent it: from its address, and a port that is right or wrong.
      const forged = new Peer(t, { lab, address: victim.address, port: guess });
      forged.send('.', { seq: 1, ack: 1, len: 10 });
    }
    mallory.skip();
    for (let i = 0; i < 200; i++) mallory.send('.', { seq: 1, ack: 1 });
    return mallory.skip().filter(({ flags }) => (flags & 4) !== 0).length;
  };
  t.is(resetsTo(victim.port), 100);
  t.is(resetsTo(victim.port + 1), 100);
});
