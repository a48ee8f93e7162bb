/**
 * Routers, and what hosts make of what they say. RFC 4861 §6.3, RFC 4862 §5.5, RFC 4191, RFC 7559, RFC 8981,
 * RFC 8106.
 * @module
 */
import test from 'ava';
import { ANY, format } from '../../../src/stack/base/address.ts';
import type { AutoconfOptions } from '../../../src/stack/ip/discovery/autoconf.ts';
import { address } from './addresses.ts';
import { message, octets, S, Station6 } from './station6.ts';

const RS = /^RS: fe80::[0-9a-f:]+ > ff02::2 @33:33:00:00:00:02$/;

interface Advertisement {
  readonly from?: string;
  readonly lifetime?: number;
  readonly preference?: number;
  readonly hopLimit?: number;
  readonly reachable?: number;
  readonly options?: readonly number[];
}

const word = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

const prefix = (
  text: string,
  valid: number,
  preferred: number,
  flags = 0xc0,
  bits = 64,
): number[] => [
  ...[3, 4, bits, flags, ...word(valid), ...word(preferred), 0, 0, 0, 0],
  ...octets(text),
];

function advertise(station: Station6, a: Advertisement = {}, hopLimit = 255): string {
  const { from = 'fe80::1', lifetime = 1800, preference = 0, reachable = 0, options = [] } = a;
  const times = [...word(reachable), 0, 0, 0, 0];
  const head = [134, 0, 0, 0, a.hopLimit ?? 0, preference, lifetime >> 8, lifetime & 255, ...times];
  return station.receive(message(from, 'ff02::1', [...head, ...options], hopLimit), 1);
}

/** A station that has its link-local address and asks for routers. */
function searching(options: Partial<AutoconfOptions> = {}): Station6 {
  const station = new Station6();
  station.enable(options);
  station.pass(2.1 * S);
  return station;
}

/** The next hop to a far destination. */
function nextHop(station: Station6, to = '2001:db8:ffff::1'): string {
  const route = station.core.ip.route(address(to), ANY);
  return route === undefined ? 'none' : format(route.nextHop);
}

const P = '2001:db8:1::';

test('autoconf: routers are asked for once there is a link-local address, from 4 s to an hour apart (RFC 7559)', (t) => {
  const station = searching();
  const asked = (): number => station.take().filter((line) => RS.test(line)).length;
  t.is(asked(), 1);
  station.pass(4.5 * S);
  t.is(asked(), 1, 'after 4 s');
  const times: number[] = [];
  for (let i = 0; i < 40_000 && times.length < 14; i++) {
    station.pass(S);
    if (asked() > 0) times.push(station.now / S);
  }
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  for (let i = 1; i < 8; i++) {
    const ratio = (gaps[i] ?? 0) / (gaps[i - 1] ?? 1);
    t.true(ratio > 1.7 && ratio < 2.3, `${ratio}`);
  }
  t.true((gaps.at(-1) ?? 0) <= 3960 && (gaps.at(-1) ?? 0) >= 3240, 'MRT, give or take a tenth');
});

test('autoconf: an answer ends the questions, and gives a way out (RFC 4861 §6.3.4)', (t) => {
  const station = searching();
  t.is(nextHop(station), 'none');
  t.is(advertise(station), 'none');
  t.is(nextHop(station), 'fe80::1');
  station.take();
  station.pass(1000 * S);
  t.deepEqual(station.take(), []);
  station.pass(900 * S);
  t.is(nextHop(station), 'none', 'its time is over');
  t.true(
    station.take().some((line) => RS.test(line)),
    'and is asked for again',
  );
});

test('autoconf: an advertisement that fails a check of RFC 4861 §6.1.2 is dropped', (t) => {
  const station = searching();
  t.is(advertise(station, {}, 254), 'ndMalformed');
  t.is(advertise(station, { from: '2001:db8::1' }), 'ndMalformed');
  t.is(advertise(station, { options: [3, 0, 0, 0, 0, 0, 0, 0] }), 'ndMalformed');
  t.is(nextHop(station), 'none');
});

test('autoconf: a router that says it is none is forgotten at once (§6.3.4)', (t) => {
  const station = searching();
  advertise(station);
  advertise(station, { lifetime: 0 });
  t.is(nextHop(station), 'none');
});

