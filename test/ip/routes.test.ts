/**
 * Routes, source addresses and path MTUs. RFC 1122 §3.3.1, §3.3.4; RFC 1191; RFC 5927 §7.
 * @module
 */
import test from 'ava';
import { ANY, BROADCAST, LOOPBACK } from '../../src/stack/base/address.ts';
import { MINUTE, NEVER } from '../../src/stack/base/clock.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import type { IcmpError } from '../../src/stack/ip/ip.ts';
import { plateauBelow } from '../../src/stack/ip/path-mtu.ts';
import { Host, icmp, ip, PEER, packet, pattern, US, Wire } from '../support/packets.ts';

test('routes: the longest prefix wins, whatever the order', (t) => {
  const host = new Host();
  const one = host.addDevice('t1', host.wire, ip('192.168.1.1'), 24);
  const { routes } = host.net;
  routes.add(ANY, 0, { gateway: ip('10.0.0.1') });
  routes.add(ip('172.16.0.0'), 12, { gateway: ip('192.168.1.254') });
  routes.add(ip('172.16.5.0'), 24, { gateway: ip('10.0.0.9') });
  const way = (to: string) => {
    const r = routes.find(ip(to), ANY);
    return [r?.iface.name, r?.nextHop, r?.source];
  };
  t.deepEqual(way('10.0.0.77'), ['t0', ip('10.0.0.77'), US]);
  t.deepEqual(way('192.168.1.77'), ['t1', ip('192.168.1.77'), ip('192.168.1.1')]);
  t.deepEqual(way('172.16.5.1'), ['t0', ip('10.0.0.9'), US]);
  t.deepEqual(way('172.17.0.1'), ['t1', ip('192.168.1.254'), ip('192.168.1.1')]);
  t.deepEqual(way('8.8.8.8'), ['t0', PEER, US]);
  t.is(one.index, 2);
});

test('routes: of equal prefixes the lower metric wins', (t) => {
  const host = new Host();
  const { routes } = host.net;
  routes.add(ANY, 0, { gateway: ip('10.0.0.9'), metric: 10 });
  const better = routes.add(ANY, 0, { gateway: PEER });
  t.is(routes.find(ip('8.8.8.8'), ANY)?.nextHop, PEER);
  t.true(routes.remove(better));
  t.false(routes.remove(better));
  t.is(routes.find(ip('8.8.8.8'), ANY)?.nextHop, ip('10.0.0.9'));
});

test('routes: a gateway must be on a link, or the interface be named', (t) => {
  const host = new Host();
  const { routes } = host.net;
  const error = t.throws(() => routes.add(ANY, 0, { gateway: ip('192.168.7.1') }));
  t.is((error as NodeJS.ErrnoException).code, 'ERR_INVALID_ARG_VALUE');
  t.throws(() => routes.add(ANY, 0, {}));
  routes.add(ANY, 0, { gateway: ip('192.168.7.1'), iface: host.iface });
  t.is(routes.find(ip('8.8.8.8'), ANY)?.nextHop, ip('192.168.7.1'));
});

test('routes: the source is the address on the next hop’s network, or the one asked for', (t) => {
  const host = new Host();
  const { routes } = host.net;
  routes.addAddress(host.iface, ip('10.1.0.2'), 24);
  routes.add(ANY, 0, { gateway: ip('10.1.0.1') });
  t.is(routes.find(ip('10.0.0.5'), ANY)?.source, US);
  t.is(routes.find(ip('10.1.0.5'), ANY)?.source, ip('10.1.0.2'));
  t.is(routes.find(ip('8.8.8.8'), ANY)?.source, ip('10.1.0.2'));
  t.is(routes.find(ip('8.8.8.8'), US)?.source, US);
});

