/**
 * RFC 9293, requirements on opening connections and on addresses (§3.5, §3.9.1.1, §3.9.2).
 * @module
 */
import test from 'ava';
import { ANY, BROADCAST } from '../../src/stack/base/address.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { App, Lab } from '../support/lab.ts';
import { ip, PEER, US } from '../support/packets.ts';
import { Peer, PORT } from '../support/peer.ts';
import { established, listening, synReceived, synSent } from '../support/states.ts';

test('MUST-10 §3.5: two SYNs that cross make one connection', (t) => {
  const peer = synSent(t);
  peer.send('S');
  peer.expect({ flags: 'S.', seq: 0, ack: 1 });
  peer.send('S.', { seq: 0, ack: 1 });
  peer.expectState(State.ESTABLISHED);
  t.is(peer.lab.core.tcp.table.length, 1);
  peer.send('P.', { len: 10 });
  t.is(peer.app.length, 10);
});

test('MUST-11 §3.5: a reset in SYN-RECEIVED goes back to LISTEN after a passive open', (t) => {
  const peer = synReceived(t);
  peer.send('R', { seq: 1 });
  t.deepEqual(peer.app.events, []);
  t.is(peer.lab.core.tcp.table.length, 0);
  peer.send('S', { seq: 0 });
  peer.expect({ flags: 'S.', ack: 1 });
});

test('MUST-11 §3.5: a reset in SYN-RECEIVED refuses the connection after an active open', (t) => {
  const peer = synSent(t);
  peer.send('S');
  peer.send('R');
  t.is(peer.app.closed, Failure.REFUSED);
  t.is(peer.lab.core.tcp.table.length, 0);
});

test('MUST-41 §3.9.1.1: to listen does not affect connections that there are', (t) => {
  const peer = established(t, { active: true });
  const { lab } = peer;
  const port = peer.localPort;
  const made = lab.core.tcp.listen({ address: ANY, port, backlog: 1, accept: () => undefined });
  t.is(typeof made, 'object');
  peer.send('P.', { len: 10 });
  t.is(peer.app.length, 10);
  if (typeof made === 'object') made.close();
  peer.send('P.', { len: 10 });
  t.is(peer.app.length, 20);
});

test('MUST-42 §3.9.1.1: one may listen on a port from which connections are being opened', (t) => {
  const peer = synSent(t);
  const { lab } = peer;
  const app = new App();
  const accept = (): App => app;
  lab.core.tcp.listen({ address: US, port: peer.localPort, backlog: 1, accept });
  const other = new Peer(t, { lab, port: 50_000 });
  other.localPort = peer.localPort;
  other.send('S');
  other.skip();
  other.send('.');
  t.deepEqual(app.events, ['open']);
  peer.send('S.');
  peer.expectState(State.ESTABLISHED);
});

test('MUST-43 §3.9.1.1: the local address may be given when opening', (t) => {
  const lab = new Lab(t);
  const other = ip('10.0.0.77');
  lab.core.ip.routes.addAddress(lab.iface, other, 24);
  const options = { destination: PEER, port: 9, owner: new App() };
  const made = lab.core.tcp.connect({ ...options, source: other });
  t.is(typeof made === 'object' ? made.localAddress : 0, other);
  lab.flush();
  t.is(
    lab.core.tcp.connect({ ...options, source: ip('10.0.0.78') }),
    Failure.ADDRESS_NOT_AVAILABLE,
  );
});

test('MUST-44 §3.9.1.1: without a local address the route to the peer chooses one', (t) => {
  const lab = new Lab(t);
  lab.core.ip.routes.addAddress(lab.iface, ip('192.168.5.1'), 24);
  const to = (text: string): number => {
    const made = lab.core.tcp.connect({ destination: ip(text), port: 9, owner: new App() });
    return typeof made === 'object' ? made.localAddress : 0;
  };
  t.is(to('192.168.5.9'), ip('192.168.5.1'));
  t.is(to('10.0.0.9'), US);
  lab.flush();
});

test('MUST-45 §3.9.1.1: a connection keeps the local address that it has', (t) => {
  const lab = new Lab(t);
  const second = ip('10.0.0.77');
  lab.core.ip.routes.addAddress(lab.iface, second, 24);
  const app = new App();
  lab.core.tcp.listen({ address: ANY, port: PORT, backlog: 1, accept: () => app });
  const peer = new Peer(t, { lab, app });
  let source = 0;
  const { onPacket } = lab;
  lab.onPacket = (bytes) => {
    onPacket(bytes);
    source = new DataView(bytes.buffer).getInt32(bytes.byteOffset + 12);
  };
  peer.send('S', { destination: second });
  t.is(source, second);
  peer.send('.', { destination: second });
  peer.send('P.', { destination: second, len: 10 });
  t.is(source, second);
});

for (const address of ['255.255.255.255', '10.0.0.255', '224.0.0.9', '0.0.0.0']) {
  test(`MUST-46 §3.9.1.1: a connection to ${address} is refused`, (t) => {
    const lab = new Lab(t);
    const made = lab.core.tcp.connect({ destination: ip(address), port: 9, owner: new App() });
    t.is(typeof made, 'number');
    lab.flush();
    t.is(lab.wire.sent.length, 0);
  });
}

test('MUST-57 §3.9.2.3: a SYN to a broadcast or multicast address is dropped silently', (t) => {
  const peer = listening(t);
  const group = ip('239.1.2.3');
  peer.lab.core.ip.multicast.join(peer.lab.iface, group);
  for (const destination of [BROADCAST, ip('10.0.0.255'), group]) {
    t.is(peer.send('S', { destination, seq: 0 }), Drop.TCP_ADDRESS);
  }
  peer.expectNothing();
  t.is(peer.lab.wire.sent.length, 0);
});

for (const source of ['255.255.255.255', '10.0.0.255', '224.0.0.9', '0.0.0.0', '127.0.0.1']) {
  test(`MUST-63 §3.9.2.3: a SYN from ${source} is dropped`, (t) => {
    const peer = listening(t);
    t.is(peer.send('S', { source: ip(source) }), Drop.IP_SOURCE);
    t.is(peer.lab.wire.sent.length, 0);
    t.is(peer.lab.core.tcp.table.length, 0);
  });
}

test('MUST-50 §3.9.2: IP options that TCP does not understand are ignored', (t) => {
  const peer = listening(t);
  const ipOptions = [68, 8, 5, 0, 0, 0, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0];
  peer.send('S', { ipOptions });
  peer.expect({ flags: 'S.' });
  peer.send('.', { ipOptions });
  peer.send('P.', { len: 10, ipOptions });
  t.is(peer.app.length, 10);
});

test('MUST-49 §3.9.2: the TTL can be set', (t) => {
  const peer = established(t);
  peer.write(10);
  t.is(peer.expect({ len: 10 }).ttl, 64);
  peer.send('.');
  peer.tcb.ttl = 5;
  peer.write(10);
  t.is(peer.expect({ len: 10 }).ttl, 5);
});