test('autoconf: of two routers the preferred one is used (RFC 4191 §3.2)', (t) => {
  const station = searching();
  advertise(station, { from: 'fe80::1', preference: 0x18 });
  advertise(station, { from: 'fe80::2', preference: 0 });
  t.is(nextHop(station), 'fe80::2');
  advertise(station, { from: 'fe80::3', preference: 0x08 });
  t.is(nextHop(station), 'fe80::3');
  advertise(station, { from: 'fe80::3', preference: 0x18 });
  t.is(nextHop(station), 'fe80::2');
});

/** A route of RFC 4191 §2.3, with as many octets of the prefix as are told. */
const route = (text: string, bits: number, seconds: number, flags = 0, octet = 16): number[] => [
  ...[24, 1 + octet / 8, bits, flags, ...word(seconds)],
  ...octets(text).slice(0, octet),
];

test('autoconf: routes that a router advertises lead by it, the preferred one first, for as long as they are good (RFC 4191 §3)', (t) => {
  const station = searching({ addresses: false });
  const far = '2001:db8:f00::1';
  advertise(station, { from: 'fe80::1' });
  advertise(station, {
    from: 'fe80::2',
    lifetime: 0,
    options: route('2001:db8:f00::', 48, 60, 0, 8),
  });
  t.is(nextHop(station, far), 'fe80::2', 'though it is no default router');
  t.is(nextHop(station), 'fe80::1');
  advertise(station, { from: 'fe80::3', lifetime: 0, options: route('2001:db8:f00::', 48, 30, 8) });
  t.is(nextHop(station, far), 'fe80::3');
  station.link.neighbours6.use(address('fe80::3', 1), station.now);
  station.pass(10 * S);
  t.is(nextHop(station, far), 'fe80::2', 'the other one does not answer');
  station.pass(31 * S);
  t.is(nextHop(station, far), 'fe80::2', 'it has ended');
  advertise(station, { from: 'fe80::2', lifetime: 0, options: route('2001:db8:f00::', 48, 0) });
  t.is(nextHop(station, far), 'fe80::1', 'it was taken back');
  t.is(station.core.ip.discovery.autoconf.moreRoutes.count, 0);
});

test('autoconf: who sends by a router does so from an address of its prefix (RFC 6724 §5, rule 5.5; RFC 8028)', (t) => {
  const station = searching();
  const Q = '2001:db8:2::';
  advertise(station, { from: 'fe80::1', options: prefix(P, 7200, 7200) });
  advertise(station, { from: 'fe80::2', preference: 8, options: prefix(Q, 7200, 7200) });
  station.pass(2 * S);
  // Rule 8 alone would send from the other one: it has more in common with the destination.
  const source = (): string => {
    const route = station.core.ip.route(address('2001:db8:1:ffff::1'), ANY);
    return route === undefined ? 'none' : format(route.source);
  };
  t.regex(source(), /^2001:db8:2:/);
  advertise(station, { from: 'fe80::1', preference: 8, options: prefix(P, 7200, 7200) });
  advertise(station, { from: 'fe80::2', lifetime: 0 });
  t.regex(source(), /^2001:db8:1:/);
  advertise(station, { from: 'fe80::3', preference: 8, options: prefix(Q, 7200, 7200) });
  advertise(station, { from: 'fe80::1', lifetime: 0 });
  t.regex(source(), /^2001:db8:2:/, 'who else advertises it will do');
});

test('autoconf: a route to everywhere says what the router is as one, and for how long (RFC 4191 §3.1)', (t) => {
  const station = searching();
  advertise(station, { from: 'fe80::1' });
  advertise(station, { from: 'fe80::2', lifetime: 0, options: route('::', 0, 0xffff_ffff, 8, 0) });
  t.is(nextHop(station), 'fe80::2');
  station.pass(100_000 * S);
  t.is(nextHop(station), 'fe80::2');
  advertise(station, { from: 'fe80::2', options: route('::', 0, 0, 0, 0) });
  t.is(nextHop(station), 'none');
});

