/**
 * The queue of packets that wait for an interface.
 * @module
 */
import test from 'ava';
import { PacketQueue } from '../../src/stack/ip/queue.ts';
import { isSmall } from '../support/small.ts';

test('queue: packets come out in the order in which they came, round the end of the ring too', (t) => {
  const queue = new PacketQueue(40);
  const seen: number[] = [];
  let pushed = 0;
  for (let round = 0; round < 10; round++) {
    while (queue.push(pushed, pushed + 1)) pushed++;
    t.is(queue.length, 40);
    for (let i = 0; i < 25; i++, queue.shift()) {
      t.is(queue.size, queue.at + 1);
      seen.push(queue.at);
    }
  }
  t.deepEqual(
    seen,
    seen.map((_, i) => i),
  );
});

test('queue: it holds offsets up to the end of the largest memory', (t) => {
  const queue = new PacketQueue(1);
  queue.push(2 ** 32 - 65_536, 65_535);
  t.is(queue.at, 2 ** 32 - 65_536);
  t.is(queue.size, 65_535);
});

test('queue: offsets and sizes are small integers to V8', (t) => {
  const queue = new PacketQueue(1);
  queue.push(1_000_000, 1500);
  t.false(isSmall(1.5), 'the question can be answered by no');
  t.true(isSmall(queue.at));
  t.true(isSmall(queue.size));
});
