/**
 * `npm run sim`: build what is missing, then run the simulations; see test/sim/main.ts. `--against REV`, with
 * `--goodput`: another commit beside this one, built in a worktree that goes away again.
 */
import { openBaseline, takeAgainst } from './baseline.mjs';
import { setUp } from './setup.mjs';

const { rest, rev } = takeAgainst(process.argv.slice(2));
setUp();
process.argv.splice(2, Number.POSITIVE_INFINITY, ...rest);
const other = rev === undefined ? undefined : openBaseline(rev);
if (other !== undefined) process.env['SIM_AGAINST'] = other.folder;
try {
  await import('../dist/test/sim/main.js');
} finally {
  other?.remove();
}
