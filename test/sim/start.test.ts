/**
 * How a flow begins: neither held up by the receiver nor far beyond what the path holds.
 * @module
 */
import test from 'ava';
import { outstanding } from '../../src/stack/tcp/tcb/flight.ts';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';

const MS = 1000;

test('window: the receive buffer grows ahead of a sender that doubles its window', (t) => {
  const world = new World({ link: { delay: 50 * MS } });
  const flow = new Flow(world, 8e6);
  let held = 0;
  const { tcb } = flow;
  world.until(() => {
    if (outstanding(tcb) > 200_000 && outstanding(tcb) + tcb.mss > tcb.sndWnd) held++;
    return flow.done;
  }, 10e6);
  t.true(flow.done);
  t.is(held, 0);
});

test('hystart: a paced slow start ends when the queue begins to grow, not when it overflows', (t) => {
  // 100 Mbit/s and 100 ms: 833 packets under way, and as many in the queue.
  const link = { delay: 50 * MS, rate: 100e6, queuePackets: 833 };
  const flow = new Flow(new World({ link, back: { delay: 50 * MS } }), 30e6).finish(30);
  const { dropped } = flow.world.link.counters.out;
  t.true(dropped < 700, `${dropped} packets were dropped`);
  t.true(flow.goodput > 75e6, `${flow.goodput} bit/s`);
});
