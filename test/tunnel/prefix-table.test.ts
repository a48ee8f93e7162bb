/**
 * Who has which addresses: the longest prefix that holds an address counts. "WireGuard" §4; RFC 1812 §5.2.4.3.
 * @module
 */
import test from 'ava';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Endpoint } from '../../src/tunnel/endpoint.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../src/tunnel/prefix.ts';
import { PrefixTable } from '../../src/tunnel/prefix-table.ts';

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix; // the tests write what is one

function table(...lines: readonly (readonly [string, string])[]): PrefixTable<string> {
  const made = new PrefixTable<string>();
  for (const [text, value] of lines) made.set(prefix(text).octets, prefix(text).bits, value);
  return made;
}

const ask = (made: PrefixTable<string>, address: string): string | undefined => {
  const { octets } = new Endpoint(address, 0);
  return made.lookup(octets, 0, octets.length);
};

test('prefix-table: the longest prefix counts, whatever the order', (t) => {
  const lines = [
    ['0.0.0.0/0', 'all'],
    ['10.0.0.0/8', 'ten'],
    ['10.1.0.0/16', 'ten one'],
    ['10.1.2.3', 'host'],
    ['192.168.0.0/17', 'low'],
    ['192.168.128.0/17', 'high'],
  ] as const;
  for (const order of [lines, lines.toReversed()]) {
    const made = table(...order);
    t.is(ask(made, '8.8.8.8'), 'all');
    t.is(ask(made, '10.200.0.1'), 'ten');
    t.is(ask(made, '10.1.9.9'), 'ten one');
    t.is(ask(made, '10.1.2.3'), 'host');
    t.is(ask(made, '192.168.127.255'), 'low');
    t.is(ask(made, '192.168.128.0'), 'high');
  }
});

test('prefix-table: families know nothing of each other', (t) => {
  const made = table(['0.0.0.0/0', 'four'], ['2001:db8::/32', 'six'], ['2001:db8::1', 'one']);
  t.is(ask(made, '32.1.13.184'), 'four');
  t.is(ask(made, '2001:db8:1::'), 'six');
  t.is(ask(made, '2001:db8::1'), 'one');
  t.is(ask(made, '2001:db9::1'), undefined);
});

test('prefix-table: a prefix is of whom it was given to last', (t) => {
  const made = table(['10.0.0.0/24', 'one'], ['10.0.0.99/24', 'two']);
  t.is(ask(made, '10.0.0.5'), 'two');
  t.is([...made.entries()].length, 1);
});

test('prefix-table: it agrees with a list that is searched whole, and forgets whom it is told to', (t) => {
  const random = new SeededRandom(9);
  const made = new PrefixTable<string>();
  const lines = new Map<string, { bits: number; network: number; value: string }>();
  const mask = (bits: number): number => (bits === 0 ? 0 : -1 << (32 - bits));
  for (let i = 0; i < 400; i++) {
    const bits = (random.int32() >>> 0) % 33;
    const network = random.int32() & 0x0f0f_ffff & mask(bits);
    const value = `peer ${i % 7}`;
    const octets = Uint8Array.of(network >>> 24, network >>> 16, network >>> 8, network);
    made.set(octets, bits, value);
    lines.set(formatPrefix({ octets, bits }), { bits, network, value });
  }
  const agree = (): boolean => {
    for (let i = 0; i < 5_000; i++) {
      const address = random.int32() & 0x0f0f_ffff;
      const octets = Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
      let best: { bits: number; value: string } | undefined;
      for (const line of lines.values()) {
        if ((address & mask(line.bits)) !== line.network) continue;
        if (best === undefined || line.bits > best.bits) best = line;
      }
      if (made.lookup(octets, 0, 4) !== best?.value) return false;
    }
    return true;
  };
  t.true(agree());
  t.is([...made.entries()].length, lines.size);
  made.remove('peer 3');
  for (const [key, { value }] of lines) if (value === 'peer 3') lines.delete(key);
  t.true(agree());
  t.is([...made.entries()].length, lines.size);
});
