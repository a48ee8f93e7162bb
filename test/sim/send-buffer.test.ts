/**
 * How far the send buffer grows: with the congestion window, so that the owner never holds the network up (Linux:
 * `tcp_sndbuf_expand`), but on a short path that never drops not beyond what the path has use for.
 * @module
 */
import test from 'ava';
import { outstanding } from '../../src/stack/tcp/tcb/flight.ts';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';

const MS = 1000;
const GBIT = 1e9;
const MIB = 1024 * 1024;

/** `rtt` in microseconds, `rate` in bit/s; nothing is ever dropped. */
function run(rtt: number, rate: number, bytes: number): { flow: Flow; held: number } {
  const link = { delay: rtt / 2, rate, queuePackets: 1_000_000 };
  const world = new World({ link, back: { delay: rtt / 2 } });
  const flow = new Flow(world, bytes, { listen: { receiveBufferMax: 64 * MIB } });
  const { tcb } = flow;
  let held = 0;
  world.until(() => {
    const { mss, cwnd, sndWnd, sendBuffer } = tcb;
    const out = outstanding(tcb) + mss;
    if (out > sendBuffer && out <= Math.min(cwnd, sndWnd) && sendBuffer < 16 * MIB) held++;
    return flow.done;
  }, 60e6);
  return { flow, held };
}

test('ack: a short path that never drops is kept full by a send buffer that a cache holds', (t) => {
  const { flow } = run(50, 10 * GBIT, 60e6); // 62 500 octets under way
  t.true(flow.done);
  t.true(flow.tcb.sendBuffer <= 1.25e6, `${flow.tcb.sendBuffer}`); // of a millisecond
  t.true(flow.goodput > 9 * GBIT, `${flow.goodput} bit/s`);
});

test('ack: a short path that is fast has a send buffer of several times what is under way', (t) => {
  const { flow } = run(2 * MS, 10 * GBIT, 60e6); // 2.5 MB under way
  t.true(flow.done);
  t.true(flow.tcb.sendBuffer > 5e6, `${flow.tcb.sendBuffer}`);
  t.true(flow.goodput > 7 * GBIT, `${flow.goodput} bit/s`);
});

test('ack: a long fat path is never held up by the send buffer', (t) => {
  const { flow, held } = run(100 * MS, GBIT, 60e6); // 12.5 MB under way
  t.true(flow.done);
  t.true(flow.tcb.sendBuffer >= 16 * MIB, `${flow.tcb.sendBuffer}`);
  t.is(held, 0);
});

test('ack: a path that has become long is not held to what was under way when it was short', (t) => {
  const link = { delay: 25, rate: GBIT, queuePackets: 1_000_000 };
  const world = new World({ link, back: { delay: 25 } });
  const flow = new Flow(world, 100e6, { listen: { receiveBufferMax: 64 * MIB } });
  world.until(() => flow.receiver.received > 20e6, 10e6);
  t.true(flow.tcb.sendBuffer <= MIB, `${flow.tcb.sendBuffer}`);
  world.link.change({ out: { ...link, delay: 50 * MS }, in: { delay: 25 } });
  world.until(() => flow.done, 60e6);
  t.true(flow.done);
  t.true(flow.tcb.sendBuffer > 2 * MIB, `${flow.tcb.sendBuffer}`);
});
