/**
 * UDP sockets over an internet layer in memory. RFC 768, RFC 1122 §4.1.
 * @module
 */
import test from 'ava';
import { type Address, ANY, BROADCAST, LOOPBACK } from '../../src/stack/base/address.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import type { UdpSocket } from '../../src/stack/udp/socket.ts';
import { Refusal, Udp } from '../../src/stack/udp/udp.ts';
import {
  Host,
  type HostOptions,
  icmp,
  ip,
  PEER,
  packet,
  pattern,
  Read,
  US,
  udp,
} from '../support/packets.ts';

interface Got {
  text: Uint8Array;
  source: Address;
  port: number;
  to: Address;
}

/** A host with UDP, and sockets that note what they are told. */
class UdpHost extends Host {
  readonly udp: Udp;

  constructor(options: HostOptions = {}) {
    super(options);
    this.udp = new Udp(this.net);
  }

  open(answer: Drop = Drop.NONE): { socket: UdpSocket; got: Got[]; errors: Failure[] } {
    const got: Got[] = [];
    const errors: Failure[] = [];
    const socket = this.udp.open({
      onMessage(bytes, at, length, source, port, p) {
        got.push({ text: bytes.slice(at, at + length), source, port, to: p.destination });
        return answer;
      },
      onError: (failure) => void errors.push(failure),
    });
    return { socket, got, errors };
  }

  /** A datagram from the peer. */
  receive(port: number, text: Uint8Array, o: { from?: number; to?: Address } = {}): Drop {
    const { from = 5000, to = US } = o;
    return this.input(
      packet({ protocol: 17, destination: to, body: udp(PEER, from, to, port, text) }),
    );
  }

  /** An ICMP error from a router, about the datagram that was sent last. */
  complain(about: Read, type: number, code: number, rest = 0): Drop {
    const body = icmp(type, code, rest, about.bytes.subarray(0, 28));
    return this.input(packet({ source: ip('10.0.0.99'), protocol: 1, body }));
  }
}

test('udp: a datagram reaches the socket that is bound to its port', (t) => {
  const host = new UdpHost();
  const { socket, got } = host.open();
  t.is(socket.bind(ANY, 7), Failure.NONE);
  t.is(host.receive(7, pattern(100)), Drop.NONE);
  t.deepEqual(got, [{ text: pattern(100), source: PEER, port: 5000, to: US }]);
  t.is(host.stat('UdpInDatagrams'), 1);
  t.true(host.balanced);
});

test('udp: an empty datagram is a datagram', (t) => {
  const host = new UdpHost();
  const { socket, got } = host.open();
  socket.bind(ANY, 7);
  t.is(host.receive(7, new Uint8Array(0)), Drop.NONE);
  t.is(got[0]?.text.length, 0);
});

test('udp: a datagram leaves with header and checksum', (t) => {
  const host = new UdpHost();
  const { socket } = host.open();
  socket.bind(US, 7);
  t.is(socket.send(pattern(33), 3, 30, PEER, 9), Failure.NONE);
  const sent = host.wire.take();
  t.deepEqual([sent.u16(0), sent.u16(2), sent.u16(4)], [7, 9, 38]);
  t.deepEqual(sent.body.subarray(8), pattern(33).subarray(3));
  t.is(sent.source, US);
  t.is(sent.ttl, 64);
  t.true(sent.transportGood && sent.headerGood);
  t.true(host.balanced);
});

test('udp: the address decides before any address, the newest of equals', (t) => {
  const host = new UdpHost();
  const any = host.open();
  const own = host.open();
  const newer = host.open();
  for (const o of [any, own, newer]) o.socket.reuseAddress = true;
  any.socket.bind(ANY, 7);
  own.socket.bind(US, 7);
  host.receive(7, pattern(1));
  newer.socket.bind(US, 7);
  host.receive(7, pattern(1));
  t.deepEqual([any.got.length, own.got.length, newer.got.length], [0, 1, 1]);
});

