/**
 * How a flow begins: neither held up by the receiver nor far beyond what the path holds.
 * @module
 */
import test from 'ava';
import { outstanding } from '../../src/stack/tcp/flight.ts';
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
