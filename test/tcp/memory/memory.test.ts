/**
 * The limit of what all connections keep together: pressure first, then early text is given up, then the
 * poorest use goes. RFC 2018 §8 and RFC 6429 §3 allow it.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { isSpare, take } from '../../../src/stack/memory/pool.ts';
import type { Limits } from '../../../src/stack/tcp/tcb/settings.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import * as verbs from '../../../src/stack/tcp/verbs.ts';
import { App, MS, S } from '../../support/lab.ts';
import { pattern } from '../../support/packets.ts';
import { Peer } from '../../support/peer.ts';
import { established } from '../../support/states.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** So many connections of one stack, all of them open. */
function many(t: ExecutionContext, count: number, limits: Partial<Limits>): Peer[] {
  const options = { ws: 9, sack: true, window: 4 * MIB };
  const first = established(t, { ...options, limits });
  const { lab } = first;
  first.listener?.close();
  const peers = [first];
  for (let i = 1; i < count; i++) {
    const peer = new Peer(t, { ...options, lab, port: 41_000 + i, app: new App() }).listen();
    peer.shake();
    peer.skip();
    peer.listener?.close();
    peers.push(peer);
  }
  return peers;
}

const total = ({ lab }: Peer): number => lab.core.tcp.budget.total;

test('memory: what is kept is counted, and nothing is left when all is done', (t) => {
  const peer = established(t, { sack: true });
  t.is(total(peer), 0);
  peer.send('.', { seq: 20_001, len: 100 });
  t.true(total(peer) >= 32 * KIB, 'the ring is as long as the hole');
  for (let at = 1; at < 20_001; at += 1000) peer.send('.', { seq: at, len: 1000 });
  t.is(total(peer), 0);
  peer.next = 20_101;
  peer.write(5000);
  t.true(total(peer) >= 5000);
  peer.send('.', { ack: 5001 });
  t.is(total(peer), 0);
  t.true(peer.lab.core.tcp.budget.most >= 32 * KIB);
});

test('memory: early text on many connections keeps no more than the limit, and the connections live', (t) => {
  // RFC 2018 §8: a receiver may give up what it has reported.
  const peers = many(t, 100, { memory: 4 * MIB, memoryPressure: 3 * MIB });
  const [peer] = peers as [Peer];
  for (const one of peers) one.send('.', { seq: 60_001, len: 1 });
  t.true(total(peer) <= 4 * MIB, `${total(peer)} bytes`);
  t.true(peer.lab.stat('TcpExtPruneCalled') > 0);
  t.true(peer.lab.stat('TcpExtOfoPruned') > 0);
  t.is(peer.lab.stat('TcpExtTCPAbortOnMemory'), 0);
  for (const one of peers) {
    one.next = 1;
    for (let at = 1; at < 60_001; at += 1000) one.send('.', { seq: at, len: 1000 });
    one.send('.', { seq: 60_001, len: 1 });
    t.is(one.app.length, 60_001);
  }
});

test('memory: of early text that which has lain longest for what moved is given up first', (t) => {
  const peers = many(t, 80, { memory: 4 * MIB, memoryPressure: 3 * MIB });
  const [busy, ...idle] = peers as [Peer, ...Peer[]];
  for (let at = 1; at < 1_000_000; at += 1000) {
    busy.send('.', { len: 1000 });
    busy.lab.advance(MS / 10);
  }
  busy.send('.', { seq: busy.next + 60_000, len: 1 });
  t.truthy(busy.tcb.ring);
  busy.lab.advance(10 * MS);
  for (const one of idle) one.send('.', { seq: 60_001, len: 1 });
  t.true(busy.lab.stat('TcpExtOfoPruned') > 0);
  t.truthy(busy.tcb.ring, 'a hole in what flows is kept');
});

test('memory: under pressure buffers do not grow, and a peer that does not read gets little', (t) => {
  const peers = many(t, 3, { memory: 8 * MIB, memoryPressure: MIB });
  const [peer, other, reader] = peers as [Peer, Peer, Peer];
  const { lab } = peer;
  for (const { tcb } of peers) tcb.sendBuffer = MIB;
  peer.send('.', { window: 0 });
  t.is(peer.write(pattern(MIB)), MIB);
  t.true(lab.core.tcp.budget.pressed);
  t.is(lab.stat('TcpExtTCPMemoryPressures'), 1);
  other.send('.', { window: 0 });
  t.is(other.write(pattern(MIB)), 64 * KIB);
  // Whoever is sent to goes on: what is in flight is useful.
  reader.tcb.cwnd = 200 * KIB;
  t.is(reader.write(pattern(64 * KIB)), 64 * KIB);
  t.true(verbs.writableBytes(reader.tcb) >= 60 * KIB, 'as much as is in flight may wait');
  const { receiveBuffer } = reader.tcb;
  for (let i = 0; i < 2000; i++) {
    reader.send('.', { len: 1000, ack: 1 });
    lab.advance(MS);
  }
  t.is(reader.tcb.receiveBuffer, receiveBuffer);
  reader.reading(false);
  for (let i = 0; i < 200; i++) reader.send('.', { len: 1000 });
  t.true(reader.tcb.rcvAdv - reader.tcb.rcvNxt < 256 * KIB);
  lab.advance(S);
  peer.abort();
  reader.abort();
  other.abort();
  t.false(lab.core.tcp.budget.pressed, 'it ends');
  t.true(lab.stat('TcpExtTCPMemoryPressuresChrono') >= 1000, 'in milliseconds');
});