test('autoconf: routes of a reserved preference, of the link, of groups or cut short are passed over (RFC 4191 §2.3)', (t) => {
  const station = searching();
  for (const wrong of [
    route('2001:db8:f00::', 48, 60, 0x10),
    route('2001:db8:f00::', 65, 60, 0, 8),
    route('2001:db8:f00::', 129, 60),
    route('2001:db8:f00::', 48, 60, 0, 0),
    [...route('2001:db8:f00::', 48, 60), ...octets('::').slice(0, 8)].with(1, 4),
    route('fe80::', 64, 60),
    route('ff00::', 8, 60),
  ]) {
    advertise(station, { lifetime: 0, options: wrong });
  }
  t.is(station.core.ip.discovery.autoconf.moreRoutes.count, 0);
});

test('autoconf: of a thousand false routes sixteen are kept, those that were first', (t) => {
  const station = searching({ addresses: false });
  for (let i = 0; i < 1000; i++) {
    const net = `2001:db8:${(i + 1).toString(16)}::`;
    advertise(station, {
      from: `fe80::${(i % 50) + 1}`,
      lifetime: 0,
      options: route(net, 48, 900),
    });
  }
  t.is(station.core.ip.discovery.autoconf.moreRoutes.count, 16);
  t.is(nextHop(station, '2001:db8:1::1'), 'fe80::1');
  t.is(nextHop(station, '2001:db8:11::1'), 'none');
  station.core.ip.discovery.forget(station.iface);
  t.is(station.core.ip.discovery.autoconf.moreRoutes.count, 0);
});

test('autoconf: a router that does not answer stands behind one that does, until it does (§6.3.6)', (t) => {
  const station = searching();
  advertise(station, { from: 'fe80::1', preference: 0x08, options: [1, 1, 2, 0, 0, 0, 0, 1] });
  advertise(station, { from: 'fe80::2', options: [1, 1, 2, 0, 0, 0, 0, 1] });
  t.is(nextHop(station), 'fe80::1');
  const { neighbours6 } = station.link;
  neighbours6.use(address('fe80::1', 1), station.now);
  station.pass(10 * S);
  t.is(nextHop(station), 'fe80::2');
  const alive = [136, 0, 0, 0, 0xc0, 0, 0, 0, ...octets('fe80::1')];
  t.is(station.receive(message('fe80::1', station.linkLocal, alive), 1), 'none');
  t.is(nextHop(station), 'fe80::1');
  const host = [136, 0, 0, 0, 0x40, 0, 0, 0, ...octets('fe80::1')];
  station.receive(message('fe80::1', station.linkLocal, host), 1);
  t.is(nextHop(station), 'fe80::2', 'it is a router no more (§7.2.5)');
});

test('autoconf: a prefix on the link is reached without a router, until it is not (§6.3.4)', (t) => {
  const station = searching({ addresses: false });
  advertise(station, { options: prefix(P, 100, 100) });
  t.is(nextHop(station, `${P}9`), `${P}9`);
  station.pass(101 * S);
  t.is(nextHop(station, `${P}9`), 'fe80::1');
  advertise(station, { options: prefix(P, 100, 100, 0x40) });
  t.is(nextHop(station, `${P}9`), 'fe80::1', 'not on the link, by its word');
});

test('autoconf: an address is made from the prefix, the same each time (RFC 4862 §5.5.3, RFC 7217)', (t) => {
  const [one, other] = [searching(), searching()];
  for (const station of [one, other]) {
    advertise(station, { options: prefix(P, 86_400, 14_400) });
    station.pass(2 * S);
    t.is(station.addresses.length, 2);
    t.true(station.addresses[1]?.startsWith('2001:db8:1:0:'), station.addresses[1]);
    t.false(station.addresses[1]?.includes('ff:fe'), 'not of the hardware address');
  }
  t.deepEqual(one.addresses, other.addresses);
});

test('autoconf: of prefixes that RFC 4862 §5.5.3 passes over nothing is made', (t) => {
  const station = searching();
  advertise(station, { options: prefix(P, 100, 200) });
  advertise(station, { options: prefix(P, 0, 0) });
  advertise(station, { options: prefix(P, 1000, 100, 0x80) });
  advertise(station, { options: prefix(P, 1000, 100, 0xc0, 63) });
  advertise(station, { options: prefix('fe80::', 1000, 100) });
  station.pass(5 * S);
  t.is(station.addresses.length, 1);
});

