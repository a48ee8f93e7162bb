/**
 * Packets in frames: whom they are for, who is asked, what waits and what becomes of it. RFC 826, RFC 894,
 * RFC 1122 §2.3, RFC 5227.
 * @module
 */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import type { IcmpError } from '../../src/stack/ip/ip.ts';
import type { UdpSocket } from '../../src/stack/udp/socket.ts';
import * as ethernet from '../../src/stack/wire/ethernet.ts';
import { packet, udp } from '../support/packets.ts';
import { arpFrame, frame, NOWHERE, OURS, PEER, ROUTER, S, Station } from './station.ts';

const FAR = fromOctets(192, 0, 2, 9);
const ASK = 'who has 10.0.0.3 tell 10.0.0.2 > all';
const PROBE = 'who has 10.0.0.3 tell 10.0.0.2 > 03';
const DATA = '10.0.0.2 > 10.0.0.3 17 > 03';

/** A station whose announcements are over. */
function quiet(headerLength = 0): Station {
  const station = new Station(headerLength);
  station.pass(10 * S);
  station.take();
  return station;
}

interface Socket {
  readonly socket: UdpSocket;
  readonly failures: Failure[];
}

function open(station: Station): Socket {
  const failures: Failure[] = [];
  const socket = station.core.udp.open({
    onMessage: () => Drop.NONE,
    onError: (failure: Failure, _error: IcmpError) => failures.push(failure),
  });
  socket.receiveErrors = true;
  return { socket, failures };
}

const text = new Uint8Array(10);

function send(station: Station, { socket }: Socket, to = PEER): Failure {
  station.core.begin(station.now);
  const failure = socket.send(text, 0, text.length, to, 9);
  station.flush();
  return failure;
}

const reply = (from = 3): Uint8Array =>
  arpFrame({ operation: 2, from, to: 2, sender: PEER, target: OURS });

test('ethernet: a packet waits until its next hop has been asked for, and leaves then (§2.3.2.2)', (t) => {
  const station = quiet();
  const socket = open(station);
  t.is(send(station, socket), Failure.NONE);
  t.is(send(station, socket), Failure.NONE);
  t.deepEqual(station.take(), [ASK], 'asked once');
  t.is(station.receive(reply()), Drop.NONE);
  t.deepEqual(station.take(), [DATA, DATA]);
  send(station, socket);
  t.deepEqual(station.take(), [DATA], 'at once');
  t.is(station.link.waiting, 0);
  t.is(station.core.slots.free, station.core.slots.count);
});

test('ethernet: the same behind a virtio header', (t) => {
  const station = quiet(10);
  const socket = open(station);
  send(station, socket);
  station.receive(reply());
  t.deepEqual(station.take(), [ASK, DATA]);
});

test('ethernet: what is for another network goes to the router’s address', (t) => {
  const station = quiet();
  const socket = open(station);
  send(station, socket, FAR);
  t.deepEqual(station.take(), ['who has 10.0.0.1 tell 10.0.0.2 > all']);
  station.receive(arpFrame({ operation: 2, from: 1, to: 2, sender: ROUTER, target: OURS }));
  t.deepEqual(station.take(), ['10.0.0.2 > 192.0.2.9 17 > 01']);
});

test('ethernet: groups and broadcasts need nobody’s answer (RFC 1112 §6.4)', (t) => {
  const station = quiet();
  const socket = open(station);
  socket.socket.broadcast = true;
  send(station, socket, fromOctets(239, 129, 0, 7));
  send(station, socket, fromOctets(10, 0, 0, 255));
  send(station, socket, fromOctets(255, 255, 255, 255));
  t.deepEqual(
    station.sent.map((bytes) => [...bytes.subarray(0, 6)]),
    [
      [0x01, 0x00, 0x5e, 0x01, 0x00, 0x07],
      [255, 255, 255, 255, 255, 255],
      [255, 255, 255, 255, 255, 255],
    ],
  );
});

test('ethernet: after three questions the host is unreachable, and the sender is told', (t) => {
  const station = quiet();
  const socket = open(station);
  send(station, socket);
  station.pass(2.9 * S);
  t.deepEqual(station.take(), [ASK, ASK, ASK]);
  t.deepEqual(socket.failures, []);
  station.pass(0.2 * S);
  t.deepEqual(socket.failures, [Failure.HOST_UNREACHABLE]);
  t.is(station.drops(Drop.OUT_UNRESOLVED), 1);
  t.is(station.core.slots.free, station.core.slots.count);
  send(station, socket);
  t.deepEqual(station.take(), [ASK], 'asked again when it is wanted again');
});

