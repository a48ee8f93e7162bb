/**
 * Who has which address of a network, and which frames are theirs to send: frames by hand, time by hand. RFC 6620
 * (first come, first served), RFC 4861, RFC 6105, RFC 6980.
 * @module
 */
import test from 'ava';
import type { SwitchPort } from '../../../src/index.ts';
import { readRange } from '../../../src/services/address.ts';
import { Guests } from '../../../src/services/network/guests.ts';

const SECOND = 1_000_000;

/** A guests' network, ports of it, and a time. */
function open(strict = true) {
  const it = { now: SECOND, asked: [] as string[], changed: [] as string[] };
  const guests = new Guests({
    ...{ network: readRange('network', '10.83.0.0/24'), prefix: [0xfd83_0000 | 0, 0], each: 64 },
    ...{ now: () => it.now, secret: 5, strict },
    changed: (address) => it.changed.push(address),
    ask: (address) => it.asked.push(address),
  });
  guests.reserve(['10.83.0.1', 'fd83::1', 'fe80::1%gateway', 'fd83::'], '02:00:00:00:00:fe');
  const port = (name: string): SwitchPort => ({ name }) as SwitchPort;
  const check = (from: SwitchPort, frame: Buffer): string =>
    guests.check({
      ...{ port: from, vlan: 1, at: 0, length: frame.length },
      view: new DataView(frame.buffer, frame.byteOffset, frame.length),
    });
  return Object.assign(it, { guests, check, one: port('one'), two: port('two') });
}

const octets = (mac: number): number[] => [2, 0, 0, 0, 0, mac];
const groups = (address: string): number[] => {
  const [left = '', right = ''] = address.split('::');
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((one) => Number.parseInt(one, 16));
  const [a, b] = [words(left), words(right)];
  const all = [...a, ...new Array<number>(8 - a.length - b.length).fill(0), ...b];
  return all.flatMap((word) => [word >> 8, word & 255]);
};

/** A frame of IPv6. */
function six(mac: number, source: string, next: number, body: number[], to = 'ff02::1'): Buffer {
  const head = [0x60, 0, 0, 0, body.length >> 8, body.length & 255, next, 255];
  return Buffer.from([
    ...[0x33, 0x33, 0, 0, 0, 1, ...octets(mac), 0x86, 0xdd],
    ...[...head, ...groups(source), ...groups(to), ...body],
  ]);
}

const option = (kind: number, mac: number): number[] => [kind, 1, ...octets(mac)];
const solicit = (target: string, ...options: number[]): number[] => [
  ...[135, 0, 0, 0, 0, 0, 0, 0, ...groups(target), ...options],
];
const advertise = (target: string, ...options: number[]): number[] => [
  ...[136, 0, 0, 0, 0x20, 0, 0, 0, ...groups(target), ...options],
];
const ICMP = 58;

const arp = (mac: number, address: number[]): Buffer =>
  Buffer.from([
    ...[255, 255, 255, 255, 255, 255, ...octets(mac), 8, 6, 0, 1, 8, 0, 6, 4, 0, 2],
    ...[...octets(mac), ...address, 0, 0, 0, 0, 0, 0, 10, 83, 0, 1],
  ]);

test('guests: an address is its first sender’s, at that port, and no other’s', (t) => {
  const it = open();
  const say = (port: SwitchPort, mac: number, source: string): string =>
    it.check(port, six(mac, source, 59, []));
  t.is(say(it.one, 1, 'fd83::15'), 'pass');
  t.is(say(it.one, 1, 'fe80::15'), 'pass');
  t.is(say(it.two, 2, 'fd83::15'), 'drop', 'another’s');
  t.is(say(it.two, 2, 'fe80::15'), 'drop', 'a link-local one too');
  t.is(say(it.two, 1, 'fd83::15'), 'drop', 'with its hardware address, from elsewhere');
  t.is(say(it.two, 2, 'fd84::15'), 'drop', 'of no network of ours');
  t.is(say(it.two, 2, 'fd83::1'), 'drop', 'the gateway’s');
  t.is(say(it.two, 2, 'fe80::1'), 'drop', 'the gateway’s link-local one');
  t.is(say(it.two, 2, 'fd83::'), 'drop', 'that of all routers (RFC 4291 §2.6.1)');
  t.is(say(it.two, 2, '::1'), 'drop');
  t.is(say(it.two, 2, 'ff02::1'), 'drop');
  t.is(say(it.two, 2, '::ffff:a53:f'), 'drop');
  t.is(it.guests.drops.spoofed, 10);
  t.deepEqual(it.guests.find('fe80::15%eth0'), {
    ...{ address: 'fe80::15', mac: '02:00:00:00:00:01', port: 'one' },
    addresses: ['fd83::15', 'fe80::15'],
  });
});

