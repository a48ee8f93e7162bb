/**
 * Ephemeral ports: RFC 6056 §3.3.4 with the increments of §3.3.5, under keys that last for ten seconds.
 * @module
 */
import test from 'ava';
import { SeededRandom } from '../../../src/stack/base/random.ts';
import {
  FIRST_EPHEMERAL,
  KEY_LIFE,
  LAST_EPHEMERAL,
  Ports,
  STRIDE,
} from '../../../src/stack/tcp/open/ports.ts';
import { ip } from '../../support/packets.ts';

const US = ip('10.0.0.2');
const PEER = ip('10.0.0.1');
const RANGE = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
const make = (seed = 1): Ports => new Ports(new SeededRandom(seed));
const free = (): boolean => true;

test('ports: they come from the dynamic range, and each can be had', (t) => {
  const ports = make();
  const taken = new Set<number>();
  for (let i = 0; i < RANGE; i++) {
    taken.add(ports.pick(US, PEER, 80, 0, (port) => !taken.has(port)));
  }
  t.is(taken.size, RANGE);
  t.is(Math.min(...taken), FIRST_EPHEMERAL);
  t.is(Math.max(...taken), LAST_EPHEMERAL);
  t.is(
    ports.pick(US, PEER, 80, 0, (port) => !taken.has(port)),
    0,
  );
});

test('ports: to one destination each is a little behind the one before, by chance', (t) => {
  const ports = make();
  const steps = new Set<number>();
  let last = ports.pick(US, PEER, 80, 0, free);
  for (let i = 0; i < 1000; i++) {
    const next = ports.pick(US, PEER, 80, 0, free);
    steps.add((next - last + RANGE) % RANGE);
    last = next;
  }
  t.deepEqual(
    [...steps].toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, STRIDE],
  );
});

test('ports: towards another destination they begin elsewhere, and are counted apart', (t) => {
  const ports = make();
  const at = (n: number): number => ports.pick(US, ip(`10.0.${n >> 8}.${n & 255}`), 80, 0, free);
  const firsts = new Set<number>();
  for (let i = 0; i < 100; i++) firsts.add(at(i));
  t.true(firsts.size > 90);
  // 65 536 groups: of a few destinations hardly two share a count, which would tell of each other.
  const before = ports.pick(US, PEER, 443, 0, free);
  for (let i = 0; i < 500; i++) at(i);
  const after = ports.pick(US, PEER, 443, 0, free);
  t.true((after - before + RANGE) % RANGE <= STRIDE);
});

test('ports: every ten seconds they begin elsewhere', (t) => {
  const ports = make();
  const firsts = Array.from({ length: 20 }, (_, i) => ports.pick(US, PEER, 80, i * KEY_LIFE, free));
  const near = firsts.filter((port, i) => Math.abs(port - (firsts[i - 1] ?? 0)) <= STRIDE);
  t.true(near.length <= 1, firsts.join(' '));
  const same = ports.pick(US, PEER, 80, 19 * KEY_LIFE + KEY_LIFE - 1, free);
  t.true((same - (firsts[19] ?? 0) + RANGE) % RANGE <= STRIDE);
});
