/**
 * Neighbour Discovery between hosts, packet by packet. RFC 4861 §7, RFC 6980, RFC 7048, RFC 6583.
 * @module
 */
import test from 'ava';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { Reach } from '../../../src/stack/link/neighbour.ts';
import { address } from './addresses.ts';
import { message, octets, S, Station6 } from './station6.ts';

const OURS = '2001:db8::2';
const PEER = '2001:db8::9';
const GROUP = 'ff02::1:ff00:2';
const ASK = `NS ${PEER}: ${OURS} > ff02::1:ff00:9 @33:33:ff:00:00:09`;
const PROBE = `NS ${PEER}: ${OURS} > ${PEER} @02:00:00:00:00:09`;

/** A station that has its addresses, and is silent. */
function quiet(): Station6 {
  const station = new Station6();
  station.enable({ acceptRouters: false });
  station.add(OURS);
  station.pass(10 * S);
  station.take();
  return station;
}

const link = (kind: number, last: number): number[] => [kind, 1, 2, 0, 0, 0, 0, last];
const solicit = (target: string, ...options: number[]): number[] => [
  ...[135, 0, 0, 0, 0, 0, 0, 0],
  ...octets(target),
  ...options,
];
const advertise = (flags: number, target: string, ...options: number[]): number[] => [
  ...[136, 0, 0, 0, flags, 0, 0, 0],
  ...octets(target),
  ...options,
];
const [ROUTER, SOLICITED, OVERRIDE] = [0x80, 0x40, 0x20];

/** Send a datagram to the peer. */
function send(station: Station6, to = PEER): Failure {
  const socket = station.core.udp.open({ onMessage: () => Drop.NONE, onError: () => {} });
  station.core.begin(station.now);
  const failure = socket.send(new Uint8Array(4), 0, 4, address(to), 9);
  station.flush();
  socket.close();
  return failure;
}

test('nd: who asks for our address is answered, and remembered as one to be asked (§7.2.3, §7.2.4)', (t) => {
  const station = quiet();
  t.is(station.receive(message(PEER, GROUP, solicit(OURS, ...link(1, 9)))), 'none');
  t.deepEqual(station.take(), [`NA ${OURS} SO: ${OURS} > ${PEER} @02:00:00:00:00:09`]);
  t.is(station.reach(PEER), Reach.DELAY, 'it was STALE, and the answer was sent to it');
  t.true(station.idle);
});

test('nd: who looks for an address to have is told with all nodes (§7.2.4)', (t) => {
  const station = quiet();
  t.is(station.receive(message('::', GROUP, solicit(OURS))), 'none');
  t.deepEqual(station.take(), [`NA ${OURS} O: ${OURS} > ff02::1 @33:33:00:00:00:01`]);
});

test('nd: a solicitation that fails a check of §7.1.1 is dropped and learnt from in nothing', (t) => {
  const station = quiet();
  const good = solicit(OURS, ...link(1, 9));
  const bad: Record<string, Uint8Array> = {
    'hop limit 254': message(PEER, GROUP, good, 254),
    'a code': message(PEER, GROUP, [135, 1, ...good.slice(2)]),
    'cut short': message(PEER, GROUP, good.slice(0, 20)),
    'an empty option': message(PEER, GROUP, [...solicit(OURS), 1, 0, 2, 0, 0, 0, 0, 9]),
    'a group for target': message(PEER, GROUP, solicit('ff02::1', ...link(1, 9))),
    'from :: with an address': message('::', GROUP, good),
  };
  for (const [what, packet] of Object.entries(bad)) {
    t.is(station.receive(packet), 'ndMalformed', what);
  }
  t.is(station.receive(message('::', OURS, solicit(OURS))), 'ipSource', 'from :: to one of us');
  t.deepEqual(station.take(), []);
  t.is(station.link.neighbours6.count, 0);
  const broken = message(PEER, GROUP, good);
  broken[60] = 0x77;
  t.is(station.receive(broken), 'icmpChecksum');
});

