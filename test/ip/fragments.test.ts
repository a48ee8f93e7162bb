/**
 * Fragments that wait: finding the datagram that one belongs to costs the same whoever sends, and however
 * many wait. RFC 791 §3.2 names the datagram; the bound on the work is ours (docs/security.md).
 * @module
 */
import test from 'ava';
import { type Address, fromBits, isNoHost } from '../../src/stack/base/address.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { Host, packet, pattern } from '../support/packets.ts';

const DATAGRAMS = 1024;

/** Datagrams looked at for each of `DATAGRAMS` fragments, from sources that differ from bit `low` on. */
function stepsPerFragment(low: number, seed: number): number {
  const host = new Host({ random: new SeededRandom(seed) });
  const { fragments } = host.net;
  const sources: Address[] = [];
  for (let i = 1; sources.length < DATAGRAMS / 4 && i < 512; i++) {
    const source = fromBits(0x0b0c0d0f ^ (i << low));
    if (!isNoHost(source) && source >>> 24 !== 127) sources.push(source);
  }
  for (let i = 0; i < DATAGRAMS; i++) {
    const source = sources[i % sources.length] as Address;
    const fields = { source, id: i, more: true, body: pattern(8) };
    if (host.input(packet(fields)) !== Drop.NONE) throw new Error('a fragment was not kept');
  }
  const before = fragments.steps;
  for (let i = 0; i < DATAGRAMS; i++) {
    const source = sources[i % sources.length] as Address;
    host.input(packet({ source, id: i, offset: 8, more: true, body: pattern(8) }));
  }
  return (fragments.steps - before) / DATAGRAMS;
}

for (const low of [0, 8, 15, 23]) {
  test(`fragments: sources that differ from bit ${low} on are found in a few steps`, (t) => {
    // Four of its own and, with 256 buckets for 1024 datagrams, as many again by chance.
    const steps = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => stepsPerFragment(low, seed));
    t.log(`at most ${Math.max(...steps)} datagrams looked at for each fragment`);
    t.true(Math.max(...steps) < 16);
  });
}

test('fragments: a source at its limit gives up its oldest, and no other’s', (t) => {
  const host = new Host({ reassembly: { datagramsPerSource: 2 } });
  const other = fromBits(0x0b000001);
  host.input(packet({ source: other, id: 1, more: true, body: pattern(8) }));
  for (let id = 1; id <= 5; id++) host.input(packet({ id, more: true, body: pattern(8) }));
  t.is(host.net.fragments.length, 3);
  t.is(
    host.input(packet({ source: other, id: 1, offset: 8, more: true, body: pattern(8) })),
    Drop.NONE,
  );
  t.true(host.balanced);
});
