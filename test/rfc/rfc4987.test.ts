/**
 * RFC 4987, SYN flooding: what a flood costs, and who gets through it.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import type { Address } from '../../src/stack/base/address.ts';
import { Flag, has } from '../../src/stack/tcp/tcb/flags.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { App, Lab, S } from '../support/lab.ts';
import { PEER, US } from '../support/packets.ts';
import { Peer, PORT } from '../support/peer.ts';

const BACKLOG = 64;

/** A listener with 64 places, and how many connections it gave away. */
function server(t: ExecutionContext): { lab: Lab; app: App } {
  const lab = new Lab(t);
  const app = new App();
  lab.core.tcp.listen({
    address: US,
    port: PORT,
    backlog: BACKLOG,
    accept: (tcb) => {
      app.tcb = tcb;
      return app;
    },
  });
  return { lab, app };
}

/** SYNs from `count` addresses and ports that nobody answers for. */
function flood(t: ExecutionContext, lab: Lab, count: number): void {
  const attacker = new Peer(t, { lab, port: 1024 });
  for (let i = 0; i < count; i++) {
    const source = (PEER + 10 + (i % 100)) as Address; // neighbours of the peer
    Object.assign(attacker, { port: 1024 + (i % 60_000) });
    lab.input(attacker.segment('S', { source, seq: i * 65_537 }));
  }
  attacker.skip();
}

test('RFC 4987 §3.2: a flood leaves as many half-open connections as there are places', (t) => {
  const { lab } = server(t);
  flood(t, lab, 20_000);
  t.is(lab.core.tcp.table.length, BACKLOG);
  t.is(lab.stat('TcpExtSyncookiesSent'), 20_000 - BACKLOG);
});

test('RFC 4987 §3.3: half-open connections make room after a while', (t) => {
  const { lab } = server(t);
  flood(t, lab, 1000);
  lab.advance(64 * S);
  t.is(lab.core.tcp.table.length, 0);
  t.false(lab.armed);
});

test('RFC 4987 §3.6: in the middle of a flood an honest peer gets through', (t) => {
  const { lab, app } = server(t);
  flood(t, lab, 5000);
  const peer = new Peer(t, { lab, app });
  peer.send('S');
  peer.expect({ flags: 'S.' });
  flood(t, lab, 5000);
  peer.send('P.', { len: 100 });
  peer.expectState(State.ESTABLISHED);
  t.is(app.length, 100);
  peer.write(100);
  peer.skip();
  peer.send('F.');
  peer.expectState(State.CLOSE_WAIT);
});

test('RFC 4987 §3.6: MSS, window scale and SACK survive in cookie and timestamp', (t) => {
  const { lab, app } = server(t);
  flood(t, lab, 1000);
  const peer = new Peer(t, { lab, app, mss: 1460, ws: 8, sack: true, ts: true });
  peer.send('S');
  peer.expect({ flags: 'S.', ws: 9, sackOk: true, ts: true });
  peer.send('.');
  const { tcb } = peer;
  t.true(has(tcb, Flag.SACK) && has(tcb, Flag.TIMESTAMPS));
  t.is(tcb.sndScale, 8);
  t.is(tcb.peerMss, 1460);
});

test('RFC 4987 §3.6: a flood of ACKs that guess cookies opens nothing', (t) => {
  const { lab, app } = server(t);
  flood(t, lab, 1000);
  const attacker = new Peer(t, { lab, app });
  for (let i = 0; i < 50_000; i++) attacker.send('.', { seq: 1, ack: (i * 85_899) | 0 });
  t.is(app.tcb, undefined);
  t.is(lab.core.tcp.table.length, BACKLOG);
});

test('RFC 4987 §3.6: when the flood is over, handshakes keep state again', (t) => {
  const { lab, app } = server(t);
  flood(t, lab, 1000);
  lab.advance(200 * S);
  const before = lab.stat('TcpExtSyncookiesSent');
  const peer = new Peer(t, { lab, app });
  peer.send('S');
  t.is(lab.core.tcp.table.length, 1);
  t.is(lab.stat('TcpExtSyncookiesSent'), before);
});

test('RFC 4987 §3.1: a flood over closed ports is answered only so often', (t) => {
  // Half of the limit is certain, the rest chance: a number that is known tells of others (CVE-2016-5696).
  const lab = new Lab(t, { limits: { resets: 50, resetsEach: 50 } });
  flood(t, lab, 5000);
  const first = lab.stat('TcpOutRsts');
  t.true(first >= 25 && first <= 50, `${first}`);
  lab.advance(S);
  flood(t, lab, 5000);
  const second = lab.stat('TcpOutRsts') - first;
  t.true(second >= 25 && second <= 50, `${second}`);
});
