/**
 * How true the emulated link is: round trips of datagrams over one that is idle, kernel to kernel.
 * @module
 */
import { spread } from '../support/spread.ts';
import type { Bench } from './bench.ts';

/** Round trips in milliseconds; what the two programs at the ends take is in them. */
export interface EchoTimes {
  /** What the link was told. */
  readonly told: number;
  readonly shortest: number;
  readonly median: number;
  readonly p99: number;
}

const ROUND_TRIP = 10;
const COUNT = 200;
const PORT = 7007;

export async function measureEcho(bench: Bench): Promise<EchoTimes> {
  const id = bench.network();
  const near = { tun: `a${id}`, host: 1 };
  const far = { tun: `b${id}`, host: 100 };
  const way = { delay: (ROUND_TRIP / 2) * 1000 };
  await bench.open({ id, left: [near], right: far, forth: way, back: way, seed: 1 });
  const address = `10.9.${id}.100`;
  await bench.configure(bench.near, { device: near.tun, address: `10.9.${id}.1/24` });
  await bench.configure(bench.far, { device: far.tun, address: `${address}/24` });
  await bench.far.call('echo', { id, address, port: PORT });
  const times = await bench.near.call<number[]>('ping', { address, port: PORT, count: COUNT });
  await bench.far.call('endEcho', id);
  await bench.close(id);
  times.sort((a, b) => a - b);
  const shortest = spread(times);
  if (shortest === undefined) throw new Error('no datagram came back over the emulated link');
  const p99 = times[Math.floor(times.length * 0.99)] ?? shortest.max;
  return { told: ROUND_TRIP, shortest: shortest.min, median: shortest.median, p99 };
}
