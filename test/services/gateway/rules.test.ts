/**
 * Which flows `tunstack forward` lets through: rules, and what is closed until a rule names it.
 * @module
 */
import test from 'ava';
import { type Block, blockOfOne, inBlock, readBlock } from '../../../src/services/block.ts';
import { decide, isAllowed, parseRule, sayRules } from '../../../src/services/gateway/rules.ts';
import {
  localBlocks,
  localBlocks6,
  makeThisHost,
} from '../../../src/services/gateway/this-host.ts';

test('rules: address, ports and protocol are compared, the first that fits decides', (t) => {
  const rules = [
    parseRule('10.1.2.3:25', false),
    parseRule('10.0.0.0/8', true),
    parseRule('0.0.0.0/0:8000-8100/tcp', true),
    parseRule('9.9.9.9:53/udp', true),
  ];
  t.false(isAllowed(rules, 'tcp', '10.1.2.3', 25));
  t.true(isAllowed(rules, 'tcp', '10.1.2.3', 26));
  t.true(isAllowed(rules, 'udp', '10.255.255.255', 1));
  t.false(isAllowed(rules, 'tcp', '11.0.0.0', 1));
  t.true(isAllowed(rules, 'tcp', '192.0.2.1', 8000));
  t.true(isAllowed(rules, 'tcp', '192.0.2.1', 8100));
  t.false(isAllowed(rules, 'tcp', '192.0.2.1', 8101));
  t.false(isAllowed(rules, 'udp', '192.0.2.1', 8000));
  t.true(isAllowed(rules, 'udp', '9.9.9.9', 53));
});

test('rules: where nothing is allowed by name, all is but what is denied', (t) => {
  t.true(isAllowed([], 'tcp', '192.0.2.1', 80));
  const rules = [parseRule('192.0.2.0/24/udp', false)];
  t.false(isAllowed(rules, 'udp', '192.0.2.255', 80));
  t.true(isAllowed(rules, 'tcp', '192.0.2.255', 80));
});

test('rules: what is none is refused', (t) => {
  for (const text of [
    '',
    'all',
    '1.2.3',
    '1.2.3.4/',
    '1.2.3.4:9-8',
    '1.2.3.4:70000',
    '::/129',
    '[::1:80',
    '::g',
  ]) {
    t.throws(() => parseRule(text, true), undefined, text);
  }
});

/** One address of this host's. */
const HOME: readonly Block[] = ['192.0.2.1', '2001:db8::1'].map((one) => blockOfOne('home', one));

const passes = (address: string, ...allowed: string[]): boolean =>
  isAllowed(
    allowed.map((text) => parseRule(text, true)),
    ...(['tcp', address, 80, HOME] as const),
  );

// RFC 1122 §3.2.1.3 (a), (g), RFC 3927 §2.1: none of these is a host somewhere else.
test('rules: this host, loopback and link-local are closed without a rule', (t) => {
  for (const address of [
    ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3'],
    ...['169.254.169.254', '169.254.0.1', '192.0.2.1'],
  ]) {
    t.false(passes(address), address);
    t.false(passes(address, '0.0.0.0/0'), `${address}: who allows everything has not named it`);
  }
  for (const address of ['192.0.2.2', '10.0.0.1', '128.0.0.1', '169.253.255.255', '1.0.0.0']) {
    t.true(passes(address), address);
  }
});

// RFC 1112 §4, RFC 919 §7: a socket of this host that sends there asks all on its own links.
test('rules: groups and everyone are closed, for who allows everything too', (t) => {
  for (const address of ['224.0.0.251', '239.255.255.250', '255.255.255.255', 'ff02::fb']) {
    t.false(passes(address), address);
    t.false(passes(address, '0.0.0.0/0', '::/0', '*'), address);
  }
});

test('rules: a rule that allows nothing wider opens what is closed', (t) => {
  t.true(passes('127.0.0.1', '127.0.0.1:80/tcp'));
  t.true(passes('127.0.0.1', '0.0.0.0/0', '127.0.0.0/8'));
  t.false(passes('127.0.0.1', '127.0.0.1:81'));
  t.false(passes('127.0.0.1', '126.0.0.0/7'));
  t.true(passes('169.254.169.254', '169.254.0.0/16'));
  t.true(passes('192.0.2.1', '192.0.2.1'));
  t.false(passes('192.0.2.1', '192.0.2.0/24'), 'a network is not the host');
  const denied = [parseRule('127.0.0.1', false), parseRule('127.0.0.0/8', true)];
  t.false(isAllowed(denied, 'tcp', '127.0.0.1', 80), 'the first that fits decides');
});

// Who opens a private network that was closed has not named this host, which has an address there.
test('rules: what is closed for two reasons is opened by a rule for both alone', (t) => {
  const closings = [HOME, [readBlock('close', '192.0.2.0/24'), readBlock('close', '10.0.0.0/8')]];
  const opens = (text: string, address: string): boolean =>
    decide([parseRule(text, true)], { protocol: 'tcp', address, port: 80 }, { closings }).allow;
  t.true(opens('192.0.2.0/24', '192.0.2.2'));
  t.false(opens('192.0.2.0/24', '192.0.2.1'), 'this host');
  t.true(opens('192.0.2.1', '192.0.2.1'));
  t.false(opens('0.0.0.0/0', '10.0.0.1'));
});

