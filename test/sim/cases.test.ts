/**
 * The simulations, as far as they are quick; `npm run sim -- --long` runs them at full length.
 * @module
 */
import test from 'ava';
import { CASES, runCase } from './cases.ts';

/** Seeds of `chaos` that one test takes, so that a failure comes soon and names its seed. */
const PIECE = 100;

for (const { name, about, seeds } of CASES) {
  for (let from = 1; from <= seeds[0]; from += PIECE) {
    const to = Math.min(from + PIECE - 1, seeds[0]);
    const which = from === to ? '' : `, seeds ${from} to ${to}`;
    test(`sim: ${name}, ${about}${which}`, (t) => {
      for (let seed = from; seed <= to; seed++) runCase(name, seed);
      t.pass();
    });
  }
}