test('autoconf: an address is deprecated after its preferred lifetime, and gone after the valid one (§5.5.4)', (t) => {
  const station = searching();
  advertise(station, { options: prefix(P, 8000, 100) });
  station.pass(101 * S);
  t.true(station.addresses[1]?.endsWith(' old'));
  advertise(station, { options: prefix(P, 8000, 100) });
  t.false(station.addresses[1]?.endsWith(' old'));
  station.pass(8001 * S);
  t.is(station.addresses.length, 1);
  t.true(station.idle);
});

test('autoconf: that an address is to be deprecated stays due until it is done (RFC 4862 §5.5.4)', (t) => {
  const station = searching();
  advertise(station, { options: prefix(P, 8000, 100) });
  station.pass(99 * S);
  station.core.begin(station.now + 2 * S); // as a host does, before it asks what is due
  t.true(station.core.deadline() <= station.now + 2 * S);
  station.pass(2 * S);
  t.true(station.addresses[1]?.endsWith(' old'));
  t.true(station.core.deadline() > station.now);
});

test('autoconf: nobody ends an address in less than two hours (§5.5.3 (e))', (t) => {
  const station = searching();
  const there = (): boolean => station.addresses.length === 2;
  advertise(station, { options: prefix(P, 86_400, 14_400) });
  station.pass(2 * S);
  advertise(station, { options: prefix(P, 10, 0) });
  t.true(station.addresses[1]?.endsWith(' old'), 'deprecated it may be');
  station.pass(7190 * S);
  t.true(there(), 'cut to two hours');
  advertise(station, { options: prefix(P, 5, 0) });
  station.pass(6 * S);
  t.true(there(), 'with less left it is passed over');
  advertise(station, { options: prefix(P, 100, 0) });
  station.pass(50 * S);
  t.true(there(), 'but made longer it may be');
  station.pass(60 * S);
  t.false(there());
});

test('autoconf: temporary addresses come and go beside the stable one, if asked (RFC 8981 §3)', (t) => {
  const station = searching({ temporary: true });
  const week = 7 * 86_400;
  advertise(station, { lifetime: 65_535, options: prefix(P, week, week) });
  station.pass(2 * S);
  const temporary = (): string[] => station.addresses.filter((line) => /^[^ ]+ temp$/.test(line));
  const [first = ''] = temporary();
  t.is(temporary().length, 1);
  const route = station.core.ip.route(address(`2001:db8:ffff::1`), ANY);
  t.is(route && `${format(route.source)} temp`, first, 'sent from (RFC 6724 §5, rule 7)');
  station.pass(86_400 * S);
  t.is(temporary().length, 1, 'a fresh one');
  t.not(temporary()[0], first);
  t.true(
    station.addresses.some((line) => line.endsWith(' old temp')),
    'the old one may end its talks',
  );
  station.pass(86_400 * S);
  const all = station.addresses.filter((line) => line.includes('temp'));
  t.true(all.length <= 4, 'after two days it is gone');
  t.false(all.some((line) => line.startsWith(first.split(' ')[0] ?? '')));
});

test('autoconf: an address puts nothing on the link that its router does not say is there (RFC 5942 §4)', (t) => {
  const station = searching();
  advertise(station, { options: prefix(P, 86_400, 14_400, 0x40) });
  station.pass(2 * S);
  t.is(station.addresses.length, 2);
  t.is(nextHop(station, `${P}9`), 'fe80::1');
});

test('autoconf: who is on the link is sent to from the address that is preferred (RFC 6724 §5, rule 7)', (t) => {
  const station = searching({ temporary: true });
  advertise(station, { options: prefix(P, 86_400, 86_400) });
  station.pass(2 * S);
  const [temporary = ''] = station.addresses.filter((line) => /^[^ ]+ temp$/.test(line));
  const route = station.core.ip.route(address(`${P}9`), ANY);
  t.is(route && `${format(route.source)} temp`, temporary);
});

test('autoconf: hop limit, times and MTU are those of the router, within reason (RFC 4861 §6.3.4)', (t) => {
  const station = searching();
  advertise(station, { hopLimit: 33, reachable: 5000, options: [5, 1, 0, 0, ...word(1400)] });
  t.is(station.iface.hopLimit, 33);
  t.is(station.link.neighbours6.reachableTime, 5 * S);
  t.is(station.core.ip.route(address('2001:db8:ffff::1'), ANY)?.mtu, 1400);
  t.is(station.iface.mtu, 1500, 'IPv4 goes on as it was');
  for (const mtu of [1279, 1501, 0]) {
    advertise(station, { options: [5, 1, 0, 0, ...word(mtu)], reachable: 0x7fff_ffff });
  }
  t.is(station.core.ip.route(address('2001:db8:ffff::1'), ANY)?.mtu, 1400);
  t.is(station.link.neighbours6.reachableTime, 5 * S);
});

