/**
 * The round-trip estimate and the timeout made of it. RFC 6298 §2; more in test/rfc/rfc6298.test.ts.
 * @module
 */
import test from 'ava';
import { NEVER } from '../../../src/stack/base/clock.ts';
import { DEFAULTS } from '../../../src/stack/tcp/tcb/settings.ts';
import type { Tcb } from '../../../src/stack/tcp/tcb/tcb.ts';
import { backedOff, sampleRtt, setRto, srtt } from '../../../src/stack/tcp/timing/rtt.ts';
import { MS, S } from '../../support/lab.ts';

/** What the estimator reads and writes, and no more. */
const fresh = (settings = {}): Tcb =>
  ({
    settings: { ...DEFAULTS, ...settings },
    srtt8: -1,
    rttvar4: 0,
    rto: S,
    backoff: 0,
    minRtt: NEVER,
    minRttTime: 0,
    lastRtt: 0,
  }) as unknown as Tcb;

test('rtt: without a sample there is none, and the timeout is a second', (t) => {
  const tcb = fresh();
  setRto(tcb);
  t.is(tcb.rto, S);
  t.is(srtt(tcb, 77), 77);
});

test('rtt: the first sample R gives R + 4 * R/2', (t) => {
  const tcb = fresh({ minRto: 0 });
  sampleRtt(tcb, 100 * MS, 0);
  t.is(tcb.rto, 300 * MS);
});

test('rtt: a round trip of 30 microseconds is not rounded away', (t) => {
  const tcb = fresh();
  for (let i = 0; i < 100; i++) sampleRtt(tcb, 30, i);
  t.true(Math.abs(srtt(tcb, 0) - 30) < 1);
  t.is(tcb.minRtt, 30);
});

test('rtt: a constant round trip takes the variance away, down to the floor', (t) => {
  const tcb = fresh();
  for (let i = 0; i < 100; i++) sampleRtt(tcb, 80 * MS, i);
  t.true(Math.abs(tcb.rto - 280 * MS) < MS);
});

test('rtt: a sample of nothing counts as a microsecond', (t) => {
  const tcb = fresh();
  sampleRtt(tcb, 0, 0);
  sampleRtt(tcb, -5, 0);
  t.is(tcb.minRtt, 1);
  t.true(srtt(tcb, 0) > 0);
});

test('rtt: the least of all stands for five minutes', (t) => {
  const tcb = fresh();
  sampleRtt(tcb, 10 * MS, 0);
  sampleRtt(tcb, 50 * MS, 299 * S);
  t.is(tcb.minRtt, 10 * MS);
  sampleRtt(tcb, 50 * MS, 301 * S);
  t.is(tcb.minRtt, 50 * MS);
});

test('rtt: the back-off doubles up to the ceiling, and a sample ends it', (t) => {
  const tcb = fresh();
  sampleRtt(tcb, 100 * MS, 0);
  const waits = [0, 1, 2, 3].map((backoff) => {
    tcb.backoff = backoff;
    return backedOff(tcb);
  });
  t.deepEqual(waits, [300 * MS, 600 * MS, 1200 * MS, 2400 * MS]);
  tcb.backoff = 60;
  t.is(backedOff(tcb), 120 * S);
  sampleRtt(tcb, 100 * MS, 0);
  t.is(tcb.backoff, 0);
});
