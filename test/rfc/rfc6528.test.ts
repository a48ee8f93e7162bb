/**
 * RFC 6528 and RFC 6056: first sequence numbers and ports that cannot be guessed.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import type { Address } from '../../src/stack/base/address.ts';
import { App, Lab, S } from '../support/lab.ts';
import { PEER } from '../support/packets.ts';

/** Local ports of `count` connections to a destination, closed at once. */
function ports(t: ExecutionContext, count: number, destination = PEER, port = 80): number[] {
  const lab = new Lab(t, { limits: { connections: 100_000 } });
  return Array.from({ length: count }, () => {
    const made = lab.core.tcp.connect({ destination, port, owner: new App() });
    lab.core.tcp.flush(lab.now);
    lab.wire.sent.length = 0;
    return typeof made === 'object' ? made.localPort : 0;
  });
}

test('RFC 6528 §3: the same four numbers, later, begin higher', (t) => {
  const lab = new Lab(t);
  const { secrets } = lab.core.tcp;
  const first = (now: number): number => secrets.isn(1 as Address, 2, PEER, 80, now);
  t.is((first(10 * S) - first(0)) | 0, 2_500_000);
});

test('RFC 6528 §3: a clock that wraps leaves the numbers 32 bits', (t) => {
  const { secrets } = new Lab(t).core.tcp;
  for (const now of [0, 2 ** 34, 2 ** 40, 2 ** 52]) {
    const isn = secrets.isn(1 as Address, 2, PEER, 80, now);
    t.true(isn === (isn | 0));
  }
});

test('RFC 6056 §3.2: ports come from 49152 to 65535', (t) => {
  for (const port of ports(t, 500)) t.true(port >= 49_152 && port <= 65_535);
});

test('RFC 6056 §3.3.4: to one destination ports follow each other, and none comes twice', (t) => {
  t.is(new Set(ports(t, 2000)).size, 2000);
});

test('RFC 6056 §3.3.4: where they begin differs by destination, and from stack to stack', (t) => {
  const firsts = new Set<number>();
  for (let i = 2; i <= 41; i++) firsts.add(ports(t, 1, (PEER + i) as Address)[0] ?? 0);
  for (let i = 1; i <= 40; i++) firsts.add(ports(t, 1, PEER, i)[0] ?? 0);
  t.true(firsts.size > 70, `${firsts.size}`);
});

test('RFC 6056 §3.3.4: when all ports to a destination are used a connection is refused', (t) => {
  const all = ports(t, 16_385);
  t.is(all.at(-1), 0);
  t.is(new Set(all.slice(0, -1)).size, 16_384);
});
