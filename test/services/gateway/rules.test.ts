/**
 * Which flows `tunstack forward` lets through: rules, and what is closed until a rule names it.
 * @module
 */
import test from 'ava';
import { asBits, type Range } from '../../../src/services/address.ts';
import { isAllowed, parseRule, sayRules } from '../../../src/services/gateway/rules.ts';
import { localRanges, makeThisHost } from '../../../src/services/gateway/this-host.ts';

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
  for (const text of ['', 'all', '1.2.3', '1.2.3.4/', '1.2.3.4:9-8', '1.2.3.4:70000', '::/0']) {
    t.throws(() => parseRule(text, true), undefined, text);
  }
});

/** One address of this host's. */
const HOME: readonly Range[] = [{ first: asBits('192.0.2.1'), last: asBits('192.0.2.1') }];

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

test('rules: what no rule can name is closed', (t) => {
  for (const address of ['::1', '::ffff:127.0.0.1', '2001:db8::1', '']) {
    t.false(isAllowed([parseRule('0.0.0.0/0', true)], 'tcp', address, 80), address);
  }
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
  t.deepEqual(localRanges(TABLE), [
    { first: asBits('127.0.0.0'), last: asBits('127.255.255.255') },
    { first: asBits('172.17.0.1'), last: asBits('172.17.0.1') },
    { first: asBits('192.0.2.0'), last: asBits('192.0.2.127') },
  ]);
});

test('this-host: it is read anew after a second', (t) => {
  let now = 5000;
  let reads = 0;
  const ask = makeThisHost(
    () => [{ first: ++reads, last: reads }],
    () => now,
  );
  t.is(ask()[0]?.first, 1);
  now += 999;
  t.is(ask()[0]?.first, 1);
  now += 1;
  t.is(ask()[0]?.first, 2);
});

test('this-host: what is real holds loopback', (t) => {
  const all = makeThisHost()();
  t.true(
    all.some(({ first, last }) => first <= asBits('127.0.0.1') && last >= asBits('127.0.0.1')),
  );
});