test('memory: at the limit the one whose window has been shut for longest ends, and says why', (t) => {
  const limits = { memory: 4 * MIB, memoryPressure: 4 * MIB };
  const peers = many(t, 5, limits);
  const [first, ...others] = peers as [Peer, ...Peer[]];
  const { lab } = first;
  for (const { tcb } of peers) tcb.sendBuffer = MIB;
  for (const one of [first, ...others]) {
    one.send('.', { window: 0 });
    lab.advance(10 * S);
    one.skip();
    one.write(pattern(800 * KIB));
  }
  t.is(first.app.closed, Failure.NO_BUFFERS);
  t.true(
    first.skip().some(({ flags }) => (flags & 4) !== 0),
    'and its peer is reset',
  );
  t.is(lab.stat('TcpExtTCPAbortOnMemory'), 1);
  t.true(others.every(({ app }) => app.closed === undefined));
  t.true(total(first) <= 4 * MIB);
});

test('memory: many that write and are read end nobody: each takes what is there, and goes on', (t) => {
  const peers = many(t, 100, { memory: 4 * MIB, memoryPressure: 3 * MIB });
  const [{ lab }] = peers as [Peer];
  const written = peers.map((one) => {
    one.tcb.sendBuffer = MIB;
    one.tcb.cwnd = MIB;
    return one.write(pattern(MIB));
  });
  t.true(lab.core.tcp.budget.total <= 4 * MIB, 'within the limit');
  t.true(
    written.every((bytes) => bytes >= 4096),
    'and nobody goes without',
  );
  t.is(lab.stat('TcpExtTCPAbortOnMemory'), 0);
  for (const [i, one] of peers.entries()) {
    lab.advance(MS);
    one.send('.', { ack: (written[i] as number) + 1 }); // there is one for each
    t.true(one.write(pattern(MIB)) > 0);
  }
  t.is(lab.stat('TcpExtTCPAbortOnMemory'), 0);
});

test('memory: orphans count, and go before those whose owner is there', (t) => {
  const peers = many(t, 5, { memory: 4 * MIB, memoryPressure: 4 * MIB });
  const [owned, orphan] = peers as [Peer, Peer];
  const { lab } = owned;
  for (const one of peers) {
    one.tcb.sendBuffer = MIB;
    one.send('.', { window: 0 });
    if (one === peers[4]) orphan.detach();
    one.write(pattern(900 * KIB));
    lab.advance(300 * MS);
  }
  t.is(orphan.app.closed, Failure.NO_BUFFERS);
  t.is(owned.app.closed, undefined);
  t.is(lab.core.tcp.orphans, 0);
});

test('memory: text in order that no memory is there for is refused, and comes again', (t) => {
  const peers = many(t, 2, { memory: 4 * KIB, memoryPressure: 4 * KIB });
  const [peer, other] = peers as [Peer, Peer];
  peer.reading(false);
  other.reading(false);
  peer.lab.batch(() => {
    t.is(peer.send('.', { len: 1000 }), Drop.NONE);
    t.is(peer.send('.', { len: 1000 }), Drop.NONE);
  });
  t.is(other.send('.', { len: 1000 }), Drop.NONE);
  t.is(other.send('.', { len: 8000 }), Drop.TCP_MEMORY, 'more than there may be at all');
  t.is(peer.lab.stat('TcpExtRcvPruned'), 1);
  t.true(total(peer) <= 4 * KIB);
});

test('memory: whoever has nothing waiting may always send a little', (t) => {
  const peers = many(t, 3, { memory: 2 * KIB, memoryPressure: 2 * KIB });
  for (const peer of peers) {
    t.is(peer.write(pattern(10_000)), 4096);
    peer.send('.', { ack: 4097 });
    t.true(peer.app.events.includes('writable'));
  }
});

