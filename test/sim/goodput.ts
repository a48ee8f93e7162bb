/**
 * The rows of `npm run bench:loss` in virtual time: what two stacks carry over the same links, whatever else the
 * machine does, so that two commits can be set beside each other.
 * @module
 */
import { ROWS, type Row, TURN_ROWS } from '../../bench/loss/rows.ts';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';

/** What makes the worlds: this checkout's, or another's. */
export interface Makers {
  readonly World: typeof World;
  readonly Flow: typeof Flow;
}

const MILLISECOND = 1000;
const SECOND = 1_000_000;
/** More than any link carries in a run. */
const ENDLESS = 1e10;
export const OURS: Makers = { World, Flow };

/** The rows whose key has one of `words` as a part of its name; all of them without. */
export const rowsOf = (words: readonly string[]): Row[] =>
  [...ROWS, ...TURN_ROWS].filter(
    ({ key }) => words.length === 0 || words.some((word) => `-${key}-`.includes(`-${word}-`)),
  );

/** One run: Mbit/s; of a row of turns, milliseconds of one in the mean, the answer's way included. */
export function runRow(row: Row, seed: number, makers: Makers = OURS): number {
  const { forth, back, roundTrip, seconds, turn } = row;
  const host = { grain: MILLISECOND }; // timers as coarse as Node's
  const world = new makers.World({ seed, link: forth, back, a: host, b: host });
  if (turn === undefined) {
    const flow = new makers.Flow(world, ENDLESS);
    world.run(seconds * SECOND);
    return flow.goodput / 1e6;
  }
  const settings = { noDelay: true };
  const { receiver, sender } = new makers.Flow(world, turn, {
    ...{ sender: { keepOpen: true }, settings },
  });
  const began = world.now;
  let turns = 0;
  for (; world.now - began < seconds * SECOND; turns++) {
    const wanted = (turns + 1) * turn;
    world.until(() => receiver.received >= wanted, seconds * SECOND);
    world.run((roundTrip / 2) * MILLISECOND);
    sender.send(turn);
  }
  return (world.now - began) / MILLISECOND / turns;
}

/** Several runs: their mean, and the standard error of it. */
export function measureRow(row: Row, seeds: number, makers: Makers = OURS): [number, number] {
  const runs = Array.from({ length: seeds }, (_, i) => runRow(row, i + 1, makers));
  const mean = runs.reduce((sum, one) => sum + one, 0) / seeds;
  const square = runs.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return [mean, Math.sqrt(square / Math.max(1, seeds - 1) / seeds)];
}