test('guests: one that takes the unspecified address asks the link, and goes nowhere (RFC 4291 §2.5.2)', (t) => {
  const it = open();
  t.is(it.check(it.one, six(1, '::', ICMP, [143, 0, 0, 0, 0, 0, 0, 0])), 'pass');
  t.is(it.check(it.one, six(1, '::', 17, [0, 9, 0, 9, 0, 8, 0, 0], 'fd83::1')), 'drop');
});

test('guests: nobody says by neighbour discovery that another’s address were his, or another’s', (t) => {
  const it = open();
  const say = (body: number[], source = 'fe80::2'): string =>
    it.check(it.two, six(2, source, ICMP, body));
  it.check(it.one, six(1, 'fd83::15', 59, []));
  t.is(say(advertise('fd83::2', ...option(2, 2))), 'pass', 'his own');
  t.is(say(advertise('fd83::1', ...option(2, 2))), 'drop', 'the gateway’s');
  t.is(say(advertise('fe80::1', ...option(2, 2))), 'drop', 'the router’s');
  t.is(say(advertise('fd83::15')), 'drop', 'a neighbour’s');
  t.is(say(advertise('fd83::2', ...option(2, 1))), 'drop', 'another hardware address');
  t.is(say(solicit('fd83::1', ...option(1, 2))), 'pass', 'a question');
  t.is(say(solicit('fd83::1', ...option(1, 0xfe))), 'drop', 'as if the gateway had asked');
  t.is(say([133, 0, 0, 0, 0, 0, 0, 0, ...option(1, 1)]), 'drop', 'as if another had');
  t.is(say(solicit('fd83::1', 1, 0)), 'drop', 'an option without length (RFC 4861 §4.6)');
  t.is(say(solicit('fd83::1', 1, 9)), 'drop', 'one that is longer than the message');
  t.is(say([135, 0, 0, 0]), 'drop', 'too short');
  const piece = [ICMP, 0, 0, 1, 0, 0, 0, 1, ...advertise('fd83::2')];
  t.is(it.check(it.two, six(2, 'fe80::2', 44, piece)), 'drop', 'in pieces (RFC 6980 §5)');
  const behind = [ICMP, 0, 1, 4, 0, 0, 0, 0, ...advertise('fd83::1')];
  t.is(it.check(it.two, six(2, 'fe80::2', 60, behind)), 'drop', 'behind options');
});

// RFC 3756 §4.1.3, RFC 6620 §3.2.3: else one guest takes every address that another asks for.
test('guests: who asks for an address first gets it, whoever says then that it were his', (t) => {
  const it = open();
  t.is(it.check(it.one, six(1, '::', ICMP, solicit('fd83::15'))), 'pass');
  t.is(it.check(it.two, six(2, 'fe80::2', ICMP, advertise('fd83::15'))), 'drop');
  t.is(it.check(it.two, six(2, '::', ICMP, solicit('fd83::15'))), 'pass', 'he may ask');
  t.is(it.check(it.one, six(1, 'fe80::15', ICMP, advertise('fd83::15'))), 'pass', 'and is told');
  t.is(it.check(it.two, six(2, '::', ICMP, solicit('fd83::1'))), 'pass', 'the gateway answers');
  t.is(it.check(it.two, six(2, 'fd83::15', 59, [])), 'drop');
});

test('guests: a silent one is asked before another gets its address, and keeps it if it answers', (t) => {
  const it = open();
  const claim = (): string => it.check(it.two, six(2, 'fd83::15', 59, []));
  it.check(it.one, six(1, 'fd83::15', 59, []));
  it.now += 301 * SECOND;
  t.is(claim(), 'drop');
  t.deepEqual(it.asked, ['fd83::15']);
  it.now += SECOND;
  t.is(it.check(it.one, six(1, 'fe80::15', ICMP, advertise('fd83::15'))), 'pass', 'its answer');
  it.now += 10 * SECOND;
  t.is(claim(), 'drop');
  it.now += 301 * SECOND;
  t.is(claim(), 'drop');
  t.deepEqual(it.asked, ['fd83::15', 'fd83::15']);
  it.now += 10 * SECOND;
  t.is(claim(), 'pass', 'nobody has answered');
  t.deepEqual(it.changed, ['fd83::15']);
  t.is(it.guests.find('fd83::15').port, 'two');
});