test('memory: taking back looks at those who keep something, and at each seldom', (t) => {
  // Counted: how often the limit is asked for, with 20 and with 400 connections that keep nothing beside.
  const calls = [20, 400].map((idle) => {
    const peers = many(t, idle + 60, { memory: 2 * MIB, memoryPressure: 2 * MIB });
    const [peer] = peers as [Peer];
    for (let round = 0; round < 4; round++) {
      for (const one of peers.slice(0, 60)) {
        one.send('.', { seq: 30_001 + 30_000 * (round % 2), len: 1 });
      }
    }
    t.true(peer.lab.core.tcp.budget.holders.length <= 60);
    return peer.lab.stat('TcpExtPruneCalled');
  });
  t.is(calls[0], calls[1]);
  t.true((calls[0] ?? 0) < 60, `${calls[0]} times for 240 segments`);
});

test('memory: an orphan at a window that stays shut ends after some probes, one with an owner does not', (t) => {
  // RFC 6429 §3; MUST-37 for the other.
  const peers = many(t, 4, {});
  const [owned, orphan, late, waiting] = peers as [Peer, Peer, Peer, Peer];
  const { lab } = owned;
  for (const one of [owned, orphan]) one.send('.', { window: 0 });
  for (const one of peers) one.write(pattern(5000));
  for (const one of [late, waiting]) one.send('.', { window: 0 });
  for (const one of [orphan, late]) one.detach();
  for (let i = 0; i < 1200; i++) {
    lab.advance(S);
    for (const one of peers) {
      if (one.skip().length > 0 && one.app.closed === undefined)
        one.send('.', { ack: 1, window: 0 });
    }
  }
  t.is(orphan.app.closed, Failure.TIMED_OUT);
  t.is(late.app.closed, Failure.TIMED_OUT, 'what was in flight as well');
  t.is(owned.app.closed, undefined);
  t.is(waiting.app.closed, undefined);
});

test('memory: an orphan whose peer takes octet by octet ends in a stated time, whatever it answers', (t) => {
  // RFC 6429 §3: to end one that makes poor use of memory is the system's right; Linux leaves it to `tcp_max_orphans`.
  const ways: [string, (peer: Peer, acked: number) => void][] = [
    ['a window of an octet', (peer, acked) => peer.send('.', { ack: acked, window: 1 })],
    ['an octet at a time acknowledged', (peer, acked) => peer.send('.', { ack: acked })],
  ];
  for (const [what, answer] of ways) {
    for (const state of ['FIN-WAIT-1', 'LAST-ACK']) {
      const [owned, orphan] = many(t, 2, {}) as [Peer, Peer];
      const { lab } = orphan;
      for (const one of [owned, orphan]) {
        if (state === 'LAST-ACK') one.send('F.');
        one.write(pattern(100_000));
        one.skip();
      }
      owned.shutdown();
      orphan.detach();
      let acked = 1;
      for (let i = 0; i < 12_000; i++) {
        lab.advance(S / 10);
        acked++;
        for (const one of [owned, orphan]) if (one.app.closed === undefined) answer(one, acked);
        if (lab.now < 299 * S) t.is(orphan.state, state);
      }
      t.is(orphan.app.closed, Failure.TIMED_OUT, `${what}, ${state}`);
      t.is(owned.app.closed, undefined, 'MUST-37: whoever waits for it may wait');
    }
  }
});

test('memory: an orphan whose peer is slow, but takes its text, is left alone', (t) => {
  const [orphan] = many(t, 1, {}) as [Peer];
  const { lab } = orphan;
  for (const at of [0, 1]) t.is(orphan.write(pattern(130_000, at)), 130_000);
  orphan.detach();
  let acked = 1;
  // 250 octets a second, for twenty minutes.
  for (let i = 0; i < 1100 && orphan.state !== 'FIN-WAIT-2'; i++) {
    lab.advance(S);
    acked = Math.min(acked + 250, 260_002);
    orphan.send('.', { ack: acked, window: 5000 });
  }
  orphan.expectState(State.FIN_WAIT_2);
});

test('memory: one batch makes storage for the early text of so many connections, and the rest comes again', (t) => {
  // Else whatever lies behind a flood of first holes waits until all have their storage.
  while (isSpare(64 * KIB)) take(64 * KIB);
  const peers = many(t, 100, {});
  const [{ lab }] = peers as [Peer];
  const flood = (): void =>
    lab.batch(() => {
      for (const one of peers) one.send('.', { seq: 60_001, len: 1 });
    });
  flood();
  t.is(lab.stat('TcpExtTCPOFOQueue'), 32);
  t.is(lab.stat('TcpExtTCPOFODrop'), 68);
  t.is(lab.drops(Drop.TCP_NO_BUFFER), 68);
  flood(); // those that have it keep it
  t.is(lab.stat('TcpExtTCPOFOQueue'), 64);
  for (let i = 0; i < 2; i++) flood();
  t.is(lab.stat('TcpExtTCPOFOQueue'), 100);
});
