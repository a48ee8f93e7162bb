/** Drop reasons: numbers without holes, names without doubles. @module */
import test from 'ava';
import { DROP_COUNT, Drop, dropName, isOutbound } from '../../src/stack/base/drop.ts';

const isRange = (numbers: number[]): boolean =>
  numbers.toSorted((a, b) => a - b).every((n, i) => n === i);

test('drop: the reasons are numbered from 0 without a hole', (t) => {
  t.true(isRange(Object.values(Drop)));
  t.is(DROP_COUNT, Object.values(Drop).length);
});

test('drop: each reason has a name of its own', (t) => {
  const names = Object.values(Drop).map(dropName);
  t.is(new Set(names).size, names.length);
  t.is(dropName(Drop.TCP_BAD_ACK), 'tcpBadAck');
  t.is(dropName(Drop.NONE), 'none');
});

test('drop: the reasons about packets on their way out come last', (t) => {
  t.false(isOutbound(Drop.TCP_LIMIT));
  t.true(isOutbound(Drop.OUT_NO_SLOT));
  t.true(isOutbound(Drop.LOOPBACK_FULL));
});
