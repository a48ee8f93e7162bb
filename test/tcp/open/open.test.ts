/**
 * Opening: SYNs out, in and crossing, and what is agreed in them. RFC 9293 §3.5.
 * @module
 */
import test from 'ava';
import { Failure } from '../../../src/stack/base/failure.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import { MS, S } from '../../support/lab.ts';
import { ip, pattern, US } from '../../support/packets.ts';
import { established, listening, synReceived, synSent } from '../../support/states.ts';

test('open: a SYN-ACK that comes in the batch in which the SYN was to go again ends that', (t) => {
  const peer = synSent(t);
  const { lab } = peer;
  lab.now += S;
  lab.core.expire(lab.now);
  peer.send('S.', { ack: 1 });
  peer.expect({ flags: '.', seq: 1, ack: 1 });
  peer.expectNothing();
  lab.advance(10 * S);
  peer.expectNothing();
});

test('open: an ACK that comes in the batch in which the SYN-ACK was to go again ends that', (t) => {
  const peer = synReceived(t);
  peer.lab.batch(() => {
    peer.send('S', { seq: 0 });
    peer.send('.', { ack: 1 });
  });
  peer.expectNothing();
  peer.expectState(State.ESTABLISHED);
});

test('open: with no way out for the moment the SYN is tried again', (t) => {
  const peer = listening(t);
  const { lab } = peer;
  peer.connect();
  peer.skip();
  lab.core.ip.routes.removeAddress(lab.iface, US);
  lab.advance(2 * S);
  peer.expectNothing();
  lab.core.ip.routes.addAddress(lab.iface, US, 24);
  lab.advance(10 * S);
  peer.expect({ flags: 'S', seq: 0 });
});

test("open: the peer's SYN again is answered, and does not put off the end", (t) => {
  const peer = synReceived(t);
  for (let i = 0; i < 130; i++) {
    peer.lab.advance(S / 2);
    if (peer.app.tcb === undefined && peer.listener?.halfOpen === 0) break;
    peer.send('S', { seq: 0 });
  }
  t.is(peer.listener?.halfOpen, 0);
});

test('open: a round trip that began with either of two SYN-ACKs is no measurement (Karn)', (t) => {
  const peer = synReceived(t);
  peer.lab.advance(300 * MS);
  peer.send('S', { seq: 0 });
  peer.lab.advance(5 * MS);
  peer.send('.');
  t.is(peer.tcb.srtt8, -1);
  t.is(peer.tcb.rto, S);
});

test('open: with timestamps even a repeated SYN-ACK gives a measurement', (t) => {
  const peer = synReceived(t, { ts: true });
  const { stamp } = peer;
  peer.lab.advance(300 * MS);
  peer.send('S', { seq: 0 });
  peer.lab.advance(100 * MS);
  peer.send('.', { options: { ts: [peer.clock, stamp] } });
  t.is(peer.tcb.srtt8 / 8, 400 * MS);
});

test('open: text that comes with the SYN-ACK is taken', (t) => {
  const peer = synSent(t);
  peer.send('S.', { len: 100 });
  peer.expect({ flags: '.', seq: 1, ack: 101 });
  t.deepEqual(peer.app.text, pattern(100));
  t.deepEqual(peer.app.events, ['open', 'data']);
});

test('open: text that comes with the SYN is not taken, and not acknowledged', (t) => {
  const peer = listening(t);
  peer.send('S', { len: 100 });
  peer.expect({ flags: 'S.', ack: 1 });
  peer.send('.', { seq: 1, len: 100 });
  peer.expect({ flags: '.', ack: 101 });
  t.deepEqual(peer.app.text, pattern(100, 7));
});

test("open: in a simultaneous open the other's SYN-ACK opens the connection", (t) => {
  const peer = synSent(t);
  peer.send('S');
  peer.expect({ flags: 'S.', seq: 0, ack: 1 });
  peer.expectState(State.SYN_RECEIVED);
  peer.send('S.', { seq: 0, ack: 1 });
  peer.expectState(State.ESTABLISHED);
  peer.expect({ flags: '.', seq: 1, ack: 1 });
  t.deepEqual(peer.app.events, ['open']);
});

test('open: options that only one side wants are off', (t) => {
  const peer = established(t, { sack: false, ts: false });
  const { options } = peer;
  t.is(options.ws, undefined);
  peer.send('P.', { len: 10 });
  peer.expect({ flags: '.', ts: false, sack: [] });
  t.is(peer.tcb.rcvScale, 0);
});

test('open: a SYN-ACK offers only what the SYN asked for', (t) => {
  const none = listening(t, { mss: 0 });
  none.send('S');
  none.expect({ flags: 'S.', ts: false, sackOk: false, ws: undefined, mss: 1460 });
  const all = listening(t, { ts: true, sack: true, ws: 3 });
  all.send('S');
  all.expect({ flags: 'S.', ts: true, sackOk: true, ws: 9, mss: 1460 });
});

const nobody = { onOpen() {}, onData() {}, onEnd() {}, onWritable() {}, onRelease() {} };
const owner = { ...nobody, onFinished() {}, onClose() {} };
const impossible: [string, Failure][] = [
  ['255.255.255.255', Failure.NET_UNREACHABLE],
  ['10.0.0.255', Failure.NET_UNREACHABLE],
  ['224.0.0.1', Failure.NET_UNREACHABLE],
  ['0.0.0.0', Failure.NET_UNREACHABLE],
  ['192.168.7.7', Failure.NET_UNREACHABLE],
];
for (const [address, failure] of impossible) {
  test(`open: nobody can connect to ${address}`, (t) => {
    const { lab } = listening(t);
    const made = lab.core.tcp.connect({ destination: ip(address), port: 80, owner });
    t.is(made, failure);
    t.is(lab.core.tcp.table.length, 0);
  });
}

test('open: a source address that is not ours is refused', (t) => {
  const { lab, address } = listening(t);
  const options = { destination: address, port: 80, owner, source: ip('10.0.0.77') };
  t.is(lab.core.tcp.connect(options), Failure.ADDRESS_NOT_AVAILABLE);
});

test('open: the same four numbers twice are refused', (t) => {
  const { lab, address } = listening(t);
  const options = { destination: address, port: 80, owner, sourcePort: 5000 };
  t.is(typeof lab.core.tcp.connect(options), 'object');
  t.is(lab.core.tcp.connect(options), Failure.ADDRESS_IN_USE);
  t.is(lab.core.tcp.demux.count, 1);
  lab.flush();
});

test('open: more connections than the limit are refused', (t) => {
  const { lab, address } = listening(t, { limits: { connections: 3 } });
  const made = [1, 2, 3, 4].map((port) => {
    return typeof lab.core.tcp.connect({ destination: address, port, owner });
  });
  t.deepEqual(made, ['object', 'object', 'object', 'number']);
  lab.flush();
});
