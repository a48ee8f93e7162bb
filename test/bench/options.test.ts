/** Tests of the bench's command line. @module */
import test from 'ava';
import { readOptions, warmRuns } from '../../bench/link/options.ts';

test('bench options: without any, five runs of two seconds of everything', (t) => {
  const { only, runs, seconds, streams, idle } = readOptions([]);
  t.deepEqual(
    { only, runs, seconds, streams, idle },
    {
      only: [],
      runs: 5,
      seconds: 2,
      streams: [1, 10, 100, 1000],
      idle: 100_000,
    },
  );
});

test('bench options: --quick shortens what is not said otherwise', (t) => {
  const { runs, seconds, only } = readOptions(['--quick', '--runs', '7', '--only', 'echo, udp']);
  t.is(runs, 7);
  t.true(seconds < 1);
  t.deepEqual(only, ['echo', 'udp']);
});

test('bench options: two seconds are for the compiler, or what the measure takes, unless it is said', (t) => {
  const warm = (seconds: number | undefined, ...words: string[]): number =>
    warmRuns(readOptions(words), seconds);
  t.is(warm(undefined), 1);
  t.is(warm(undefined, '--seconds', '1'), 2);
  t.is(warm(8), 4);
  t.is(warm(8, '--seconds', '0.7'), 12);
  t.is(warm(8, '--quick'), 2);
  t.is(warm(8, '--warm', '0'), 0);
  t.is(warm(8, '--quick', '--warm', '3'), 3);
});

test('bench options: what is no number is refused', (t) => {
  t.throws(() => readOptions(['--seconds', 'long']), { instanceOf: RangeError });
  t.throws(() => readOptions(['--runs', '0']), { message: /--runs 0/ });
});