test('routes: the same question gives the same route until the table changes', (t) => {
  const host = new Host();
  const { routes } = host.net;
  const first = routes.find(PEER, ANY);
  t.is(routes.find(PEER, ANY), first);
  t.not(routes.find(PEER, US), first);
  t.true(first?.valid);
  routes.addAddress(host.iface, ip('10.0.0.3'), 24);
  t.false(first?.valid);
  const second = routes.find(PEER, ANY);
  t.true(second?.valid);
  const entry = routes.add(ANY, 0, { gateway: PEER });
  t.false(second?.valid);
  const third = routes.find(PEER, ANY);
  routes.remove(entry);
  t.false(third?.valid);
});

test('routes: a removed address is no longer ours, and its prefix leads nowhere', (t) => {
  const host = new Host();
  const { routes } = host.net;
  t.true(routes.isOurs(US));
  t.true(routes.removeAddress(host.iface, US));
  t.false(routes.removeAddress(host.iface, US));
  t.false(routes.isOurs(US));
  t.is(routes.find(PEER, ANY), undefined);
  t.is(host.iface.primary, ANY);
});

test('routes: our own addresses and 127.0.0.0/8 lead to the loopback interface', (t) => {
  const host = new Host();
  const { routes } = host.net;
  t.true(routes.find(US, ANY)?.iface.isLoopback);
  t.is(routes.find(US, ANY)?.source, US);
  t.is(routes.find(ip('127.3.2.1'), ANY)?.source, LOOPBACK);
  t.true(routes.isOurs(ip('127.255.0.1')));
  t.is(routes.find(PEER, LOOPBACK), undefined);
  t.is(routes.find(ANY, ANY), undefined);
});

test('routes: broadcasts and groups are marked', (t) => {
  const host = new Host();
  const { routes } = host.net;
  const marks = (to: number) => {
    const r = routes.find(to as typeof ANY, ANY); // the numbers are addresses
    return [r?.unicast, r?.broadcast];
  };
  t.deepEqual(marks(PEER), [true, false]);
  t.deepEqual(marks(BROADCAST), [false, true]);
  t.deepEqual(marks(ip('10.0.0.255')), [false, true]);
  t.deepEqual(marks(ip('224.0.0.9')), [false, false]);
});

test('routes: a group or broadcast leaves by the interface that has the source', (t) => {
  const host = new Host();
  host.addDevice('t1', host.wire, ip('192.168.1.1'), 24);
  const { routes } = host.net;
  for (const to of [BROADCAST, ip('239.1.1.1')]) {
    t.is(routes.find(to, ANY)?.iface.name, 't0');
    t.is(routes.find(to, ip('192.168.1.1'))?.iface.name, 't1');
  }
});

test('routes: the cache forgets the oldest, and those who hold a route keep it', (t) => {
  const host = new Host();
  const { routes } = host.net;
  routes.add(ANY, 0, { gateway: PEER });
  const first = routes.find(ip('1.0.0.0'), ANY);
  for (let i = 1; i <= 4096; i++) routes.find(ip(`1.0.${i >> 8}.${i & 255}`), ANY);
  t.not(routes.find(ip('1.0.0.0'), ANY), first);
  t.true(first?.valid);
});

test('routes: answers from many addresses to one peer do not pile up', (t) => {
  const host = new Host();
  const { routes } = host.net;
  for (let i = 0; i < 1000; i++) routes.find(PEER, ip(`9.0.${i >> 8}.${i & 255}`));
  let siblings = 0;
  for (let r = routes.find(PEER, ip('9.0.0.0')); r !== undefined; r = r.sibling) siblings++;
  t.true(siblings <= 8);
  t.is(routes.find(PEER, ip('9.0.3.9'))?.source, ip('9.0.3.9'));
});

test('routes: an interface without address sends from an address of another', (t) => {
  const host = new Host();
  const bare = host.addDevice('t1', new Wire(host.slots), undefined, 0);
  host.net.routes.add(ip('9.0.0.0'), 8, { iface: bare });
  t.is(host.net.route(ip('9.1.1.1'), ANY)?.source, US);
});

