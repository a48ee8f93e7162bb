/**
 * SYN cookies: what is answered when the half-open connections are too many. RFC 4987 §3.6.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Flag, has } from '../../../src/stack/tcp/tcb/flags.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import { App, Lab, type LabOptions, MS, S } from '../../support/lab.ts';
import { US } from '../../support/packets.ts';
import { Peer, type PeerOptions, PORT } from '../../support/peer.ts';

/** A listener whose one place for a half-open connection is taken, and a peer that comes after. */
function flooded(t: ExecutionContext, options: PeerOptions & { room?: () => boolean } = {}): Peer {
  const lab = new Lab(t, options as LabOptions);
  const app = new App();
  lab.core.tcp.listen({
    address: US,
    port: PORT,
    backlog: 1,
    hasRoom: options.room ?? (() => true),
    accept: (tcb) => {
      app.tcb = tcb;
      return app;
    },
  });
  new Peer(t, { lab, port: 50_000 }).send('S');
  return new Peer(t, { ...options, lab, app });
}

test('cookies: a SYN past the limit leaves nothing in memory', (t) => {
  const peer = flooded(t);
  const before = peer.lab.core.tcp.table.length;
  peer.send('S');
  peer.expect({ flags: 'S.', ack: 1 });
  t.is(peer.lab.core.tcp.table.length, before);
  t.is(peer.lab.stat('TcpExtSyncookiesSent'), 1);
  peer.lab.advance(3 * S);
  peer.expectNothing();
});

test('cookies: the ACK of one opens the connection', (t) => {
  const peer = flooded(t);
  peer.send('S');
  peer.skip();
  peer.send('P.', { seq: 1, len: 100 });
  peer.expectState(State.ESTABLISHED);
  peer.expect({ flags: '.', seq: 1, ack: 101 });
  t.is(peer.app.length, 100);
  t.is(peer.lab.stat('TcpExtSyncookiesRecv'), 1);
  t.is(peer.listener?.halfOpen ?? 0, 0);
});

test('cookies: the timestamp keeps window scale, SACK and the sizes of both windows', (t) => {
  const peer = flooded(t, { ts: true, sack: true, ws: 7, mss: 1400, rtt: 0 });
  peer.send('S');
  peer.expect({ flags: 'S.', ws: 9, sackOk: true, ts: true });
  peer.lab.advance(30 * MS);
  peer.send('.', { window: 128 * 1000 });
  const { tcb } = peer;
  t.true(has(tcb, Flag.SACK) && has(tcb, Flag.SCALING) && has(tcb, Flag.TIMESTAMPS));
  t.is(tcb.sndScale, 7);
  t.is(tcb.sndWnd, 128 * 1000);
  t.is(tcb.peerMss, 1400);
  t.is(tcb.rcvScale, 9);
  t.true(Math.abs(tcb.srtt8 / 8 - 30 * MS) < 65 * MS);
  peer.send('.', { len: 1000 });
  peer.send('.', { len: 1000 });
  const ack = peer.skip().at(-1);
  t.true((ack?.window ?? 0) * 2 ** 9 > 65_535);
});

test('cookies: without a timestamp nothing but the segment size is agreed', (t) => {
  const peer = flooded(t, { sack: true, ws: 7, mss: 1300 });
  peer.send('S');
  peer.expect({ flags: 'S.', ws: undefined, sackOk: false, ts: false });
  peer.send('.', { window: 1000 });
  const { tcb } = peer;
  t.false(has(tcb, Flag.SACK) || has(tcb, Flag.SCALING));
  t.is(tcb.sndWnd, 1000);
  t.is(tcb.peerMss, 1300);
});

for (const [mss, kept] of [
  [100, 64],
  [536, 536],
  [1219, 536],
  [1459, 1440],
  [9000, 1460],
] as const) {
  test(`cookies: of a segment size of ${mss} they keep ${kept}`, (t) => {
    const peer = flooded(t, { mss });
    peer.send('S');
    peer.skip();
    peer.send('.');
    t.is(peer.tcb.peerMss, kept);
  });
}

test('cookies: the timestamps go on behind that of the cookie', (t) => {
  const peer = flooded(t, { ts: true });
  peer.send('S');
  const cookie = peer.expect({ flags: 'S.' }).ts?.[0] ?? 0;
  peer.send('.');
  peer.write(10);
  const next = peer.expect({ len: 10 }).ts?.[0] ?? 0;
  const age = (next - cookie) | 0;
  t.true(age >= 0 && age < 64, `${age}`);
});

test('cookies: one is good for a minute at least, and for two at most', (t) => {
  for (const [age, opens] of [
    [60, true],
    [140, false],
  ] as const) {
    const peer = flooded(t);
    peer.send('S');
    peer.skip();
    peer.lab.advance(age * S);
    peer.send('.');
    if (opens) {
      peer.expectState(State.ESTABLISHED);
    } else {
      peer.expect({ flags: 'R', seq: 1 });
      t.is(peer.app.tcb, undefined);
    }
  }
});

test('cookies: a guessed one is refused with a reset, and counted', (t) => {
  const peer = flooded(t);
  peer.send('S');
  peer.skip();
  for (let i = 1; i <= 200; i++) {
    t.is(peer.send('.', { ack: 1 + i * 7919 }), Drop.TCP_NO_CONNECTION);
  }
  t.is(peer.app.tcb, undefined);
  t.is(peer.lab.stat('TcpExtSyncookiesFailed'), 200);
  t.is(peer.skip().length, 200);
});

test('cookies: one of another peer, or of another port, opens nothing', (t) => {
  const peer = flooded(t);
  peer.send('S');
  peer.skip();
  const thief = new Peer(t, { lab: peer.lab, port: 41_000, app: peer.app });
  thief.irs = peer.irs;
  thief.send('.', { seq: 1, ack: 1 });
  t.is(peer.app.tcb, undefined);
});

test('cookies: as long as none was sent an ACK out of nowhere is only refused', (t) => {
  const lab = new Lab(t);
  const peer = new Peer(t, { lab }).listen();
  peer.send('.', { seq: 1, ack: 1 });
  peer.expect({ flags: 'R', seq: 1 });
  t.is(lab.stat('TcpExtSyncookiesFailed'), 0);
});

test('cookies: while the owner has no room the ACK of one is dropped, and may come again', (t) => {
  let room = true;
  const peer = flooded(t, { room: () => room });
  peer.send('S');
  peer.skip();
  room = false;
  t.is(peer.send('.'), Drop.TCP_ACCEPT_QUEUE_FULL);
  peer.expectNothing();
  room = true;
  peer.send('P.', { len: 10 });
  peer.expectState(State.ESTABLISHED);
});

test('cookies: two stacks make different ones', (t) => {
  const cookie = (seed: number): number => {
    const peer = flooded(t, { seed });
    peer.send('S');
    return peer.irs;
  };
  t.not(cookie(1), cookie(2));
  t.is(cookie(3), cookie(3));
});
