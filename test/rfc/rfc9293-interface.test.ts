/**
 * RFC 9293, requirements on what the application may ask and is told, and on ICMP (§3.9.1, §3.9.2).
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { info } from '../../src/stack/tcp/info.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { MS, S } from '../support/lab.ts';
import { ip } from '../support/packets.ts';
import { established, synSent } from '../support/states.ts';

const UNREACHABLE = 3;
const SOURCE_QUENCH = 4;
const TIME_EXCEEDED = 11;
const PARAMETER_PROBLEM = 12;

test('MUST-61 §3.9.1.2: the last segment of what was written carries PSH, only that', (t) => {
  const peer = established(t);
  peer.write(3500);
  peer.expect({ seq: 1, push: false });
  peer.expect({ seq: 1001, push: false });
  peer.expect({ seq: 2001, push: false });
  peer.expect({ seq: 3001, len: 500, push: true });
});

test('MUST-60 §3.9.1.2: nothing written is held back for ever', (t) => {
  const peer = established(t);
  peer.write(10);
  peer.expect({ seq: 1, len: 10 });
  peer.write(10);
  peer.expectNothing();
  peer.send('.', { ack: 11 });
  peer.expect({ seq: 11, len: 10 });
});

test('SHLD-27 §3.9.1.2: several writes leave in one segment, with one PSH', (t) => {
  const peer = established(t);
  peer.write(10);
  peer.skip();
  for (let i = 0; i < 5; i++) peer.write(10);
  peer.send('.', { ack: 11 });
  peer.expect({ seq: 11, len: 50, push: true });
  peer.expectNothing();
});

test('SHLD-28 §3.9.1.2: segments are as large as they may be', (t) => {
  const peer = established(t);
  for (let i = 0; i < 10; i++) verbs.writeCopy(peer.tcb, new Uint8Array(700), 0, 700);
  peer.lab.flush();
  peer.expectFlight(7, 1);
});

test('MAY-16 §3.9.1.2: what is written within a batch leaves together', (t) => {
  const peer = established(t);
  for (let i = 0; i < 5; i++) verbs.writeCopy(peer.tcb, new Uint8Array(10), 0, 10);
  peer.expectNothing();
  peer.lab.flush();
  peer.expect({ len: 50 });
});

test('MUST-47 §3.9.1.8: soft errors can be asked for', (t) => {
  const peer = established(t);
  peer.write(100);
  t.is(info(peer.tcb).softError, '');
  peer.icmp(UNREACHABLE, 1, 1);
  t.is(info(peer.tcb).softError, 'EHOSTUNREACH');
});

test('SHLD-20 §3.9.1.8: who does not ask is told of no soft error', (t) => {
  const peer = established(t);
  peer.write(100);
  peer.icmp(UNREACHABLE, 1, 1);
  t.deepEqual(peer.app.events, ['open']);
});

test('MUST-48 §3.9.1.9: the Diffserv field can be set', (t) => {
  const peer = established(t);
  peer.tcb.tos = 0xb8;
  peer.write(10);
  t.is(peer.expect({ len: 10 }).tos, 0xb8);
});

test('SHLD-22 §3.9.1.9: the Diffserv field goes out as it was set, on every segment', (t) => {
  const peer = established(t);
  peer.tcb.tos = 0x48;
  peer.write(2500);
  peer.send('P.', { len: 10, ack: 1001 });
  peer.lab.advance(S);
  peer.shutdown();
  for (const seen of peer.skip()) t.is(seen.tos, 0x48);
});

test('SHLD-21 §3.9.1.9: the Diffserv field can be changed while the connection is open', (t) => {
  const peer = established(t);
  for (const tos of [0x20, 0x28, 0]) {
    peer.tcb.tos = tos;
    peer.write(10);
    t.is(peer.expect({ len: 10 }).tos, tos);
    peer.send('.');
  }
});

test("RFC 3168 §5: the two ECN bits are not the application's", (t) => {
  const peer = established(t);
  peer.tcb.tos = 0xbb;
  peer.write(10);
  t.is(peer.expect({ len: 10 }).tos, 0xb8);
});

test('MUST-54 §3.9.2.2: an ICMP error finds the connection that it is about', (t) => {
  const peer = synSent(t);
  t.is(peer.icmp(UNREACHABLE, 3, 0), Drop.NONE);
  t.is(peer.app.closed, Failure.REFUSED);
  const other = synSent(t);
  other.localPort++;
  t.is(other.icmp(UNREACHABLE, 3, 0), Drop.ICMP_NO_MATCH);
  t.is(other.app.closed, undefined);
});

test('MUST-55 §3.9.2.2: a source quench is dropped silently', (t) => {
  const peer = established(t);
  peer.write(5000);
  const { cwnd } = peer.tcb;
  peer.skip();
  t.is(peer.icmp(SOURCE_QUENCH, 0, 1), Drop.ICMP_TYPE);
  t.is(peer.tcb.cwnd, cwnd);
  t.is(info(peer.tcb).softError, '');
  peer.expectNothing();
});

const soft: [string, number, number, string][] = [
  ['net unreachable', UNREACHABLE, 0, 'ENETUNREACH'],
  ['host unreachable', UNREACHABLE, 1, 'EHOSTUNREACH'],
  ['source route failed', UNREACHABLE, 5, 'EHOSTUNREACH'],
  ['time exceeded', TIME_EXCEEDED, 0, 'EHOSTUNREACH'],
  ['parameter problem', PARAMETER_PROBLEM, 0, 'ENOPROTOOPT'],
];
for (const [name, type, code, failure] of soft) {
  test(`MUST-56 §3.9.2.2: ${name} does not abort a connection`, (t) => {
    const peer = established(t);
    peer.write(100);
    peer.icmp(type, code, 1);
    peer.expectState(State.ESTABLISHED);
    peer.send('.', { ack: 101 });
    peer.send('P.', { len: 10 });
    t.is(peer.app.length, 10);
  });

  test(`SHLD-25 §3.9.2.2: ${name} is told when the connection fails, and before if asked`, (t) => {
    const peer = established(t, { tcp: { retries: 2 } });
    peer.write(100);
    peer.icmp(type, code, 1);
    t.is(info(peer.tcb).softError, failure);
    peer.lab.advance(10 * S);
    t.true(peer.app.closed !== undefined && peer.app.closed !== Failure.TIMED_OUT);
  });
}

test('SHLD-26 §3.9.2.2: protocol and port unreachable abort a connection that is not open', (t) => {
  for (const code of [2, 3]) {
    const peer = synSent(t);
    peer.icmp(UNREACHABLE, code, 0);
    t.true(peer.app.closed !== undefined);
    t.is(peer.lab.core.tcp.table.length, 0);
  }
});

test('SHLD-26 §3.9.2.2: fragmentation needed makes segments smaller', (t) => {
  const peer = established(t, { mss: 1460 });
  peer.write(1460);
  const sent = peer.expect({ len: 1460 });
  peer.icmp(UNREACHABLE, 4, sent, 600);
  peer.expect({ seq: 1, len: 560 });
  peer.expectState(State.ESTABLISHED);
});

test('MAY-12 §3.10.7.4: text with an ACK that fits nothing is not taken (RFC 5961 §5)', (t) => {
  const peer = established(t);
  t.is(peer.send('P.', { len: 10, ack: -1_000_000 }), Drop.TCP_BAD_ACK);
  t.is(peer.send('P.', { len: 10, ack: 1_000_000 }), Drop.TCP_BAD_ACK);
  t.is(peer.app.length, 0);
});

test('SHLD-8 §3.8.2: ECN is agreed on where both want it', (t) => {
  const peer = established(t, { ecn: true });
  peer.write(1000);
  peer.expect({ len: 1000, ecn: 2 });
});

test('MAY-18 §3.8.2: there is CUBIC and there is NewReno, chosen for each connection', (t) => {
  t.is(info(established(t).tcb).congestion, 'cubic');
  t.is(info(established(t, { tcp: { congestion: 'newreno' } }).tcb).congestion, 'newreno');
});

test('MUST-43 §3.9.1.1: a source address that is not ours is refused', (t) => {
  const { lab, address, app } = established(t);
  const options = { destination: address, port: 80, owner: app, source: ip('10.0.0.99') };
  t.is(lab.core.tcp.connect(options), Failure.ADDRESS_NOT_AVAILABLE);
});

test('§3.9.1.6: the state of a connection can be asked for', (t) => {
  const peer = established(t, { rtt: 30 * MS, sack: true, ts: true, ws: 7 });
  peer.write(5000);
  const now = info(peer.tcb);
  t.is(now.state, 'ESTABLISHED');
  t.is(now.remotePort, peer.port);
  t.is(now.unacked, 5000);
  t.is(now.rtt, 30);
  t.deepEqual(now.options, ['ts', 'sack', 'wscale']);
});

test('MUST-61 §3.9.1.2: a FIN without text carries no PSH, neither at first nor again', (t) => {
  const peer = established(t);
  peer.shutdown();
  peer.expect({ flags: 'F.', push: false });
  peer.lab.advance(S);
  peer.expect({ flags: 'F.', push: false });
});
