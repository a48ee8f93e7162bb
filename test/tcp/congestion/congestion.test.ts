/**
 * What every congestion control must do, held against each of them. RFC 5681.
 * @module
 */
import test from 'ava';
import { Cubic } from '../../../src/stack/tcp/congestion/cubic.ts';
import { NewReno } from '../../../src/stack/tcp/congestion/newreno.ts';
import type { CongestionControl } from '../../../src/stack/tcp/tcb/tcb.ts';
import { Flow } from '../../support/flow.ts';
import { MS, S } from '../../support/lab.ts';

const algorithms: Record<string, () => CongestionControl> = {
  newreno: () => new NewReno(),
  cubic: () => new Cubic(),
};
const NEVER = Number.POSITIVE_INFINITY;

for (const [name, make] of Object.entries(algorithms)) {
  test(`${name}: has its name`, (t) => {
    t.is(make().name, name);
  });

  test(`${name}: slow start doubles the window in a round trip`, (t) => {
    const flow = new Flow(make(), 10, NEVER);
    flow.round();
    t.is(flow.window, 20);
    flow.round();
    t.is(flow.window, 40);
  });

  test(`${name}: slow start does not go beyond ssthresh`, (t) => {
    const flow = new Flow(make(), 10, 15);
    flow.round();
    t.true(flow.window >= 15 && flow.window < 17, `${flow.window}`);
  });

  test(`${name}: in congestion avoidance the window never falls, and grows by half at most`, (t) => {
    for (const rtt of [MS, 20 * MS, 300 * MS]) {
      const flow = new Flow(make(), 50, 50, rtt);
      for (let i = 0; i < 40; i++) {
        const before = flow.window;
        flow.round();
        t.true(flow.window >= before && flow.window <= before * 1.5 + 1);
      }
    }
  });

  test(`${name}: a loss lowers ssthresh, below the window and to two segments at least`, (t) => {
    for (const cwnd of [1, 2, 3, 10, 1000]) {
      const flow = new Flow(make(), cwnd, cwnd);
      flow.loss();
      t.true(flow.tcb.ssthresh >= 2000);
      t.true(flow.tcb.ssthresh <= Math.max(2000, 0.7 * cwnd * 1000 + 1));
    }
  });

  test(`${name}: a timeout lowers ssthresh likewise`, (t) => {
    const flow = new Flow(make(), 100, 100);
    flow.timeout();
    t.true(flow.tcb.ssthresh >= 50_000 && flow.tcb.ssthresh <= 70_000);
  });

  test(`${name}: after a loss it comes back to the old window, and beyond it`, (t) => {
    const flow = new Flow(make(), 60, 60, 50 * MS);
    flow.loss();
    flow.run(20 * S);
    t.true(flow.window > 60, `${flow.window}`);
  });

  test(`${name}: the window stays a number, whatever comes`, (t) => {
    const flow = new Flow(make(), 10, NEVER, 30 * MS);
    for (let i = 0; i < 200; i++) {
      if (i % 17 === 3) flow.loss();
      if (i % 41 === 7) flow.timeout();
      if (i % 29 === 5) {
        flow.now += S;
        flow.control.onIdle(flow.tcb, S, flow.now);
      }
      if (i % 23 === 9) flow.control.onUndo(flow.tcb);
      flow.round();
      t.true(Number.isFinite(flow.tcb.cwnd) && flow.tcb.cwnd >= 1000, `${flow.tcb.cwnd}`);
    }
  });

  test(`${name}: an ACK of nothing changes nothing`, (t) => {
    const flow = new Flow(make(), 50, 50);
    flow.control.onAck(flow.tcb, 0, flow.now);
    t.is(flow.window, 50);
  });
}

test('newreno: half the flight is left after a loss', (t) => {
  const flow = new Flow(new NewReno(), 40, 40);
  flow.loss();
  t.is(flow.window, 20);
});

test('newreno: a window acknowledged adds a segment, in however many ACKs', (t) => {
  for (const size of [100, 1000, 5000, 20_000]) {
    const flow = new Flow(new NewReno(), 20, 20);
    for (let done = 0; done < 20_000; done += size) flow.control.onAck(flow.tcb, size, flow.now);
    t.is(flow.window, 21);
  }
});
