/**
 * The choice of addresses. RFC 6724; the tables are its own examples (§10.1, §10.2).
 * @module
 */
import test from 'ava';
import { format } from '../../../src/stack/base/address.ts';
import {
  chooseSource,
  labelOf,
  precedenceOf,
  type SourceCandidate,
  scopeOf,
  sortDestinations,
} from '../../../src/stack/ip/discovery/selection.ts';
import { address } from './addresses.ts';

/** `2001:db8::1`, followed by `old` if it is deprecated, `temp` if it is temporary, `far` on another interface. */
function candidate(text: string): SourceCandidate {
  const [name = '', mark = ''] = text.split(' ');
  return {
    address: address(name),
    bits: name.includes('.') ? 24 : 64,
    deprecated: mark === 'old',
    temporary: mark === 'temp',
    iface: mark === 'far' ? 2 : 1,
  };
}

const choose = (destination: string, ...from: string[]): string => {
  const chosen = chooseSource(address(destination), from.map(candidate), { iface: 1 });
  return chosen === undefined ? 'none' : format(chosen.address);
};

const RANDOM = '2001:db8:1:0:d5e3:7953:13eb:22e8';

/** Destination, candidates, which one it is, and by which rule. */
const SOURCES: readonly (readonly [string, readonly string[], string, string])[] = [
  ['2001:db8:1::1', ['2001:db8:3::1', 'fe80::1'], '2001:db8:3::1', 'appropriate scope'],
  ['ff05::1', ['2001:db8:3::1', 'fe80::1'], '2001:db8:3::1', 'appropriate scope'],
  ['2001:db8:1::1', ['2001:db8:1::1 old', '2001:db8:2::1'], '2001:db8:1::1', 'same address'],
  ['fe80::1', ['fe80::2 old', '2001:db8:1::1'], 'fe80::2', 'appropriate scope'],
  ['2001:db8:1::1', ['2001:db8:1::2', '2001:db8:3::2'], '2001:db8:1::2', 'longest prefix'],
  [
    '2002:c633:6401::1',
    ['2002:c633:6401::d5e3:7953:13eb:22e8 temp', '2001:db8:1::2'],
    '2002:c633:6401:0:d5e3:7953:13eb:22e8',
    'matching label',
  ],
  ['2001:db8:1::d5e3:0:0:1', ['2001:db8:1::2', `${RANDOM} temp`], RANDOM, 'temporary'],
  ['2001:db8:9::1', ['2001:db8:1::1 old', '2001:db8:2::1'], '2001:db8:2::1', 'not deprecated'],
  ['2001:db8:1::1', ['2001:db8:1::2 far', '2001:db8:3::2'], '2001:db8:3::2', 'outgoing interface'],
  ['198.51.100.1', ['2001:db8:1::2', '192.0.2.1'], '192.0.2.1', 'its family'],
  ['2001:db8:1::1', ['192.0.2.1'], 'none', 'its family'],
];

for (const [destination, from, expected, rule] of SOURCES) {
  test(`selection: to ${destination} from ${from.join(' or ')}: ${rule} (§5)`, (t) => {
    t.is(choose(destination, ...from), expected);
    t.is(choose(destination, ...[...from].reverse()), expected, 'in whatever order');
  });
}

test('selection: who is to be found again sends from the address that stays (§5, rule 7)', (t) => {
  const from = ['2001:db8:1::2', `${RANDOM} temp`].map(candidate);
  const chosen = chooseSource(address('2001:db8:9::1'), from, { iface: 1, preferPublic: true });
  t.is(chosen && format(chosen.address), '2001:db8:1::2');
});