test('nd: what was in fragments is not believed, whole fragments included (RFC 6980 §5)', (t) => {
  const station = quiet();
  const body = solicit(OURS, ...link(1, 9));
  const packet = message(PEER, GROUP, body);
  const bytes = new Uint8Array(packet.length + 8);
  bytes.set(packet.subarray(0, 40));
  bytes[5] = body.length + 8;
  bytes[6] = 44;
  bytes.set([58, 0, 0, 0, 0, 0, 0, 1], 40);
  bytes.set(packet.subarray(40), 48);
  t.is(station.receive(bytes), 'ndFragment');
  t.is(station.link.neighbours6.count, 0);
});

test('nd: a packet waits until its next hop has been asked for, and leaves then (§7.2.2)', (t) => {
  const station = quiet();
  t.is(send(station), Failure.NONE);
  t.deepEqual(station.take(), [ASK]);
  t.is(station.reach(PEER), Reach.INCOMPLETE);
  const answer = advertise(SOLICITED | OVERRIDE, PEER, ...link(2, 9));
  t.is(station.receive(message(PEER, OURS, answer)), 'none');
  t.is(station.sent.length, 1);
  t.is(station.sent[0]?.[20], 17, 'the datagram');
  t.is(station.reach(PEER), Reach.REACHABLE);
  t.true(station.idle);
});

test('nd: after three questions the host is unreachable (§7.2.2)', (t) => {
  const station = quiet();
  send(station);
  station.pass(2.9 * S);
  t.deepEqual(station.take(), [ASK, ASK, ASK]);
  station.pass(0.2 * S);
  t.is(station.core.drops[Drop.OUT_UNRESOLVED], 1);
  t.is(station.link.neighbours6.count, 0);
  t.true(station.idle);
});

test('nd: an advertisement changes what RFC 4861 §7.2.5 says, and no more', (t) => {
  const station = quiet();
  const told = (flags: number, ...options: number[]): string =>
    station.receive(message(PEER, OURS, advertise(flags, PEER, ...options)));
  told(SOLICITED | OVERRIDE, ...link(2, 9));
  t.is(station.reach(PEER), -1, 'of somebody unknown nothing is kept');
  send(station);
  told(SOLICITED);
  t.is(station.reach(PEER), Reach.INCOMPLETE, 'without an address nothing is known');
  told(0, ...link(2, 9));
  t.is(station.reach(PEER), Reach.STALE, 'not in answer to us');
  told(SOLICITED);
  t.is(station.reach(PEER), Reach.REACHABLE);
  told(SOLICITED, ...link(2, 7));
  t.is(station.reach(PEER), Reach.STALE, 'another address, without override: doubted');
  t.is(station.link.neighbours6.find(address(PEER))?.lo, 9);
  told(SOLICITED, ...link(2, 7));
  t.is(station.reach(PEER), Reach.STALE, 'and again: nothing');
  told(OVERRIDE, ...link(2, 7));
  t.is(station.link.neighbours6.find(address(PEER))?.lo, 7);
  t.is(station.reach(PEER), Reach.STALE);
  told(SOLICITED | OVERRIDE | ROUTER, ...link(2, 7));
  t.is(station.reach(PEER), Reach.REACHABLE);
  t.true(station.link.neighbours6.find(address(PEER))?.isRouter);
});

test('nd: an advertisement that fails a check of §7.1.2 is dropped', (t) => {
  const station = quiet();
  send(station);
  station.take();
  const good = advertise(SOLICITED | OVERRIDE, PEER, ...link(2, 9));
  const all = message(PEER, 'ff02::1', good);
  t.is(station.receive(all), 'ndMalformed', 'solicited, and to all');
  t.is(station.receive(message(PEER, OURS, good, 64)), 'ndMalformed', 'passed on');
  const group = advertise(OVERRIDE, 'ff02::5', ...link(2, 9));
  t.is(station.receive(message(PEER, OURS, group)), 'ndMalformed', 'of a group');
  t.is(station.reach(PEER), Reach.INCOMPLETE);
});