test('ethernet: sixteen packets wait for one neighbour, the latest are kept', (t) => {
  const station = quiet();
  const socket = open(station);
  for (let i = 0; i < 20; i++) send(station, socket);
  t.is(station.link.waiting, 16);
  t.is(station.drops(Drop.OUT_UNRESOLVED), 4);
  station.take();
  station.receive(reply());
  t.is(station.take().length, 16);
});

test('ethernet: what waits for all neighbours together is bounded', (t) => {
  const station = quiet();
  const socket = open(station);
  for (let host = 10; host < 200; host++) {
    for (let i = 0; i < 3; i++) send(station, socket, fromOctets(10, 0, 0, host));
  }
  t.is(station.link.waiting, 256);
  t.is(station.drops(Drop.OUT_UNRESOLVED), 190 * 3 - 256);
  station.pass(10 * S);
  t.is(station.link.waiting, 0);
  t.is(station.core.slots.free, station.core.slots.count);
});

test('ethernet: a question for our address is answered to who asked (RFC 826)', (t) => {
  const station = quiet();
  t.is(station.receive(arpFrame({ from: 3, sender: PEER, target: OURS })), Drop.NONE);
  t.deepEqual(station.take(), ['10.0.0.2 is at 02 > 03']);
  const socket = open(station);
  send(station, socket);
  t.deepEqual(station.take(), [DATA], 'who asked is known');
});

test('ethernet: a probe is answered and not learnt (RFC 5227 §2.1.1)', (t) => {
  const station = quiet();
  station.receive(arpFrame({ from: 3, sender: NOWHERE, target: OURS }));
  t.is(station.take().length, 1);
  t.is(station.link.neighbours.count, 0);
});

test('ethernet: what others say to each other fills no table', (t) => {
  const station = quiet();
  station.receive(arpFrame({ from: 3, sender: PEER, target: ROUTER }));
  station.receive(arpFrame({ operation: 2, from: 3, to: 0, sender: PEER, target: PEER }));
  t.deepEqual(station.take(), []);
  t.is(station.link.neighbours.count, 0);
});

test('ethernet: our address is announced twice, two seconds apart (RFC 5227 §2.3)', (t) => {
  const station = new Station();
  const announcement = 'who has 10.0.0.2 tell 10.0.0.2 > all';
  t.deepEqual(station.take(), [announcement]);
  station.pass(1.9 * S);
  t.deepEqual(station.take(), []);
  station.pass(0.2 * S);
  t.deepEqual(station.take(), [announcement]);
  station.pass(60 * S);
  t.deepEqual(station.take(), []);
});

test('ethernet: our address is defended, at most every ten seconds (RFC 5227 §2.4 (b))', (t) => {
  const station = quiet();
  const claims: number[] = [];
  station.core.conflict = (_iface, _address, _hi, lo) => claims.push(lo);
  const claim = (): unknown => station.receive(arpFrame({ from: 9, sender: OURS, target: OURS }));
  claim();
  claim();
  t.deepEqual(station.take(), ['who has 10.0.0.2 tell 10.0.0.2 > all']);
  t.deepEqual(claims, [9, 9]);
  station.pass(11 * S);
  claim();
  t.is(station.take().length, 1);
});

test('ethernet: a neighbour that was confirmed is not replaced within a second', (t) => {
  const station = quiet();
  const socket = open(station);
  send(station, socket);
  station.receive(reply());
  station.take();
  station.receive(arpFrame({ from: 9, sender: PEER, target: OURS }));
  station.take();
  send(station, socket);
  t.deepEqual(station.take(), [DATA], 'still at 03');
  station.pass(2 * S);
  station.receive(arpFrame({ from: 4, sender: PEER, target: OURS }));
  station.take();
  send(station, socket);
  t.deepEqual(station.take(), ['10.0.0.2 > 10.0.0.3 17 > 04'], 'it has moved');
});

test('ethernet: a neighbour that is not heard of is asked itself, then given up (RFC 4861 §7.3.3)', (t) => {
  const station = quiet();
  const socket = open(station);
  send(station, socket);
  station.receive(reply());
  station.pass(60 * S);
  station.take();
  send(station, socket);
  t.deepEqual(station.take(), [DATA], 'used while it is asked');
  station.pass(4.9 * S);
  t.deepEqual(station.take(), []);
  station.pass(0.2 * S);
  t.deepEqual(station.take(), [PROBE]);
  station.receive(reply());
  station.pass(10 * S);
  t.deepEqual(station.take(), [], 'it answered');
  station.pass(60 * S);
  send(station, socket);
  station.pass(9 * S);
  t.deepEqual(station.take(), [DATA, PROBE, PROBE, PROBE]);
  t.is(station.link.neighbours.count, 0);
  send(station, socket);
  t.deepEqual(station.take(), [ASK]);
});