/** Destinations, sources there are, the order, and by which rule. */
const DESTINATIONS: readonly (readonly [string[], string[], string[], string])[] = [
  [
    ['198.51.100.121', '2001:db8:1::1'],
    ['2001:db8:1::2', 'fe80::1', '169.254.13.78'],
    ['2001:db8:1::1', '198.51.100.121'],
    'matching scope',
  ],
  [
    ['2001:db8:1::1', '198.51.100.121'],
    ['fe80::1', '198.51.100.117'],
    ['198.51.100.121', '2001:db8:1::1'],
    'matching scope',
  ],
  [
    ['10.1.2.3', '2001:db8:1::1'],
    ['2001:db8:1::2', 'fe80::1', '10.1.2.4'],
    ['2001:db8:1::1', '10.1.2.3'],
    'higher precedence',
  ],
  [
    ['2001:db8:1::1', 'fe80::1'],
    ['2001:db8:1::2', 'fe80::2'],
    ['fe80::1', '2001:db8:1::1'],
    'smaller scope',
  ],
  [
    ['fe80::1', '2001:db8:1::1'],
    ['2001:db8:1::2', 'fe80::2 old'],
    ['2001:db8:1::1', 'fe80::1'],
    'not deprecated',
  ],
  [
    ['2001:db8:3ffe::1', '2001:db8:1::1'],
    ['2001:db8:1::2', '2001:db8:3f44::2', 'fe80::2'],
    ['2001:db8:1::1', '2001:db8:3ffe::1'],
    'longest prefix',
  ],
  [
    ['2001:db8:1::1', '2002:c633:6401::1'],
    ['2002:c633:6401::2', 'fe80::2'],
    ['2002:c633:6401::1', '2001:db8:1::1'],
    'matching label',
  ],
  [
    ['2002:c633:6401::1', '2001:db8:1::1'],
    ['2002:c633:6401::2', '2001:db8:1::2', 'fe80::2'],
    ['2001:db8:1::1', '2002:c633:6401::1'],
    'higher precedence',
  ],
  [['2001:db8:1::1', '10.1.2.3'], ['10.1.2.4'], ['10.1.2.3', '2001:db8:1::1'], 'usable'],
];

for (const [destinations, from, expected, rule] of DESTINATIONS) {
  test(`selection: ${destinations.join(', ')} with ${from.join(', ')}: ${rule} (§6)`, (t) => {
    const sources = from.map(candidate);
    const candidates = destinations.map((text) => {
      const destination = address(text);
      return { destination, source: chooseSource(destination, sources, { iface: 1 }) };
    });
    const order = sortDestinations(candidates).map(({ destination }) => format(destination));
    t.deepEqual(order, expected);
  });
}

test('selection: what no rule tells apart stays as it was (§6, rule 10)', (t) => {
  const source = candidate('10.0.0.2');
  const candidates = ['198.51.100.9', '198.51.100.8'].map((text) => ({
    destination: address(text),
    source,
  }));
  t.deepEqual(sortDestinations(candidates), candidates);
});

test('selection: the policy table is that of §2.1', (t) => {
  const lines: Record<string, readonly [number, number]> = {
    '::1': [50, 0],
    '2001:db8::1': [40, 1],
    '192.0.2.1': [35, 4],
    '2002:1::1': [30, 2],
    '2001:0:1::1': [5, 5],
    'fdff::1': [3, 13],
    '::7:8': [1, 3],
    'feff::1': [1, 11],
    '3ffe::1': [1, 12],
  };
  for (const [text, expected] of Object.entries(lines)) {
    t.deepEqual([precedenceOf(address(text)), labelOf(address(text))], expected, text);
  }
});

test('selection: scopes are those of §3', (t) => {
  const scopes: Record<string, number> = {
    '::1': 2,
    'fe80::1': 2,
    'febf::1': 2,
    'fec0::1': 5,
    'fd00::1': 14,
    'ff01::1': 1,
    'ff02::1': 2,
    'ff05::1': 5,
    'ff0e::1': 14,
    '127.0.0.1': 2,
    '169.254.0.1': 2,
    '10.0.0.1': 14,
  };
  for (const [text, expected] of Object.entries(scopes))
    t.is(scopeOf(address(text)), expected, text);
});