test('nd: a neighbour that is not heard of is asked itself, then all, at longer intervals (§7.3.3, RFC 7048)', (t) => {
  const station = quiet();
  send(station);
  station.receive(message(PEER, OURS, advertise(SOLICITED | OVERRIDE, PEER, ...link(2, 9))));
  station.pass(60 * S);
  station.take();
  send(station);
  t.is(station.sent.length, 1, 'used while it is doubted');
  station.take();
  t.is(station.reach(PEER), Reach.DELAY);
  station.pass(4.9 * S);
  t.deepEqual(station.take(), []);
  station.pass(3 * S);
  t.deepEqual(station.take(), [PROBE, PROBE, PROBE]);
  station.pass(1 * S);
  t.deepEqual(station.take(), [ASK]);
  t.is(station.reach(PEER), Reach.UNREACHABLE);
  send(station);
  t.is(station.sent.splice(0)[0]?.[5], 9, 'still sent to where it was');
  station.pass(1 * S);
  t.deepEqual(station.take(), [ASK], 'after 1 s');
  station.pass(2 * S);
  t.deepEqual(station.take(), []);
  station.pass(0.2 * S);
  t.deepEqual(station.take(), [ASK], 'after 3 s');
  station.receive(message(PEER, OURS, advertise(SOLICITED, PEER)));
  t.is(station.reach(PEER), Reach.REACHABLE, 'it is back');
  station.pass(60 * S);
  send(station);
  station.pass(300 * S);
  t.is(station.link.neighbours6.count, 0, 'and is given up in the end');
  t.true(station.idle);
});

test('nd: groups are put into frames as RFC 2464 §7 has it', (t) => {
  const station = quiet();
  send(station, 'ff0e::1:2:3');
  t.deepEqual([...(station.sent[0]?.subarray(0, 6) ?? [])], [0x33, 0x33, 0, 2, 0, 3]);
});

test('nd: who is asked for in vain pushes nobody out who is there (RFC 6583 §7.1)', (t) => {
  const station = quiet();
  for (let i = 0x100; i < 0x300; i++) {
    const peer = `2001:db8::${i.toString(16)}`;
    const body = solicit(OURS, ...link(1, 9));
    t.is(station.receive(message(peer, GROUP, body)), 'none');
    station.receive(message(peer, OURS, advertise(SOLICITED | OVERRIDE, peer, ...link(2, 9))));
  }
  for (let i = 0x1000; i < 0x3000; i++) {
    send(station, `2001:db8::${i.toString(16)}`);
    station.sent.length = 0;
  }
  t.true(station.link.neighbours6.count <= 1024);
  for (let i = 0x100; i < 0x300; i++) {
    t.is(station.reach(`2001:db8::${i.toString(16)}`), Reach.REACHABLE);
  }
});

test('nd: false neighbours by the ten thousand leave bounded memory', (t) => {
  const station = quiet();
  for (let i = 0; i < 20_000; i++) {
    const peer = `2001:db8::${(i >> 8).toString(16)}:${(i & 255).toString(16)}`;
    station.receive(message(peer, GROUP, solicit(OURS, ...link(1, i & 0x7f))));
    station.sent.length = 0;
  }
  t.true(station.link.neighbours6.count <= 1024);
  t.true(station.idle);
});

test('nd: somebody who claims an address of ours is told of, and it is kept (RFC 4862 §5.4.4)', (t) => {
  const station = quiet();
  station.receive(message(PEER, 'ff02::1', advertise(OVERRIDE, OURS, ...link(2, 7))), 7);
  t.deepEqual(station.conflicts, [`${OURS} claimed by 02:00:00:00:00:07`]);
  t.true(station.addresses.includes(OURS));
  station.receive(message(OURS, 'ff02::1', advertise(OVERRIDE, OURS, ...link(2, 2))), 2);
  t.is(station.conflicts.length, 1, 'ours, come back');
});

test('nd: redirects and questions for routers are none of ours (§8, §6.2.6)', (t) => {
  const station = quiet();
  const redirect = [137, 0, 0, 0, 0, 0, 0, 0, ...octets('fe80::7'), ...octets('2001:db8:9::1')];
  t.is(station.receive(message('fe80::1', OURS, redirect)), 'ndRedirect');
  t.is(station.receive(message(PEER, OURS, redirect)), 'ndMalformed', 'not from this link');
  t.is(station.receive(message('fe80::1', 'ff02::2', [133, 0, 0, 0, 0, 0, 0, 0])), 'ipNotMember');
});