test('autoconf: servers and domains for names are kept for as long as they are good (RFC 8106)', (t) => {
  const station = searching();
  const { dns } = station.core.ip.discovery.autoconf;
  const servers = [25, 5, 0, 0, ...word(600), ...octets('2001:db8::53'), ...octets('fe80::53')];
  const domains = [
    31,
    3,
    0,
    0,
    ...word(600),
    4,
    99,
    111,
    114,
    112,
    3,
    110,
    101,
    116,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  advertise(station, { options: [...servers, ...domains] });
  t.deepEqual(dns.servers.map(format), ['2001:db8::53', 'fe80::53']);
  t.deepEqual(dns.domains, ['corp.net']);
  advertise(station, { options: [25, 3, 0, 0, ...word(0), ...octets('2001:db8::53')] });
  t.deepEqual(dns.servers.map(format), ['fe80::53'], 'no longer');
  station.pass(601 * S);
  t.deepEqual([dns.servers.length, dns.domains.length], [0, 0]);
});

test('autoconf: a thousand false routers are ten, and push no true one out', (t) => {
  const station = searching();
  advertise(station, { options: prefix(P, 86_400, 14_400) });
  for (let i = 2; i < 1002; i++) {
    const name = i.toString(16);
    const options = [
      ...[1, 1, 2, 0, 0, 0, 0, 1],
      ...prefix(`2001:db8:${name}::`, 86_400, 14_400),
      ...[25, 3, 0, 0, ...word(600), ...octets(`2001:db8::${name}`)],
    ];
    t.is(advertise(station, { from: `fe80::${name}`, options }), 'none');
  }
  station.pass(2 * S);
  const { routers, prefixes, slaac, dns } = station.core.ip.discovery.autoconf;
  t.is(routers.list().length, 10);
  t.is(prefixes.count, 16);
  t.is(slaac.count, 16);
  t.is(dns.servers.length, 8);
  t.is(station.addresses.length, 17);
  t.true(station.link.neighbours6.count <= 10);
  t.is(nextHop(station), 'fe80::1');
  t.true(station.idle);
});

test('autoconf: what is not asked for is not done', (t) => {
  const station = searching({ acceptRouters: false });
  t.false(station.take().some((line) => RS.test(line)));
  t.is(advertise(station, { options: prefix(P, 86_400, 14_400) }), 'ndIgnored');
  t.is(nextHop(station), 'none');
});

test('autoconf: redirects are followed if asked, from who is our way alone (RFC 4861 §8.1)', (t) => {
  const station = searching({ redirects: true });
  advertise(station);
  const far = '2001:db8:9::1';
  const redirect = (target: string, from = 'fe80::1'): string => {
    const body = [137, 0, 0, 0, 0, 0, 0, 0, ...octets(target), ...octets(far)];
    return station.receive(message(from, station.linkLocal, body), 1);
  };
  t.is(redirect('fe80::7', 'fe80::6'), 'ndRedirect', 'not our router');
  t.is(redirect('2001:db8::7'), 'ndMalformed', 'no router is named by such an address');
  t.is(redirect('fe80::7'), 'none');
  t.is(nextHop(station, far), 'fe80::7');
  t.is(nextHop(station), 'fe80::1');
});

test('autoconf: an interface that is gone leaves nothing behind', (t) => {
  const station = searching({ temporary: true });
  advertise(station, { options: prefix(P, 86_400, 14_400) });
  station.pass(2 * S);
  station.core.removeInterface(station.iface);
  const { routers, prefixes, slaac, dns } = station.core.ip.discovery.autoconf;
  t.deepEqual(
    [routers.list().length, prefixes.count, slaac.count, dns.servers.length],
    [0, 0, 0, 0],
  );
  t.is(station.core.ip.discovery.deadline(), Number.POSITIVE_INFINITY);
});
