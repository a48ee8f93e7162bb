/**
 * RFC 5927, ICMP attacks against TCP: errors that are made up, about what was never sent.
 * @module
 */
import test from 'ava';
import { ANY } from '../../src/stack/base/address.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { S } from '../support/lab.ts';
import { icmp, ip, packet, US, udp } from '../support/packets.ts';
import { closing, established, synReceived, synSent, timeWait } from '../support/states.ts';

const UNREACHABLE = 3;

test('RFC 5927 §4.1: an error must quote a sequence number that is in flight', (t) => {
  const peer = established(t);
  peer.write(2000);
  for (const seq of [-1, 0, 2001, 100_000, -100_000]) {
    t.is(peer.icmp(UNREACHABLE, 1, seq), Drop.ICMP_NO_MATCH);
  }
  t.is(peer.tcb.softError, Failure.NONE);
  t.is(peer.icmp(UNREACHABLE, 1, 1), Drop.NONE);
  t.is(peer.icmp(UNREACHABLE, 1, 2000), Drop.NONE);
  t.is(peer.tcb.softError, Failure.HOST_UNREACHABLE);
});

test('RFC 5927 §4.1: with nothing in flight no error is believed', (t) => {
  const peer = established(t);
  for (let seq = -2; seq <= 2; seq++) t.is(peer.icmp(UNREACHABLE, 3, seq), Drop.ICMP_NO_MATCH);
});

test('RFC 5927 §4.1: a connection that is being opened is not ended by a guess', (t) => {
  const peer = synSent(t);
  for (let i = 1; i <= 5000; i++) peer.icmp(UNREACHABLE, 3, i * 858_993);
  peer.expectState(State.SYN_SENT);
  t.is(peer.lab.drops(Drop.ICMP_NO_MATCH), 5000);
});

test('RFC 5927 §5.2: no error ends a connection that is open, hard ones neither', (t) => {
  for (let code = 0; code <= 15; code++) {
    if (code === 4) continue;
    const peer = established(t);
    peer.write(1000);
    peer.icmp(UNREACHABLE, code, 1);
    peer.expectState(State.ESTABLISHED);
    peer.send('.', { ack: 1001 });
    t.is(peer.app.closed, undefined);
  }
});

test('RFC 5927 §5.2: nor one that is being closed', (t) => {
  const peer = closing(t);
  t.is(peer.icmp(UNREACHABLE, 3, 1), Drop.NONE);
  peer.expectState(State.CLOSING);
  const waiting = timeWait(t);
  t.is(waiting.icmp(UNREACHABLE, 3, 1), Drop.ICMP_NO_MATCH);
  waiting.expectState(State.TIME_WAIT);
});

test('RFC 5927 §5.2: the error is why the connection failed, if it then fails', (t) => {
  const peer = established(t, { tcp: { retries: 3 } });
  peer.write(1000);
  peer.icmp(UNREACHABLE, 13, 1);
  peer.lab.advance(60 * S);
  t.is(peer.app.closed, Failure.PROHIBITED);
});

test('RFC 5927 §5.2: a soft error leaves alone what the peer is opening', (t) => {
  const peer = synReceived(t);
  t.is(peer.icmp(UNREACHABLE, 1, 0), Drop.NONE);
  t.is(peer.listener?.halfOpen, 1);
  peer.send('.');
  peer.expectState(State.ESTABLISHED);
});

test('RFC 5927 §6: a source quench slows nothing down', (t) => {
  const peer = established(t);
  peer.write(5000);
  const { cwnd } = peer.tcb;
  t.is(peer.icmp(4, 0, 1), Drop.ICMP_TYPE);
  t.is(peer.tcb.cwnd, cwnd);
});

test('RFC 5927 §7.2: a path is believed narrower only for a segment that is in flight', (t) => {
  const peer = established(t, { mss: 1460 });
  peer.write(1460);
  peer.skip();
  t.is(peer.icmp(UNREACHABLE, 4, 5000, 600), Drop.ICMP_NO_MATCH);
  t.is(peer.tcb.mss, 1460);
  peer.expectNothing();
});

test('RFC 5927 §7: an error about a datagram that nobody can check leaves the path of TCP alone', (t) => {
  // RFC 8899 §4.6: what cannot be validated is not used. Anybody can name a port that is open.
  const peer = established(t, { mss: 1460 });
  const { core } = peer.lab;
  const silent = { onMessage: () => Drop.NONE, onError: () => {} };
  t.is(core.udp.open(silent).bind(ANY, 53), Failure.NONE);
  peer.write(1460);
  peer.skip();
  const datagram = udp(US, 53, peer.address, 1234, new Uint8Array(1400));
  const about = packet({ source: US, destination: peer.address, protocol: 17, body: datagram });
  const body = icmp(UNREACHABLE, 4, 576, about.subarray(0, 28));
  t.is(peer.lab.input(packet({ source: ip('203.0.113.9'), protocol: 1, body })), Drop.NONE);
  t.is(core.ip.route(peer.address, ANY)?.mtu, 576, 'datagrams go in shorter pieces');
  t.is(peer.tcb.mss, 1460);
  peer.expectNothing();
  peer.write(1460);
  peer.expect({ len: 1460 });
});

test('RFC 5927 §7: what a segment in flight has shown counts for datagrams too', (t) => {
  const peer = established(t, { mss: 1460 });
  peer.write(1460);
  const sent = peer.expect({ len: 1460 });
  peer.icmp(UNREACHABLE, 4, sent, 1280);
  peer.skip();
  t.is(peer.lab.core.ip.route(peer.address, ANY)?.mtu, 1280);
});

test('RFC 5927 §7.2: no path is believed narrower than 552 octets', (t) => {
  const peer = established(t, { mss: 1460 });
  peer.write(1460);
  const sent = peer.expect({ len: 1460 });
  peer.icmp(UNREACHABLE, 4, sent, 68);
  t.is(peer.tcb.mss, 512);
  for (const seen of peer.skip()) {
    t.true(seen.len <= 512 && seen.len > 0);
    t.false(seen.dontFragment, 'routers may cut it where the path is narrower');
  }
});

test('RFC 5927 §7.2: an error that says no less than was sent changes nothing', (t) => {
  const peer = established(t, { mss: 1000 });
  peer.write(1000);
  const sent = peer.expect({ len: 1000 });
  peer.icmp(UNREACHABLE, 4, sent, 1400);
  t.true(peer.tcb.mss <= 1000);
});

test('RFC 5927 §4.1: an error to another host, or about another, is dropped', (t) => {
  const peer = established(t);
  peer.write(1000);
  const [sent] = peer.skip();
  const other = sent?.bytes.slice() ?? new Uint8Array(40);
  new DataView(other.buffer).setInt32(12, ip('10.0.0.9'));
  Object.assign(sent as object, { bytes: other });
  if (sent) t.is(peer.icmp(UNREACHABLE, 1, sent), Drop.ICMP_NO_MATCH);
});