test('guests: an address of IPv4 that was lent is its holder’s until the lease ends', (t) => {
  const it = open();
  const ours = [10, 83, 0, 15];
  it.guests.lent('10.83.0.15', '02:00:00:00:00:01', 3600);
  t.is(it.check(it.two, arp(2, ours)), 'drop');
  t.is(it.check(it.one, arp(1, ours)), 'pass');
  it.now += 3500 * SECOND;
  t.is(it.check(it.two, arp(2, ours)), 'drop');
  it.now += 3600 * SECOND;
  t.is(it.check(it.two, arp(2, ours)), 'drop', 'it is asked first');
  it.now += 10 * SECOND;
  t.is(it.check(it.two, arp(2, ours)), 'pass');
});

test('guests: nobody speaks with the gateway’s hardware address, or with another port’s', (t) => {
  const it = open();
  const plain = (mac: number): Buffer =>
    Buffer.from([...octets(0xfe), ...octets(mac), 0x88, 0xb5, ...new Array<number>(46).fill(0)]);
  t.is(it.check(it.one, plain(1)), 'pass');
  t.is(it.check(it.two, plain(1)), 'drop', 'another’s');
  t.is(it.check(it.two, plain(0xfe)), 'drop', 'the gateway’s: all would send to him');
  it.guests.unplugged(it.one);
  t.is(it.check(it.two, plain(1)), 'pass', 'it was pulled out');
});

// Linux takes a tag of VLAN 0 off, and LLC's header of SNAP is as good as a type to some (RFC 1042).
test('guests: what hides below a second tag, or SNAP, is not let through', (t) => {
  const it = open();
  const inner = [...arp(2, [10, 83, 0, 1]).subarray(12)];
  const to = [255, 255, 255, 255, 255, 255, ...octets(2)];
  const tag = [0x81, 0, 0, 0];
  t.is(it.check(it.one, Buffer.from([...to, ...tag, ...tag, ...inner])), 'drop');
  t.is(it.check(it.one, Buffer.from([...to, 0x88, 0xa8, 0, 0, ...inner])), 'drop');
  const snap = [0, 36, 0xaa, 0xaa, 3, 0, 0, 0, ...inner];
  t.is(it.check(it.one, Buffer.from([...to, ...snap])), 'drop');
});

test('guests: a port has a bound of addresses of each family, and what is silent makes room there', (t) => {
  const it = open();
  const say = (i: number): string => it.check(it.one, six(1, `fd83::1:${i.toString(16)}`, 59, []));
  for (let i = 1; i <= 64; i++) t.is(say(i), 'pass');
  t.is(say(65), 'drop');
  t.is(it.guests.drops.tooMany, 1);
  t.is(it.check(it.one, arp(1, [10, 83, 0, 15])), 'pass', 'of IPv4 there is room');
  t.is(it.check(it.two, six(2, 'fd83::2', 59, [])), 'pass', 'and elsewhere');
  it.now += 200 * SECOND;
  t.is(say(64), 'pass');
  it.now += 200 * SECOND;
  t.is(say(65), 'pass');
  t.is(it.guests.find('fd83::1:40').port, 'one', 'it was heard since');
  t.is(it.guests.find('fd83::1:1').port, undefined);
});

test('guests: without the guard everything passes, and who has sent last has an address', (t) => {
  const it = open(false);
  t.is(it.check(it.one, six(1, 'fd83::15', 59, [])), 'pass');
  t.is(it.check(it.two, six(2, 'fd83::15', 59, [])), 'pass');
  t.is(it.guests.find('fd83::15').port, 'two');
  t.is(it.check(it.two, six(2, 'fd83::1', 59, [])), 'pass');
  t.is(it.guests.find('fd83::1').port, undefined);
  t.deepEqual(it.guests.drops, { spoofed: 0, rogueDhcp: 0, rogueRouter: 0, tooMany: 0 });
});

test('guests: what a guest is known and counted by is the same whichever address it uses', (t) => {
  const it = open();
  it.check(it.one, six(1, 'fd83::15', 59, []));
  it.check(it.one, six(1, 'fe80::15', 59, []));
  it.check(it.one, arp(1, [10, 83, 0, 15]));
  it.check(it.one, six(3, 'fd83::16', 59, []));
  const { guests } = it;
  const identities = ['fd83::15', 'fe80::15%x', '10.83.0.15'].map((one) => guests.identityOf(one));
  t.is(new Set(identities).size, 1);
  t.not(guests.identityOf('fd83::16'), identities[0]);
  t.is(guests.portOf('fd83::16'), guests.portOf('10.83.0.15'), 'a bound is a port’s');
  t.is(guests.portOf('fd83::99'), 'fd83::99', 'nobody’s');
});
