/**
 * RFC 9406, HyStart++: when slow start ends without a loss.
 * @module
 */
import test from 'ava';
import { Cubic } from '../../src/stack/tcp/congestion/cubic.ts';
import { Flow } from '../support/flow.ts';
import { MS } from '../support/lab.ts';

const flowOf = (rtt = 100 * MS): Flow => new Flow(new Cubic(), 10, Number.POSITIVE_INFINITY, rtt);

test('RFC 9406 §4.2: while the delay stays slow start goes on', (t) => {
  const flow = flowOf();
  for (let i = 0; i < 6; i++) flow.round(100 * MS + (i % 2) * 3 * MS);
  t.is(flow.window, 640);
});

test('RFC 9406 §4.2: a delay that rises makes the window grow a quarter as fast', (t) => {
  const flow = flowOf();
  flow.round();
  flow.round();
  flow.round(113 * MS); // by more than an eighth; slow start until eight samples are in
  const before = flow.window;
  flow.round(113 * MS);
  t.true(flow.window <= before * 1.25 + 1, `${flow.window} after ${before}`);
  t.true(flow.window >= before * 1.2);
});

test('RFC 9406 §4.2: after five such rounds slow start ends', (t) => {
  const flow = flowOf();
  flow.round();
  flow.round();
  for (let i = 0; i < 6; i++) {
    t.is(flow.tcb.ssthresh, Number.POSITIVE_INFINITY);
    flow.round(120 * MS);
  }
  t.true(flow.tcb.ssthresh < Number.POSITIVE_INFINITY);
});

test('RFC 9406 §4.2: a delay that falls again makes slow start go on', (t) => {
  const flow = flowOf();
  flow.round();
  flow.round();
  flow.round(120 * MS);
  flow.round(100 * MS);
  flow.round(100 * MS);
  const before = flow.window;
  flow.round(100 * MS);
  t.is(flow.window, before * 2);
});

test('RFC 9406 §4.2: fewer than eight samples say nothing', (t) => {
  const flow = new Flow(new Cubic(), 2, Number.POSITIVE_INFINITY);
  flow.round();
  flow.round(150 * MS);
  t.is(flow.window, 8);
});

for (const [rtt, threshold] of [
  [10, 4],
  [80, 10],
  [400, 16],
] as const) {
  test(`RFC 9406 §4.3: at a delay of ${rtt} ms a rise by ${threshold} ms counts, less does not`, (t) => {
    for (const [rise, counts] of [
      [threshold - 1, false],
      [threshold, true],
    ] as const) {
      const flow = flowOf(rtt * MS);
      flow.round();
      flow.round();
      flow.round((rtt + rise) * MS);
      const before = flow.window;
      flow.round((rtt + rise) * MS);
      t.is(flow.window < before * 2 - 1, counts);
    }
  });
}

test('RFC 9406 §4.2: a loss ends it', (t) => {
  const flow = flowOf();
  flow.round();
  flow.round(120 * MS);
  flow.loss();
  const before = flow.window;
  flow.round();
  t.true(flow.window < before + 2);
});

test('RFC 9406 §4.3: only the first slow start is watched, others are plain', (t) => {
  const flow = flowOf();
  flow.round();
  flow.round();
  for (let i = 0; i < 6; i++) flow.round(120 * MS);
  const { tcb } = flow;
  t.true(tcb.ssthresh < Number.POSITIVE_INFINITY);
  tcb.cwnd = 10_000; // as after an idle time
  for (const [rtt, window] of [
    [100, 20],
    [150, 40],
    [200, 80],
  ] as const) {
    flow.round(rtt * MS);
    t.is(flow.window, window);
  }
});
