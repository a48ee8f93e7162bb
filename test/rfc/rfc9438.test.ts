/**
 * RFC 9438, CUBIC: the window against the formulas, in segments and seconds.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Cubic } from '../../src/stack/tcp/congestion/cubic.ts';
import { Flow } from '../support/flow.ts';
import { MS, S } from '../support/lab.ts';

const C = 0.4;
const BETA = 0.7;

function near(t: ExecutionContext, value: number, wanted: number, share = 0.05): void {
  t.true(Math.abs(value - wanted) <= wanted * share, `${value} instead of ${wanted}`);
}

/** In congestion avoidance after a loss at a window of `at` segments. */
function lost(at: number, rtt = 100 * MS): Flow {
  const flow = new Flow(new Cubic(), at, at, rtt);
  flow.loss();
  return flow;
}

test('RFC 9438 §4.6: a loss leaves seven tenths of the window', (t) => {
  const flow = lost(100);
  near(t, flow.tcb.ssthresh, 70_000, 0.001);
});

test('RFC 9438 §4.6: ssthresh is two segments at least', (t) => {
  const flow = lost(2);
  t.is(flow.tcb.ssthresh, 2000);
});

test('RFC 9438 §4.2: the window follows the cubic function, to its plateau and beyond', (t) => {
  const flow = lost(200);
  const k = Math.cbrt((200 - 140) / C);
  const from = flow.now;
  const curve = (): number => C * ((flow.now - from) / S - k) ** 3 + 200;
  for (const time of [2, 2, 1.3, 2, 2]) {
    flow.run(time * S);
    near(t, flow.window, curve(), 0.04);
  }
});

test('RFC 9438 §4.4: at the time K the window is where the loss was', (t) => {
  const flow = lost(200);
  flow.run(Math.cbrt((200 - 140) / C) * S);
  near(t, flow.window, 200, 0.03);
});

test('RFC 9438 §4.2: in one round trip the window grows by half at the most', (t) => {
  const flow = lost(10, 5 * S);
  for (let i = 0; i < 10; i++) {
    const before = flow.window;
    flow.round();
    t.true(flow.window <= before * 1.5 + 1);
  }
});

test('RFC 9438 §4.3: where Reno would be faster it grows as Reno does', (t) => {
  const flow = lost(30, 10 * MS);
  const before = flow.window;
  const alpha = (3 * (1 - BETA)) / (1 + BETA);
  for (let i = 0; i < 10; i++) flow.round();
  near(t, flow.window - before, 10 * alpha, 0.15);
});

test('RFC 9438 §4.3: from the window of the loss on by a whole segment each round', (t) => {
  const flow = lost(30, 10 * MS);
  while (flow.window < 30.2) flow.round();
  const before = flow.window;
  for (let i = 0; i < 10; i++) flow.round();
  near(t, flow.window - before, 10, 0.15);
});

test('RFC 9438 §4.3: with fast convergence that is still the window of the loss', (t) => {
  const flow = lost(40, 10 * MS);
  flow.round();
  flow.loss(); // at about 28, below 40: the plateau is now at 24
  while (flow.window < 25) flow.round();
  const before = flow.window;
  flow.round();
  near(t, flow.window - before, (3 * (1 - BETA)) / (1 + BETA), 0.3);
});

test('RFC 9438 §4.7: a loss below the last plateau lowers the next one further', (t) => {
  const flow = lost(100, 500 * MS);
  flow.run(S); // to about 87
  const at = flow.window;
  flow.loss();
  const plateau = (at * (1 + BETA)) / 2;
  flow.run(Math.cbrt((plateau - flow.window) / C) * S);
  near(t, flow.window, plateau, 0.05);
});

test('RFC 9438 §4.8: after a timeout the curve begins where congestion avoidance does', (t) => {
  const flow = new Flow(new Cubic(), 200, 200);
  flow.timeout();
  near(t, flow.tcb.ssthresh, 140_000, 0.001);
  while (flow.tcb.cwnd < flow.tcb.ssthresh) flow.round();
  const from = flow.now;
  const before = flow.window;
  flow.run(3 * S);
  const time = (flow.now - from) / S;
  const alpha = (3 * (1 - BETA)) / (1 + BETA);
  const wanted = Math.max(before + C * time ** 3, before + alpha * time * 10);
  near(t, flow.window, wanted, 0.08);
});

test('RFC 9438 §4.9: what was undone goes on as if nothing had happened', (t) => {
  const one = lost(100);
  const other = lost(100);
  one.run(S);
  other.run(S);
  const { cwnd, ssthresh } = other.tcb;
  other.control.onLoss(other.tcb, cwnd, other.now);
  other.control.onUndo(other.tcb);
  Object.assign(other.tcb, { cwnd, ssthresh });
  one.run(3 * S);
  other.run(3 * S);
  near(t, other.window, one.window, 0.001);
});

test('RFC 9438 §4.9: nor does a needless timeout leave anything behind', (t) => {
  const one = lost(100);
  const other = lost(100);
  one.run(S);
  other.run(S);
  const { cwnd, ssthresh } = other.tcb;
  other.control.onTimeout(other.tcb, cwnd, other.now);
  other.control.onUndo(other.tcb);
  Object.assign(other.tcb, { cwnd, ssthresh });
  one.run(3 * S);
  other.run(3 * S);
  near(t, other.window, one.window, 0.001);
});

test('RFC 9438 §5.8: time in which nothing was sent does not move the curve', (t) => {
  const one = lost(100);
  const other = lost(100);
  one.run(S);
  other.run(S);
  other.now += 60 * S;
  other.control.onIdle(other.tcb, 60 * S, other.now);
  one.run(2 * S);
  other.run(2 * S);
  near(t, other.window, one.window, 0.02);
});

test('RFC 9438 §4.10: slow start goes by what is acknowledged', (t) => {
  const flow = new Flow(new Cubic(), 10, Number.POSITIVE_INFINITY);
  for (let i = 0; i < 4; i++) flow.round();
  t.is(flow.window, 160);
});
