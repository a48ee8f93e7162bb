/**
 * IPv6 addresses as text. RFC 5952 §4 and §5; each expectation is the RFC's own, or follows from its rule.
 * @module
 */
import { isIPv6 } from 'node:net';
import test from 'ava';
import { parseLiteral, parsePrefix } from '../../src/stack/api/door/literal.ts';
import { formatOctets } from '../../src/stack/base/address-text.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';

const written = (text: string): string | undefined => {
  const literal = parseLiteral(text);
  return literal && formatOctets(literal.octets);
};

test('address text: every form of an address is written in one way (RFC 5952 §4)', (t) => {
  const forms: Record<string, string> = {
    '2001:0db8::0001': '2001:db8::1', // §4.1
    '2001:db8:0:0:0:0:2:1': '2001:db8::2:1', // §4.2.1
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1', // §4.2.2: not for one
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1', // §4.2.3: the longest
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1', // §4.2.3: the first of equals
    '2001:DB8::A': '2001:db8::a', // §4.3
    '0:0:0:0:0:0:0:0': '::',
    '0:0:0:0:0:0:0:1': '::1',
    'fe80:0:0:0:0:0:0:0': 'fe80::',
    '::ffff:c000:0201': '::ffff:192.0.2.1', // §5
    '::1:ffff:c000:0201': '::1:ffff:c000:201',
  };
  for (const [text, expected] of Object.entries(forms)) t.is(written(text), expected, text);
});

test('address text: what is written is read back, whatever the octets', (t) => {
  const random = new SeededRandom(5);
  const octets = new Uint8Array(20);
  for (let i = 0; i < 2000; i++) {
    for (let j = 0; j < 20; j++) octets[j] = (random.int32() & 3) === 0 ? random.int32() : 0;
    const text = formatOctets(octets, 3);
    t.true(isIPv6(text), text);
    t.deepEqual(parseLiteral(text)?.octets, octets.slice(3, 19), text);
  }
});

test('address text: a zone is taken off, and no address has one without a name (RFC 4007 §11)', (t) => {
  t.is(parseLiteral('fe80::1%tun0')?.zone, 'tun0');
  t.is(parseLiteral('fe80::1')?.zone, '');
  for (const text of [
    '',
    '10.0.0.1',
    'fe80::1%',
    '1::2::3',
    '::1/64',
    'fe80:',
    '12345::',
    '::256.1.1.1',
  ]) {
    t.is(parseLiteral(text), undefined, text);
  }
});

test('address text: a prefix has 0 to 128 bits and no zone', (t) => {
  t.is(parsePrefix('fd83::1/64')?.bits, 64);
  t.is(parsePrefix('::/0')?.bits, 0);
  t.is(parsePrefix('::1/128')?.bits, 128);
  for (const text of [
    'fd83::1',
    'fd83::1/',
    'fd83::1/129',
    'fd83::1/-1',
    'fd83::1/6/4',
    'fe80::1%a/64',
    '10.0.0.1/8',
  ]) {
    t.is(parsePrefix(text), undefined, text);
  }
});
