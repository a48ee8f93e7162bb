/**
 * Flows that share a bottleneck: how evenly.
 * @module
 */
import type { CongestionName } from '../../src/stack/tcp/tcb/settings.ts';
import { type Watch, World } from '../support/world.ts';
import { Flow } from './flow.ts';

const SECOND = 1e6;
const ENOUGH = 1e12;

/**
 * Two flows of `congestion` over 50 Mbit/s and 20 ms, the second `later` seconds after the first; Jain's
 * index of what each of them carried in the minute after both had begun and ten seconds had passed.
 */
export function fairness(
  seed: number,
  congestion: CongestionName,
  later: number,
  watch: Watch = {},
): number {
  const link = { delay: 10_000, rate: 50e6, queuePackets: 100 };
  const world = new World({ seed, link, back: { delay: 10_000 }, watch });
  const settings = { congestion };
  const flows = [new Flow(world, ENOUGH, { port: 80, settings })];
  world.run(later * SECOND);
  flows.push(new Flow(world, ENOUGH, { port: 81, settings }));
  world.run(10 * SECOND);
  const before = flows.map((flow) => flow.receiver.received);
  world.run(60 * SECOND);
  for (const flow of flows) if (flow.wrong !== '') throw new Error(flow.wrong);
  return jain(flows.map((flow, i) => flow.receiver.received - (before[i] ?? 0)));
}

/** Jain, Chiu and Hawe's index: 1 if all are equal, 1/n if one has it all. */
function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  return (sum * sum) / (shares.length * squares);
}
