/**
 * Interface identifiers. RFC 7217 §5, RFC 8981 §3.3.1, RFC 5453.
 * @module
 */
import test from 'ava';
import { wordOf } from '../../../src/stack/base/address.ts';
import { SeededRandom } from '../../../src/stack/base/random.ts';
import { makeKey } from '../../../src/stack/base/siphash.ts';
import {
  isReserved,
  stableAddress,
  stableLinkLocal,
  temporaryAddress,
} from '../../../src/stack/ip/discovery/identifier.ts';
import { address } from './addresses.ts';

const key = makeKey(new SeededRandom(4));
const HERE = address('2001:db8:1:2::');

/** The last 64 bits. */
const id = (a: Parameters<typeof wordOf>[0]): string => `${wordOf(a, 2)}:${wordOf(a, 3)}`;

test('identifier: the same network gives the same address, and keeps its prefix (RFC 7217 §4)', (t) => {
  const made = stableAddress(key, HERE, 7, 0);
  t.is(stableAddress(key, HERE, 7, 0), made);
  t.deepEqual([wordOf(made, 0), wordOf(made, 1)], [wordOf(HERE, 0), wordOf(HERE, 1)]);
  t.is(wordOf(stableLinkLocal(key, 7, 0), 0), 0xfe80_0000 | 0);
});

test('identifier: another network, interface, secret or attempt gives another (RFC 7217 §5)', (t) => {
  const made = [
    stableAddress(key, HERE, 7, 0),
    stableAddress(key, address('2001:db8:1:3::'), 7, 0),
    stableAddress(key, HERE, 8, 0),
    stableAddress(key, HERE, 7, 1),
    stableAddress(makeKey(new SeededRandom(5)), HERE, 7, 0),
    stableLinkLocal(key, 7, 0),
  ].map(id);
  t.is(new Set(made).size, made.length);
});

test('identifier: a temporary one is another each time, in the same network (RFC 8981 §3.3.1)', (t) => {
  const random = new SeededRandom(6);
  const made = Array.from({ length: 100 }, () => temporaryAddress(random, HERE));
  t.is(new Set(made.map(id)).size, 100);
  t.true(made.every((a) => wordOf(a, 1) === wordOf(HERE, 1)));
});

test('identifier: what is reserved is passed over (RFC 5453)', (t) => {
  t.true(isReserved(0, 0));
  t.false(isReserved(0, 1));
  t.true(isReserved(0x02005eff, 0xfe005212 | 0));
  t.false(isReserved(0x02005eff, 0xfd005212 | 0));
  t.true(isReserved(0xfdffffff | 0, 0xffffff80 | 0));
  t.false(isReserved(0xfdffffff | 0, 0xffffff7f | 0));
  const words = [0, 0, 0x02005eff, 0xfe000001 | 0, 11, 12];
  const made = temporaryAddress({ int32: () => words.shift() ?? 0 }, HERE);
  t.deepEqual([wordOf(made, 2), wordOf(made, 3)], [11, 12]);
});