test('udp: a connected socket hears its peer only, and before all others', (t) => {
  const host = new UdpHost();
  const server = host.open();
  const flow = host.open();
  server.socket.reuseAddress = true;
  flow.socket.reuseAddress = true;
  server.socket.bind(ANY, 7);
  flow.socket.bind(ANY, 7);
  t.is(flow.socket.connect(PEER, 5000), Failure.NONE);
  host.receive(7, pattern(1));
  host.receive(7, pattern(1), { from: 5001 });
  t.deepEqual([flow.got.length, server.got.length], [1, 1]);
  flow.socket.disconnect();
  flow.socket.close();
  host.receive(7, pattern(1));
  t.is(server.got.length, 2);
});

test('udp: connect binds to a random port above 49151', (t) => {
  const host = new UdpHost();
  const ports = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const { socket } = host.open();
    t.is(socket.connect(PEER, 53), Failure.NONE);
    t.true(socket.port >= 49_152 && socket.port <= 65_535);
    t.is(socket.localAddress, US);
    ports.add(socket.port);
  }
  t.is(ports.size, 20);
  t.true(Math.max(...ports) - Math.min(...ports) > 20);
});

test('udp: a port is given once, unless all who want it share it', (t) => {
  const host = new UdpHost();
  const first = host.open().socket;
  const second = host.open().socket;
  const loop = host.open().socket;
  first.bind(US, 7);
  t.is(second.bind(US, 7), Failure.ADDRESS_IN_USE);
  t.is(second.bind(ANY, 7), Failure.ADDRESS_IN_USE);
  t.is(loop.bind(LOOPBACK, 7), Failure.NONE);
  second.reuseAddress = true;
  t.is(second.bind(US, 7), Failure.ADDRESS_IN_USE);
  first.close();
  t.is(second.bind(US, 7), Failure.NONE);
  t.is(host.open().socket.bind(ip('10.0.0.3'), 7), Failure.ADDRESS_NOT_AVAILABLE);
});

test('udp: when every port is taken none is given', (t) => {
  const host = new UdpHost();
  for (let i = 0; i < 16_384; i++) t.is(host.open().socket.bind(ANY, 0), Failure.NONE);
  t.is(host.open().socket.bind(ANY, 0), Failure.ADDRESS_IN_USE);
});

test('udp: a closed port is answered with port unreachable', (t) => {
  const host = new UdpHost();
  t.is(host.receive(9, pattern(600)), Drop.UDP_NO_PORT);
  const answer = host.wire.take();
  t.deepEqual([answer.u8(0), answer.u8(1)], [3, 3]);
  t.is(answer.bytes.length, 576);
  t.true(answer.icmpGood);
  t.is(host.stat('UdpNoPorts'), 1);
  t.true(host.balanced);
});

test('udp: a broadcast to a closed port is not answered', (t) => {
  const host = new UdpHost();
  t.is(host.receive(9, pattern(6), { to: BROADCAST }), Drop.UDP_IGNORED_MULTI);
  t.is(host.wire.sent.length, 0);
  t.is(host.stat('UdpNoPorts'), 0);
  t.is(host.stat('UdpIgnoredMulti'), 1);
});

test('udp: a damaged datagram is dropped, one without checksum is not', (t) => {
  const host = new UdpHost();
  const { socket, got } = host.open();
  socket.bind(ANY, 7);
  const body = udp(PEER, 1, US, 7, pattern(10));
  body[12] = 99;
  t.is(host.input(packet({ protocol: 17, body })), Drop.UDP_CHECKSUM);
  t.is(host.stat('UdpInCsumErrors'), 1);
  const bare = udp(PEER, 1, US, 7, pattern(10), false);
  t.is(host.input(packet({ protocol: 17, body: bare })), Drop.NONE);
  t.is(got.length, 1);
});

test('udp: a length that does not fit is refused, padding after the datagram is ignored', (t) => {
  const host = new UdpHost();
  const { socket, got } = host.open();
  socket.bind(ANY, 7);
  const body = udp(PEER, 1, US, 7, pattern(10), false);
  for (const length of [0, 7, 19]) {
    new DataView(body.buffer).setUint16(4, length);
    t.is(host.input(packet({ protocol: 17, body })), Drop.UDP_MALFORMED);
  }
  t.is(host.input(packet({ protocol: 17, body: body.subarray(0, 7) })), Drop.UDP_MALFORMED);
  new DataView(body.buffer).setUint16(4, 12);
  t.is(host.input(packet({ protocol: 17, body })), Drop.NONE);
  t.is(got[0]?.text.length, 4);
});