test('ethernet: frames for others, of other kinds and cut short are counted drops', (t) => {
  const station = quiet();
  const ip = new Uint8Array(46);
  const { IPV4, IPV6, ARP, VLAN } = ethernet.EtherType;
  t.is(station.receive(frame(3, 7, IPV4, ip)), Drop.LINK_NOT_OURS);
  t.is(station.receive(frame(3, 2, IPV6, ip)), Drop.IP_NO_FAMILY);
  t.is(station.receive(frame(3, 2, VLAN, ip)), Drop.LINK_UNKNOWN);
  t.is(station.receive(frame(3, 2, IPV4, ip).subarray(0, 13)), Drop.LINK_MALFORMED);
  t.is(station.receive(frame(3, 2, ARP, ip)), Drop.LINK_MALFORMED);
  const group = frame(3, 2, IPV4, ip);
  group[6] = 1;
  t.is(station.receive(group), Drop.LINK_MALFORMED);
  const other = arpFrame({ from: 3, sender: FAR, target: OURS });
  t.is(station.receive(other), Drop.LINK_UNKNOWN, 'from another network');
  t.is(station.core.slots.free, station.core.slots.count);
});

test('ethernet: false neighbours and mutated frames by the ten thousand leave bounded memory', (t) => {
  const station = quiet();
  const random = new SeededRandom(4);
  for (let i = 0; i < 100_000; i++) {
    const sender = fromOctets(10, 0, 0, 10 + (random.int32() & 127));
    const operation = 1 + (random.int32() & 1);
    const bytes = arpFrame({ operation, from: random.int32() & 0x7f, to: 2, sender, target: OURS });
    if ((random.int32() & 7) === 0) bytes[random.int32() & 63] = random.int32();
    station.now += 10;
    station.receive(bytes.subarray(0, 60 - (random.int32() & 15)));
    station.sent.length = 0;
  }
  t.true(station.link.neighbours.count <= 1024);
  t.is(station.core.slots.free, station.core.slots.count);
});

/** RFC 1122 §2.3.2.1: out-of-date entries are flushed after a time, so that a table does not fill with who once was there. */
test('ethernet: a neighbour that nothing is sent to is forgotten, and one in use is not', (t) => {
  const station = quiet();
  const socket = open(station);
  send(station, socket);
  station.receive(reply());
  const held = (): number => station.link.neighbours.count;
  t.is(held(), 1);
  // In use: it is asked once in a while, and answers.
  for (let minute = 0; minute < 20; minute++) {
    station.take();
    send(station, socket);
    station.pass(6 * S);
    if (station.take().includes(PROBE)) station.receive(reply());
    station.pass(54 * S);
  }
  t.is(held(), 1);
  station.pass(601 * S);
  t.is(held(), 0);
  t.deepEqual(station.take(), [], 'nobody was asked, and nothing failed');
  send(station, socket);
  t.deepEqual(station.take(), [ASK]);
});

// RFC 2131 §4.1: a server may send its offer to the address that it lends, by the client's hardware address.
test('ethernet: an interface without an address takes what is for port 68 of one that it is lent', (t) => {
  const station = quiet();
  const heard: number[] = [];
  const socket = station.core.udp.open({
    onMessage: (_bytes, _at, length) => {
      heard.push(length);
      return Drop.NONE;
    },
    onError: () => {},
  });
  socket.bind(NOWHERE, 68);
  const lent = fromOctets(10, 0, 0, 77);
  const offer = (to: number, port: number): Uint8Array => {
    const body = udp(ROUTER, 67, lent, port, new Uint8Array(300));
    const fields = { source: ROUTER, destination: lent, protocol: 17, body };
    return frame(1, to, ethernet.EtherType.IPV4, packet(fields));
  };
  t.is(station.receive(offer(2, 68)), Drop.IP_NOT_OURS, 'while there is an address');
  station.core.ip.routes.removeAddress(station.iface, OURS);
  t.is(station.receive(offer(2, 69)), Drop.IP_NOT_OURS);
  t.is(station.receive(offer(0, 68)), Drop.IP_NOT_OURS, 'in a frame to everyone');
  t.is(station.receive(offer(2, 68)), Drop.NONE);
  t.deepEqual(heard, [300]);
});