test('rules: what is no address is closed', (t) => {
  for (const address of ['', '1.2.3', 'example.org', '::g']) {
    t.false(isAllowed([parseRule('*', true)], 'tcp', address, 80), address);
  }
});

// RFC 3986 §3.2.2: an address of IPv6 stands in brackets where a port may follow.
test('rules: networks of IPv6 are compared as those of IPv4, with a port in brackets', (t) => {
  const rules = [
    parseRule('[2001:db8:1::3]:25', false),
    parseRule('2001:db8:1::/48', true),
    parseRule('[::/0]:8000-8100/tcp', true),
    parseRule('[2620:fe::9]:53/udp', true),
    parseRule('2620:fe::10/udp', true),
  ];
  t.false(isAllowed(rules, 'tcp', '2001:db8:1::3', 25));
  t.true(isAllowed(rules, 'tcp', '2001:db8:1::3', 26));
  t.true(isAllowed(rules, 'udp', '2001:db8:1:ffff:ffff:ffff:ffff:ffff', 1));
  t.false(isAllowed(rules, 'tcp', '2001:db8:2::', 1));
  t.true(isAllowed(rules, 'tcp', '2620:fe::9', 8100));
  t.false(isAllowed(rules, 'tcp', '2620:fe::9', 8101));
  t.false(isAllowed(rules, 'tcp', '2620:fe::10', 53));
  t.true(isAllowed(rules, 'udp', '2620:fe::9', 53));
  t.true(isAllowed(rules, 'udp', '2620:fe::10', 99));
});

test('rules: a rule for all of one family says nothing of the other', (t) => {
  t.false(isAllowed([parseRule('0.0.0.0/0', true)], 'tcp', '2001:db8:2::1', 80));
  t.false(isAllowed([parseRule('::/0', true)], 'tcp', '198.51.100.1', 80));
  t.true(isAllowed([parseRule('::/0', false)], 'tcp', '198.51.100.1', 80));
  for (const address of ['198.51.100.1', '2001:db8:2::1']) {
    t.true(isAllowed([parseRule('*', true)], 'tcp', address, 80), address);
    t.true(isAllowed([], 'tcp', address, 80), address);
  }
});

// RFC 4291 §2.5: `::`, `::1` and fe80::/10 are here or on this link; ff00::/8 is no host. The others tell secrets.
test('rules: what is closed of IPv6 is closed without a rule, and to who allows everything', (t) => {
  for (const address of [
    ...['::', '::1', 'fe80::1', 'febf::1', 'fe80::1%eth0', 'ff02::1', '2001:db8::1'],
    ...['fd00:ec2::254', 'fd20:ce::254', 'fd00:42::42', '::ffff:127.0.0.1', '::ffff:7f00:1'],
  ]) {
    t.false(passes(address), address);
    t.false(passes(address, '::/0', '0.0.0.0/0', '*'), address);
  }
  for (const address of ['2001:db8::2', 'fec0::1', 'fd00:ec2::253', '::ffff:192.0.2.2']) {
    t.true(passes(address), address);
  }
});

test('rules: a rule that allows nothing wider opens what is closed of IPv6', (t) => {
  t.true(passes('::1', '[::1]:80/tcp'));
  t.true(passes('::1', '::/0', '::1/128'));
  t.false(passes('::1', '[::1]:81'));
  t.false(passes('::1', '::/127'));
  t.true(passes('fe80::1', 'fe80::/64'));
  t.true(passes('2001:db8::1', '2001:db8::1'));
  t.false(passes('2001:db8::1', '2001:db8::/64'), 'a network is not the host');
  t.true(passes('::ffff:127.0.0.1', '127.0.0.0/8'), 'it is that address, written otherwise');
  t.true(passes('127.0.0.1', '::ffff:127.0.0.0/104'));
});