test('udp: a checksum that comes out as 0 is sent as 0xffff', (t) => {
  const host = new UdpHost();
  const { socket } = host.open();
  socket.bind(US, 7);
  const text = new Uint8Array(2);
  let seen = 0;
  for (let i = 0; i < 65_536 && seen === 0; i++) {
    text[0] = i >> 8;
    text[1] = i & 255;
    socket.send(text, 0, 2, PEER, 9);
    const sent = host.wire.take();
    if (sent.u16(6) === 0xffff) seen++;
    else if (sent.u16(6) === 0) t.fail('a checksum of 0 left');
  }
  t.is(seen, 1);
});

test('udp: a device with checksum offload gets a checksum that is begun', (t) => {
  const offload = { checksum: true, tso4: false, uso4: false };
  const host = new UdpHost({ headerLength: 10, offload });
  const { socket } = host.open();
  socket.bind(US, 7);
  socket.send(pattern(10), 0, 10, PEER, 9);
  const bytes = host.wire.sent[0] ?? new Uint8Array(0);
  t.deepEqual([...bytes.subarray(0, 10)], [1, 0, 28, 0, 0, 0, 20, 0, 6, 0]);
  // Summed by the device from the transport header on, it must come out right.
  const sent = new Read(bytes.slice(10));
  const { body } = sent;
  let sum = 0;
  for (let i = 0; i < body.length; i += 2) sum += ((body[i] ?? 0) << 8) + (body[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  sent.view.setUint16(26, ~sum & 0xffff);
  t.true(sent.transportGood);
});

test('udp: TTL, TOS and DF are the socket’s or the message’s', (t) => {
  const host = new UdpHost();
  const { socket } = host.open();
  socket.ttl = 3;
  socket.tos = 0xb8;
  socket.dontFragment = true;
  socket.send(pattern(1), 0, 1, PEER, 9);
  socket.send(pattern(1), 0, 1, PEER, 9, 9, 0);
  const [first, second] = [host.wire.take(), host.wire.take()];
  t.deepEqual([first.ttl, first.tos, first.dontFragment], [3, 0xb8, true]);
  t.deepEqual([second.ttl, second.tos], [9, 0]);
});

test('udp: an answer may leave from the address that was asked', (t) => {
  const host = new UdpHost();
  host.net.routes.addAddress(host.iface, ip('10.0.0.3'), 24);
  const { socket } = host.open();
  socket.bind(ANY, 7);
  const sendFrom = (source: Address): Failure =>
    socket.send(pattern(1), 0, 1, PEER, 9, undefined, undefined, source);
  t.is(sendFrom(ip('10.0.0.3')), Failure.NONE);
  t.is(host.wire.take().source, ip('10.0.0.3'));
  t.is(sendFrom(ip('10.0.0.4')), Failure.ADDRESS_NOT_AVAILABLE);
  t.is(sendFrom(ANY), Failure.NONE);
  t.is(host.wire.take().source, US);
});

test('udp: a broadcast needs permission', (t) => {
  const host = new UdpHost();
  const { socket } = host.open();
  for (const to of [BROADCAST, ip('10.0.0.255')]) {
    t.is(socket.send(pattern(1), 0, 1, to, 9), Failure.PROHIBITED);
  }
  socket.broadcast = true;
  t.is(socket.send(pattern(1), 0, 1, BROADCAST, 9), Failure.NONE);
  t.is(host.wire.take().destination, BROADCAST);
});

test('udp: a broadcast reaches every socket on the port, our own included', (t) => {
  const host = new UdpHost();
  const a = host.open();
  const b = host.open();
  const bound = host.open();
  for (const o of [a, b, bound]) o.socket.reuseAddress = true;
  a.socket.bind(ANY, 7);
  b.socket.bind(ANY, 7);
  bound.socket.bind(US, 7);
  host.receive(7, pattern(1), { to: ip('10.0.0.255') });
  t.deepEqual([a.got.length, b.got.length, bound.got.length], [1, 1, 0]);
  a.socket.broadcast = true;
  a.socket.send(pattern(2), 0, 2, ip('10.0.0.255'), 7);
  host.net.flush();
  t.deepEqual([a.got.length, b.got.length], [2, 2]);
  t.is(a.got[1]?.source, US);
});

test('udp: a group reaches its members, and our own datagrams if they are to be heard', (t) => {
  const host = new UdpHost();
  const group = ip('239.1.2.3');
  host.net.routes.add(ip('224.0.0.0'), 4, { iface: host.iface });
  const member = host.open();
  const other = host.open();
  member.socket.reuseAddress = true;
  other.socket.reuseAddress = true;
  member.socket.bind(ANY, 7);
  other.socket.bind(ANY, 7);
  t.is(host.receive(7, pattern(1), { to: group }), Drop.IP_NOT_MEMBER);
  t.is(member.socket.join(group), Failure.NONE);
  t.is(member.socket.join(group), Failure.ADDRESS_IN_USE);
  t.is(host.receive(7, pattern(1), { to: group }), Drop.NONE);
  other.socket.send(pattern(2), 0, 2, group, 7);
  host.net.flush();
  t.is(host.wire.take().ttl, 1);
  other.socket.multicastLoop = false;
  other.socket.send(pattern(2), 0, 2, group, 7);
  host.net.flush();
  t.deepEqual([member.got.length, other.got.length], [2, 0]);
  t.is(member.socket.leave(group), Failure.NONE);
  t.is(host.receive(7, pattern(1), { to: group }), Drop.IP_NOT_MEMBER);
});

test('udp: closing a socket leaves its groups', (t) => {
  const host = new UdpHost();
  const { socket } = host.open();
  socket.join(ip('239.1.2.3'), host.iface);
  t.is(host.iface.groups.size, 1);
  socket.close();
  t.is(host.iface.groups.size, 0);
});

test('udp: port unreachable reaches the connected socket and no other', (t) => {
  const host = new UdpHost();
  const flow = host.open();
  const free = host.open();
  flow.socket.connect(PEER, 9);
  flow.socket.send(pattern(1), 0, 1);
  t.is(host.complain(host.wire.take(), 3, 3), Drop.NONE);
  t.deepEqual(flow.errors, [Failure.REFUSED]);
  free.socket.send(pattern(1), 0, 1, PEER, 9);
  const sent = host.wire.take();
  t.is(host.complain(sent, 3, 3), Drop.NONE);
  t.deepEqual(free.errors, []);
  free.socket.receiveErrors = true;
  host.complain(sent, 11, 0);
  t.deepEqual(free.errors, [Failure.HOST_UNREACHABLE]);
});

test('udp: an error about a datagram that nobody sent fits nothing', (t) => {
  const host = new UdpHost();
  const body = udp(US, 1234, PEER, 9, pattern(4));
  const quoted = packet({ source: US, destination: PEER, protocol: 17, body });
  t.is(host.complain(new Read(quoted), 3, 3), Drop.ICMP_NO_MATCH);
});

test('udp: a passing error does not end a connected socket', (t) => {
  const host = new UdpHost();
  const flow = host.open();
  flow.socket.connect(PEER, 9);
  flow.socket.send(pattern(1), 0, 1);
  const sent = host.wire.take();
  for (const code of [0, 1, 11, 12]) host.complain(sent, 3, code);
  host.complain(sent, 11, 0);
  t.deepEqual(flow.errors, []);
  host.complain(sent, 3, 13);
  t.deepEqual(flow.errors, [Failure.PROHIBITED]);
});

test('udp: 65 507 bytes go out in fragments and are one datagram again', (t) => {
  const host = new UdpHost();
  const peer = new UdpHost({ address: PEER });
  const { got, socket } = peer.open();
  const sender = host.open().socket;
  socket.bind(ANY, 9);
  const text = pattern(65_507);
  t.is(sender.send(text, 0, text.length, PEER, 9), Failure.NONE);
  t.is(host.wire.sent.length, 45);
  host.relay(peer);
  t.deepEqual(got[0]?.text, text);
  t.is(sender.send(new Uint8Array(65_508), 0, 65_508, PEER, 9), Failure.MESSAGE_SIZE);
  t.true(host.balanced && peer.balanced);
});

test('udp: 65 507 bytes are echoed out of the memory that they were put together in', (t) => {
  const host = new UdpHost();
  const peer = new UdpHost({ address: PEER });
  const echo: UdpSocket = peer.udp.open({
    onMessage(bytes, at, length, source, port) {
      t.is(echo.send(bytes, at, length, source, port), Failure.NONE);
      return Drop.NONE;
    },
    onError: () => {},
  });
  echo.bind(ANY, 7);
  const { socket, got } = host.open();
  socket.send(pattern(65_507, 3), 0, 65_507, PEER, 7);
  host.relay(peer);
  peer.relay(host);
  t.deepEqual(got[0]?.text, pattern(65_507, 3));
  t.true(host.balanced && peer.balanced);
});

test('udp: 65 507 bytes to ourselves pass by the loopback interface', (t) => {
  const host = new UdpHost();
  const { socket, got } = host.open();
  socket.bind(ANY, 7);
  t.is(socket.send(pattern(65_507), 0, 65_507, LOOPBACK, 7), Failure.NONE);
  t.is(got.length, 0);
  while (host.net.flush());
  t.deepEqual(got[0], { text: pattern(65_507), source: LOOPBACK, port: 7, to: LOOPBACK });
  t.is(host.wire.sent.length, 0);
  t.true(host.balanced);
});

test('udp: a datagram that must not be fragmented fails where it does not fit', (t) => {
  const host = new UdpHost();
  const { socket } = host.open();
  socket.dontFragment = true;
  t.is(socket.send(new Uint8Array(1472), 0, 1472, PEER, 9), Failure.NONE);
  t.is(socket.send(new Uint8Array(1473), 0, 1473, PEER, 9), Failure.MESSAGE_SIZE);
  t.is(host.wire.sent.length, 1);
  t.true(host.balanced);
});

test('udp: fragmentation needed makes later datagrams smaller, and is told where DF is wanted', (t) => {
  const host = new UdpHost();
  const flow = host.open();
  flow.socket.dontFragment = true;
  flow.socket.connect(PEER, 9);
  flow.socket.send(new Uint8Array(1400), 0, 1400);
  t.is(host.complain(host.wire.take(), 3, 4, 1280), Drop.NONE);
  t.deepEqual(flow.errors, [Failure.MESSAGE_SIZE]);
  t.is(flow.socket.send(new Uint8Array(1253), 0, 1253), Failure.MESSAGE_SIZE);
  t.is(flow.socket.send(new Uint8Array(1252), 0, 1252), Failure.NONE);
  t.is(flow.socket.send(new Uint8Array(1), 0, 1, ip('10.0.0.77'), 9), Failure.NONE);
});

test('udp: a message that finds no room is counted as dropped', (t) => {
  const host = new UdpHost();
  const { socket } = host.open(Drop.UDP_QUEUE_FULL);
  socket.bind(ANY, 7);
  t.is(host.receive(7, pattern(1)), Drop.UDP_QUEUE_FULL);
  t.is(host.stat('UdpRcvbufErrors'), 1);
  t.true(host.balanced);
});

test('udp: an offloaded batch is as many datagrams as it stands for', (t) => {
  const offload = { checksum: true, tso4: false, uso4: true };
  const host = new UdpHost({ headerLength: 10, offload });
  const { socket, got } = host.open();
  socket.bind(ANY, 7);
  const body = udp(PEER, 1, US, 7, pattern(1000), false);
  const header = Uint8Array.of(1, 5, 28, 0, 400 & 255, 400 >> 8, 20, 0, 6, 0);
  host.input(packet({ protocol: 17, body }), host.iface, header);
  t.deepEqual(
    got.map((g) => g.text.length),
    [400, 400, 200],
  );
});

test('udp: what cannot be sent says why', (t) => {
  const host = new UdpHost({ slots: { count: 4 } });
  const { socket } = host.open();
  t.is(socket.send(pattern(1), 0, 1), Failure.ADDRESS_NOT_AVAILABLE);
  t.is(socket.send(pattern(1), 0, 1, ip('8.8.8.8'), 53), Failure.NET_UNREACHABLE);
  host.wire.open = false;
  for (let i = 0; i < 4; i++) t.is(socket.send(pattern(1), 0, 1, PEER, 9), Failure.NONE);
  t.is(socket.send(pattern(1), 0, 1, PEER, 9), Failure.NO_BUFFERS);
  host.net.removeInterface(host.iface);
  t.is(socket.send(pattern(1), 0, 1, PEER, 9), Failure.NET_UNREACHABLE);
  socket.close();
  t.is(socket.send(pattern(1), 0, 1, PEER, 9), Failure.CLOSED);
  t.true(host.balanced);
});

test('udp: an owner may close its socket from within a message', (t) => {
  const host = new UdpHost();
  const a: UdpSocket = host.udp.open({
    onMessage: () => {
      a.close();
      return Drop.NONE;
    },
    onError: () => {},
  });
  const b = host.open();
  a.reuseAddress = true;
  b.socket.reuseAddress = true;
  b.socket.bind(ANY, 7);
  a.bind(ANY, 7);
  t.is(host.receive(7, pattern(1), { to: BROADCAST }), Drop.NONE);
  t.is(b.got.length, 1);
  t.is(host.receive(7, pattern(1)), Drop.NONE);
  t.is(b.got.length, 2);
});

test('udp: an interceptor accepts, refuses and drops flows to any address', (t) => {
  const host = new UdpHost();
  host.iface.acceptAny = true;
  const { socket: _unused, got, errors } = host.open();
  const flows: UdpSocket[] = [];
  const owner = {
    onMessage(bytes: Uint8Array, at: number, length: number, source: Address, port: number) {
      got.push({ text: bytes.slice(at, at + length), source, port, to: ANY });
      return Drop.NONE;
    },
    onError: (failure: Failure) => void errors.push(failure),
  };
  host.udp.interceptor = (p, remotePort, port) => {
    if (port === 1) return Refusal.REFUSE;
    if (port === 2) return Refusal.DROP;
    if (port === 3) return Refusal.PROHIBIT;
    if (port === 4) return Refusal.FULL;
    const flow = host.udp.openFlow(owner, p.destination, port, p.source, remotePort);
    if (flow === undefined) return Refusal.DROP;
    flows.push(flow);
    return flow;
  };
  const dns = ip('8.8.8.8');
  t.is(host.receive(53, pattern(5), { to: dns }), Drop.NONE);
  t.is(host.receive(53, pattern(6), { to: dns }), Drop.NONE);
  t.is(flows.length, 1);
  t.is(got.length, 2);
  flows[0]?.send(pattern(9), 0, 9);
  const answer = host.wire.take();
  t.deepEqual([answer.source, answer.u16(0), answer.u16(2)], [dns, 53, 5000]);
  t.true(answer.transportGood);
  t.is(host.receive(1, pattern(5), { to: dns }), Drop.UDP_REFUSED);
  const refusal = host.wire.take();
  t.deepEqual([refusal.source, refusal.u8(0), refusal.u8(1)], [dns, 3, 3]);
  t.is(host.receive(2, pattern(5), { to: dns }), Drop.UDP_REFUSED);
  t.is(host.receive(4, pattern(5), { to: dns }), Drop.UDP_FLOW_LIMIT);
  t.is(host.wire.sent.length, 0);
  t.is(host.receive(3, pattern(5), { to: dns }), Drop.UDP_REFUSED);
  const prohibited = host.wire.take();
  t.deepEqual([prohibited.source, prohibited.u8(0), prohibited.u8(1)], [dns, 3, 13]);
  flows[0]?.close();
  t.is(host.udp.ports.flows, 0);
});

test('udp: a server on any address keeps its port on ours, not on others’', (t) => {
  const host = new UdpHost();
  host.iface.acceptAny = true;
  const { socket, got } = host.open();
  socket.bind(ANY, 53);
  host.udp.interceptor = () => Refusal.DROP;
  t.is(host.receive(53, pattern(1)), Drop.NONE);
  t.is(host.receive(53, pattern(1), { to: ip('8.8.8.8') }), Drop.UDP_REFUSED);
  host.udp.interceptor = () => Refusal.PASS;
  t.is(host.receive(53, pattern(1), { to: ip('8.8.8.8') }), Drop.NONE);
  t.is(got.length, 2);
});

test('udp: ten thousand flows are found, and there are no more than the limit', (t) => {
  const host = new UdpHost();
  const { socket, got } = host.open();
  host.udp.flowLimit = 10_000;
  for (let i = 0; i < 10_000; i++) {
    const flow = host.udp.openFlow(socket.owner, US, 53, PEER, 1 + i);
    if (flow === undefined) return t.fail('no flow was made');
  }
  t.is(host.udp.openFlow(socket.owner, US, 53, PEER, 20_000), undefined);
  for (const from of [1, 5000, 10_000]) t.is(host.receive(53, pattern(1), { from }), Drop.NONE);
  t.deepEqual(
    got.map((g) => g.port),
    [1, 5000, 10_000],
  );
  t.is(host.receive(53, pattern(1), { from: 10_001 }), Drop.UDP_NO_PORT);
  return t.pass();
});

test('udp: a batch leaves as one packet where the device cuts it, else as many', (t) => {
  const offload = { checksum: true, tso4: true, uso4: true };
  const slots = { packetSize: 65_535, count: 16 };
  const able = new UdpHost({ headerLength: 10, offload, slots });
  t.is(able.open().socket.sendBatch(pattern(5100), 0, 5100, 1000, PEER, 9), Failure.NONE);
  t.is(able.wire.sent.length, 1);
  const bytes = able.wire.sent[0] ?? new Uint8Array(0);
  t.deepEqual([...bytes.subarray(0, 10)], [1, 5, 28, 0, 1000 & 255, 1000 >> 8, 20, 0, 6, 0]);
  t.is(new Read(bytes.subarray(10)).u16(4), 5108);
  t.is(able.stat('UdpOutDatagrams'), 6);
  able.wire.sent.length = 0;
  // No more than 64 at once, and none that has to be fragmented.
  able.open().socket.sendBatch(pattern(6500), 0, 6500, 100, PEER, 9);
  t.deepEqual(
    able.wire.sent.map((b) => b.length),
    [10 + 28 + 6400, 10 + 28 + 100],
  );
  able.wire.sent.length = 0;
  able.open().socket.sendBatch(pattern(4000), 0, 4000, 2000, PEER, 9);
  t.is(able.wire.sent.length, 4);
  const plain = new UdpHost();
  plain.open().socket.sendBatch(pattern(2500), 0, 2500, 1000, PEER, 9);
  t.deepEqual(
    plain.wire.sent.map((b) => b.length),
    [1028, 1028, 528],
  );
  t.true(able.balanced && plain.balanced);
});

test('udp: who found no room is told once when half of the queue is free, and not once closed', (t) => {
  const host = new UdpHost({ queueLimit: 4 });
  const told: string[] = [];
  const open = (name: string): UdpSocket =>
    host.udp.open({
      onMessage: () => Drop.NONE,
      onError: () => {},
      onWritable: () => told.push(name),
    });
  const [one, gone, silent] = [open('one'), open('gone'), host.open().socket];
  host.wire.open = false;
  for (let i = 0; i < 4; i++) t.is(one.send(pattern(1), 0, 1, PEER, 9), Failure.NONE);
  for (const socket of [one, gone, silent, one]) {
    t.is(socket.send(pattern(1), 0, 1, PEER, 9), Failure.NO_BUFFERS);
  }
  gone.close();
  host.udp.flush();
  t.true(host.udp.waiting);
  t.deepEqual(told, []);
  host.wire.open = true;
  host.net.writable(host.iface);
  for (let i = 0; i < 2; i++) host.udp.flush();
  t.deepEqual(told, ['one']);
  t.false(host.udp.waiting);
  t.true(host.balanced);
});

test('udp: a checksum that is wrong is found, whatever a device says with which no offload was agreed', (t) => {
  const host = new UdpHost({ headerLength: 10 });
  const { socket, got } = host.open();
  socket.bind(ANY, 7);
  const body = udp(PEER, 1, US, 7, pattern(100));
  body[50] = ~(body[50] as number);
  for (const flags of [1, 2]) {
    const header = Uint8Array.of(flags, 0, 0, 0, 0, 0, 20, 0, 6, 0);
    t.is(host.input(packet({ protocol: 17, body }), host.iface, header), Drop.UDP_CHECKSUM);
  }
  t.is(got.length, 0);
});
