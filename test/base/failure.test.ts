/** Failures: numbers without holes, each with Node’s code. @module */
import test from 'ava';
import { Failure, failureCode } from '../../src/stack/base/failure.ts';

const isRange = (numbers: number[]): boolean =>
  numbers.toSorted((a, b) => a - b).every((n, i) => n === i);

test('failure: every failure but NONE has a code of Node’s', (t) => {
  t.true(isRange(Object.values(Failure)));
  t.is(failureCode(Failure.NONE), '');
  for (const failure of Object.values(Failure)) {
    if (failure !== Failure.NONE) t.regex(failureCode(failure), /^E[A-Z]+$/);
  }
});

test('failure: the codes are those that a socket of Node’s would give', (t) => {
  t.is(failureCode(Failure.REFUSED), 'ECONNREFUSED');
  t.is(failureCode(Failure.RESET), 'ECONNRESET');
  t.is(failureCode(Failure.TIMED_OUT), 'ETIMEDOUT');
  t.is(failureCode(Failure.HOST_UNREACHABLE), 'EHOSTUNREACH');
  t.is(failureCode(Failure.PIPE), 'EPIPE');
  t.is(failureCode(Failure.ADDRESS_IN_USE), 'EADDRINUSE');
});
