/** Drop reasons: numbers without holes, names without doubles. @module */
import test from 'ava';
import { DROP_COUNT, Drop, dropName, isIgnored, isOutbound } from '../../src/stack/base/drop.ts';

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

// RFC 1112 §7.2, RFC 1122 §2.4.
test('drop: what was for others is told from what is lost', (t) => {
  t.true(isIgnored(Drop.IP_NOT_MEMBER));
  t.true(isIgnored(Drop.LINK_NOT_OURS));
  t.false(isIgnored(Drop.IP_NOT_OURS));
  t.false(isIgnored(Drop.NONE));
  t.false(Object.values(Drop).some((reason) => isIgnored(reason) && isOutbound(reason)));
});
