/**
 * The segment size that an owner wants: `maxSegment`, Linux's TCP_MAXSEG. RFC 9293 §3.7.1 has the peer's MSS and the path
 * as bounds of what is sent, and leaves a lower one to us; RFC 6691 §2: options take their bytes from it.
 * @module
 */
import test from 'ava';
import * as verbs from '../../../src/stack/tcp/verbs.ts';
import { Lab, MS } from '../../support/lab.ts';
import { pattern, US } from '../../support/packets.ts';
import { Peer, PORT } from '../../support/peer.ts';
import { established, listening } from '../../support/states.ts';

test('mss: a cap is what is offered and what is sent, from either side', (t) => {
  for (const active of [false, true]) {
    const peer = new Peer(t, { mss: 1460, active, tcp: { maxSegment: 900 } });
    if (active) {
      peer.connect();
      peer.expect({ flags: 'S', mss: 900 });
      peer.send('S.');
      peer.expect({ flags: '.' });
    } else {
      peer.listen();
      peer.send('S');
      peer.expect({ flags: 'S.', mss: 900 });
      peer.send('.');
    }
    peer.write(1800);
    peer.expect({ seq: 1, len: 900 });
    peer.expect({ seq: 901, len: 900 });
    peer.expectNothing();
  }
});

test('mss: timestamps take their bytes from the cap, as from what the peer said', (t) => {
  const peer = established(t, { mss: 1460, ts: true, tcp: { maxSegment: 900 } });
  peer.write(888);
  t.is(peer.expect({ seq: 1 }).len, 888);
  t.is(peer.tcb.mss, 888);
});

test('mss: a cap above what peer and path take changes nothing', (t) => {
  const peer = listening(t, { mss: 536, tcp: { maxSegment: 4000 } });
  peer.send('S');
  peer.expect({ flags: 'S.', mss: 1460 });
  peer.send('.');
  peer.write(536);
  peer.expect({ seq: 1, len: 536 });
});

test('mss: what is accepted (`mss`) and the cap are bounds of the same offer', (t) => {
  const peer = listening(t, { tcp: { mss: 700, maxSegment: 900 } });
  peer.send('S');
  peer.expect({ flags: 'S.', mss: 700 });
});

test('mss: a listener and a connection may each have a cap of their own', (t) => {
  const lab = new Lab(t);
  const peer = new Peer(t, { mss: 1460, lab });
  const { app } = peer;
  const settings = { maxSegment: 500 };
  const accept = (tcb: (typeof peer)['tcb']) => {
    app.tcb = tcb;
    return app;
  };
  lab.core.tcp.listen({ address: US, port: PORT, backlog: 4, settings, accept });
  peer.send('S');
  peer.expect({ flags: 'S.', mss: 500 });
  const other = new Peer(t, { mss: 1460, lab, port: 41_000 });
  const tcb = lab.core.tcp.connect({
    destination: other.address,
    port: other.port,
    owner: other.app,
    settings: { maxSegment: 600 },
  });
  if (typeof tcb === 'number') throw new Error('no connection');
  other.localPort = tcb.localPort;
  lab.flush();
  other.expect({ flags: 'S', mss: 600 });
});

test('mss: a cookie keeps the cap', (t) => {
  const peer = listening(t, { mss: 1460, backlog: 1, tcp: { maxSegment: 900 } });
  const first = new Peer(t, { ...peer.options, lab: peer.lab, port: 41_000 });
  first.send('S'); // the only half-open one
  peer.send('S');
  peer.expect({ flags: 'S.', mss: 900 });
  peer.send('.');
  t.is(peer.lab.stat('TcpExtSyncookiesRecv'), 1);
  t.true(peer.tcb.mss <= 900, `${peer.tcb.mss}`);
});

test('mss: no probe of the path is longer than the cap (RFC 4821 §7.3)', (t) => {
  // A black hole at 700: the connection falls back, and looks for more, but for no more than was wanted.
  const tcp = { maxSegment: 1000 };
  const peer = established(t, { mss: 1460, sack: true, rtt: 10 * MS, window: 60_000, tcp });
  const { lab, tcb } = peer;
  verbs.writeCopy(tcb, pattern(60_000), 0, 60_000);
  lab.flush();
  let most = 0;
  let acked = 1;
  for (let i = 0; i < 4000 && acked < 60_001; i++) {
    let seen = peer.skip();
    if (seen.length === 0) {
      lab.advanceToNext();
      seen = peer.skip();
    }
    for (const { len, seq } of seen) {
      most = Math.max(most, len);
      if (len <= 660 && seq === acked) acked += len;
    }
    lab.advance(10 * MS);
    peer.send('.', { ack: acked });
  }
  t.is(acked, 60_001, 'all passes the hole');
  t.is(most, 1000);
});