/** 127.0.0.1, 169.254.169.254 and 192.0.2.1 where IPv6 hides them, and what may be reached in the same forms. */
const HIDDEN: readonly (readonly [form: string, closed: readonly string[], open: string])[] = [
  ['RFC 4291 §2.5.5.1, compatible', ['::7f00:1', '::a9fe:a9fe', '::c000:201'], '::c633:6401'],
  ['RFC 7915, translated', ['::ffff:0:7f00:1', '::ffff:0:c000:201'], '::ffff:0:c633:6401'],
  ['RFC 6052, NAT64', ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe'], '64:ff9b::c633:6401'],
  ['RFC 8215, by 96 bits', ['64:ff9b:1:2:3:4:7f00:1'], '64:ff9b:1:0:0:a:c633:6401'],
  ['RFC 8215, by 48 bits', ['64:ff9b:1:a9fe:a9:fe00::'], '64:ff9b:1:c633:64:100::'],
  ['RFC 8215, by 56 bits', ['64:ff9b:1:a9:fe:a9fe::'], '64:ff9b:1:c6:33:6401::'],
  ['RFC 8215, by 64 bits', ['64:ff9b:1:9:a9:fea9:fe00::'], '64:ff9b:1:9:c6:3364:100::'],
  ['RFC 3056, 6to4', ['2002:7f00:1::1', '2002:c000:201::'], '2002:c633:6401::1'],
  [
    'RFC 4380, Teredo',
    ['2001:0:7f00:1::39cc:9bfe', '2001:0:c633:6401::80ff:fffe'],
    '2001:0:c633:6401::39cc:9bfe',
  ],
  [
    'RFC 5214, ISATAP',
    ['2001:db8:9::5efe:7f00:1', '2001:db8:9::200:5efe:a9fe:a9fe'],
    '2001:db8:9::200:5efe:c633:6401',
  ],
];

test('rules: addresses of IPv6 that lead to a closed one of IPv4 are closed, in all forms', (t) => {
  for (const [form, closed, open] of HIDDEN) {
    for (const address of closed) {
      t.false(passes(address), `${form}: ${address}`);
      t.false(
        passes(address, '::/0', '127.0.0.1', '169.254.0.0/16', '192.0.2.1'),
        `${form}: ${address}`,
      );
      t.true(passes(address, address), `${form}: one rule for this address alone`);
    }
    t.true(passes(open), `${form}: ${open}`);
  }
});

test('rules: what is denied of IPv4 is denied in IPv6’s forms, and what is allowed is not allowed in them', (t) => {
  const deny = [parseRule('10.0.0.0/8', false)];
  t.false(isAllowed(deny, 'tcp', '64:ff9b::a01:203', 80));
  t.true(isAllowed(deny, 'tcp', '64:ff9b::b01:203', 80));
  t.false(isAllowed([parseRule('10.0.0.0/8', true)], 'tcp', '64:ff9b::a01:203', 80));
});

test('rules: a rule for a guest knows its address in any spelling', (t) => {
  const rules = [parseRule('FD83:0::0010=2001:db8:5::/48', true)];
  const to = { protocol: 'tcp', address: '2001:db8:5::1', port: 80 } as const;
  t.true(decide(rules, { ...to, guest: { address: 'fd83::10' } }, { closings: [] }).allow);
  t.false(decide(rules, { ...to, guest: { address: 'fd83::11' } }, { closings: [] }).allow);
});

test('rules: they are said in a word', (t) => {
  const allow = parseRule('127.0.0.1:53/udp', true);
  const deny = parseRule('10.0.0.0/8:25', false);
  t.is(sayRules([]), 'any');
  t.is(sayRules([deny]), 'any,!10.0.0.0/8:25');
  t.is(sayRules([deny, allow]), '!10.0.0.0/8:25,127.0.0.1:53/udp');
});

const TABLE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 172.17.0.1
           /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
           /25 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
        |-- 172.17.0.1
           /32 host LOCAL
`;

// Linux, Documentation/networking/fib_trie.rst; `ip route add local PREFIX dev lo` makes whole networks local.
test('this-host: what the table of routes calls local is found, each once', (t) => {
  t.deepEqual(
    localBlocks(TABLE),
    ['127.0.0.0/8', '172.17.0.1', '192.0.2.0/25'].map((one) => readBlock('local', one)),
  );
});

const NONE = '00000000000000000000000000000000';
const route6 = (to: string, flags: string): string =>
  `${to} ${NONE} 00 ${NONE} 00000000 00000001 00000000 ${flags}       lo`;
const TABLE6 = [
  route6('20010db8000000000000000000000000 40', '00000001'),
  route6('20010db8000000000000000000000000 80', '00100001'),
  route6('20010db8000000000000000000000001 80', '80200001'),
  route6('20010db8000000000000000000000001 80', '80200001'),
  route6('fd830000000000000000000000000000 40', '80200001'),
  route6('ff000000000000000000000000000000 08', '00000001'),
  '',
].join('\n');

// linux/ipv6_route.h: RTF_LOCAL is this host; RTF_ANYCAST the routers of a link, of which it may be one.
test('this-host: of IPv6 it is what the flags of a route call local, and anycast addresses', (t) => {
  t.deepEqual(
    localBlocks6(TABLE6),
    ['2001:db8::', '2001:db8::1', 'fd83::/64'].map((one) => readBlock('local', one)),
  );
});

test('this-host: it is read anew after a second', (t) => {
  let now = 5000;
  let reads = 0;
  const ask = makeThisHost(
    () => [{ first: BigInt(++reads), last: BigInt(reads) }],
    () => now,
  );
  t.is(ask()[0]?.first, 1n);
  now += 999;
  t.is(ask()[0]?.first, 1n);
  now += 1;
  t.is(ask()[0]?.first, 2n);
});

test('this-host: what is real holds loopback', (t) => {
  const { first } = blockOfOne('loopback', '127.0.0.1');
  t.true(makeThisHost()().some((one) => inBlock(one, first)));
});