/** A protocol that believes every error, and a report about a packet of it. */
function believing(answer: Drop = Drop.NONE): { host: Host; mtus: number[] } {
  const host = new Host();
  const mtus: number[] = [];
  host.net.setProtocol(253, {
    input: () => Drop.NONE,
    error(error: IcmpError) {
      mtus.push(error.mtu);
      return answer;
    },
  });
  return { host, mtus };
}

function tooBig(host: Host, mtu: number, length: number): Drop {
  const about = packet({ source: US, destination: PEER, body: pattern(length - 20) });
  const body = icmp(3, 4, mtu, about.subarray(0, 28));
  return host.input(packet({ source: ip('10.0.0.99'), protocol: 1, body }));
}

test('path MTU: fragmentation needed narrows the path for ten minutes', (t) => {
  const { host, mtus } = believing();
  const before = host.net.route(PEER, ANY);
  t.is(tooBig(host, 1280, 1500), Drop.NONE);
  t.deepEqual(mtus, [1280]);
  t.false(before?.valid);
  t.is(host.net.route(PEER, ANY)?.mtu, 1280);
  t.is(host.net.route(PEER, US)?.mtu, 1280);
  t.is(host.net.route(ip('10.0.0.7'), ANY)?.mtu, 1500);
  t.is(host.net.deadline(), 10 * MINUTE);
  host.net.expire(10 * MINUTE - 1);
  t.is(host.net.route(PEER, ANY)?.mtu, 1280);
  host.net.expire(10 * MINUTE);
  t.is(host.net.route(PEER, ANY)?.mtu, 1500);
  t.is(host.net.deadline(), NEVER);
});

test('path MTU: what the protocol does not recognise changes nothing', (t) => {
  const { host } = believing(Drop.ICMP_NO_MATCH);
  t.is(tooBig(host, 1280, 1500), Drop.ICMP_NO_MATCH);
  t.is(host.net.route(PEER, ANY)?.mtu, 1500);
});

test('path MTU: it does not grow by a message', (t) => {
  const { host } = believing();
  tooBig(host, 1280, 1500);
  tooBig(host, 1400, 1500);
  t.is(host.net.route(PEER, ANY)?.mtu, 1280);
});

test('path MTU: a router that does not say is answered with the next plateau', (t) => {
  const { host, mtus } = believing();
  tooBig(host, 0, 1500);
  tooBig(host, 1500, 1492); // more than did not pass: no information
  t.deepEqual(mtus, [1492, 1006]);
  t.deepEqual([65_535, 1006, 69, 68].map(plateauBelow), [32_000, 508, 68, 68]);
});

test('path MTU: below the floor we keep the floor and let routers fragment', (t) => {
  const { host } = believing();
  tooBig(host, 68, 1500);
  const route = host.net.route(PEER, ANY);
  t.is(route?.mtu, 552);
  t.true(route?.fragmentable);
  if (route === undefined) return;
  const at = host.net.output.reserve(route);
  host.net.output.next.dontFragment = true;
  host.net.output.send(route, US, 253, at, 532);
  t.false(host.wire.take().dontFragment);
});

test('mtu: made-up errors end no route of those who check errors, and push out nothing they know', (t) => {
  // RFC 5927 §7: 5000 errors about datagrams to as many hosts, more than are remembered.
  const { host } = believing();
  const { routes } = host.net;
  routes.paths.reduce(PEER, 1400, 0);
  const route = routes.findProven(PEER, ANY);
  for (let i = 0; i < 5000; i++) {
    const destination = ip(`10.9.${i >> 8}.${i & 255}`);
    const about = packet({ source: US, destination, body: pattern(1480) });
    const body = icmp(3, 4, 600, about.subarray(0, 28));
    t.is(host.input(packet({ source: ip('10.0.0.99'), protocol: 1, body })), Drop.NONE);
  }
  t.true(route?.valid);
  t.is(routes.findProven(PEER, ANY)?.mtu, 1400);
  t.is(routes.findProven(ip('10.9.1.1'), ANY)?.mtu ?? 1500, 1500);
  t.is(routes.find(PEER, ANY)?.mtu, 1400);
});
