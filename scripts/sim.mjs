/**
 * `npm run sim`: build what is missing, then run the simulations; see test/sim/main.ts.
 */
import { setUp } from './setup.mjs';

setUp();
await import('../dist/test/sim/main.js');
