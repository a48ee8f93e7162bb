/**
 * Listeners: their queue of half-open connections, and their end. RFC 9293 §3.10.1, RFC 4987.
 * @module
 */
import test from 'ava';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import { Flag } from '../../../src/stack/wire/tcp.ts';
import { Lab, S } from '../../support/lab.ts';
import { ip, US } from '../../support/packets.ts';
import { Peer, PORT } from '../../support/peer.ts';
import { tcpPacket } from '../../support/segments.ts';
import { listening, synReceived } from '../../support/states.ts';

/** `count` peers that each have sent a SYN to one listener, the first of which owns it. */
function knocking(first: Peer, count: number): Peer[] {
  const { t, lab, options } = first;
  const others = Array.from({ length: count - 1 }, (_x, i) => {
    return new Peer(t, { ...options, lab, port: 41_000 + i });
  });
  const all = [first, ...others];
  for (const peer of all) peer.send('S');
  return all;
}

test('listener: closing it ends every half-open connection', (t) => {
  const first = listening(t);
  const all = knocking(first, 9);
  t.is(first.listener?.halfOpen, 9);
  first.listener?.close();
  t.is(first.listener?.halfOpen, 0);
  t.is(first.lab.core.tcp.table.length, 0);
  for (const peer of all) {
    peer.skip();
    peer.send('.', { seq: 1, ack: 1 });
    peer.expect({ flags: 'R', seq: 1 });
  }
  t.deepEqual(first.app.events, []);
});

test('listener: closing it leaves open connections alone', (t) => {
  const peer = synReceived(t);
  peer.send('.');
  peer.listener?.close();
  peer.listener?.close();
  peer.send('P.', { len: 10 });
  t.is(peer.app.length, 10);
});

test('listener: a half-open connection is counted until it opens', (t) => {
  const peer = synReceived(t);
  t.is(peer.listener?.halfOpen, 1);
  peer.send('.');
  t.is(peer.listener?.halfOpen, 0);
  t.is(peer.lab.core.tcp.demux.count, 1);
});

test('listener: a SYN to whose source no way leads is dropped as such, before cookies and after', (t) => {
  const peer = listening(t, { backlog: 1 });
  const { lab } = peer;
  const sourced = { source: ip('192.0.2.9'), sourcePort: 4000, destination: US, port: PORT };
  const syn = tcpPacket({ ...sourced, seq: 1, ack: 0, flags: Flag.SYN, window: 1000 });
  t.is(lab.input(syn), Drop.IP_NO_ROUTE);
  peer.send('S');
  peer.skip();
  t.is(lab.input(syn), Drop.IP_NO_ROUTE);
  t.is(lab.core.tcp.table.length, 1);
});

const ends: Record<string, (peer: Peer) => void> = {
  'the peer resets it': (peer) => peer.send('R', { seq: 1 }),
  'the peer never answers': (peer) => peer.lab.advance(200 * S),
  'the stack ends': (peer) => peer.lab.core.failAll(Failure.CLOSED),
  'its answer is to something else': (peer) => {
    peer.send('.', { ack: 77 });
    peer.send('R', { seq: 1 });
  },
};
for (const [name, end] of Object.entries(ends)) {
  test(`listener: a half-open connection is no longer counted when ${name}`, (t) => {
    const peer = synReceived(t);
    end(peer);
    t.is(peer.listener?.halfOpen, 0);
    t.is(peer.lab.core.tcp.table.length, 0);
    t.is(peer.lab.core.tcp.demux.count, 0);
    t.false(peer.lab.armed);
  });
}

test('listener: a connection that its owner does not want is reset', (t) => {
  const lab = new Lab(t);
  lab.core.tcp.listen({ address: US, port: PORT, backlog: 1, accept: () => undefined });
  const peer = new Peer(t, { lab });
  peer.send('S');
  peer.skip();
  peer.send('.');
  peer.expect({ flags: 'R.', seq: 1, ack: 1 });
  peer.expectNothing();
});

test('listener: what accept throws refuses the connection and harms nothing else', (t) => {
  const lab = new Lab(t);
  const thrown: unknown[] = [];
  lab.core.thrown = (error) => thrown.push(error);
  const accept = (): never => {
    throw new Error('no');
  };
  lab.core.tcp.listen({ address: US, port: PORT, backlog: 1, accept });
  const peer = new Peer(t, { lab });
  peer.send('S');
  peer.skip();
  peer.send('.');
  peer.expect({ flags: 'R.' });
  t.is(thrown.length, 1);
});

test('listener: with no room for another connection a SYN is dropped, and may come again', (t) => {
  const lab = new Lab(t);
  let room = false;
  const listen = { address: US, port: PORT, backlog: 4, hasRoom: () => room };
  lab.core.tcp.listen({ ...listen, accept: () => undefined });
  const peer = new Peer(t, { lab });
  peer.send('S');
  peer.expectNothing();
  t.is(lab.stat('TcpExtListenOverflows'), 1);
  room = true;
  peer.send('S', { seq: 0 });
  peer.expect({ flags: 'S.' });
});

test('listener: a second one on the same address and port is refused', (t) => {
  const peer = listening(t);
  const again = { address: US, port: PORT, backlog: 1, accept: () => undefined };
  t.is(peer.lab.core.tcp.listen(again), Failure.ADDRESS_IN_USE);
  peer.listener?.close();
  t.is(typeof peer.lab.core.tcp.listen(again), 'object');
});

test('listener: port 0 stands for a free one', (t) => {
  const { core } = new Lab(t);
  const listen = (): number => {
    const made = core.tcp.listen({ address: US, port: 0, backlog: 1, accept: () => undefined });
    return typeof made === 'number' ? 0 : made.port;
  };
  const ports = new Set(Array.from({ length: 50 }, listen));
  t.is(ports.size, 50);
  t.true([...ports].every((port) => port >= 49_152 && port <= 65_535));
});

test('listener: a connection it gave away outlives the half-open count', (t) => {
  const peer = synReceived(t, { backlog: 1 });
  peer.send('.');
  const other = new Peer(t, { lab: peer.lab, port: 41_000 });
  other.send('S');
  other.expect({ flags: 'S.' });
  t.is(peer.listener?.halfOpen, 1);
  t.is(peer.lab.stat('TcpExtSyncookiesSent'), 0);
  peer.expectState(State.ESTABLISHED);
});
