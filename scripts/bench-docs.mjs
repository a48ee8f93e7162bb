/** `npm run bench:docs`: set up, then fill docs/speed.md and README.md from the last results. */
import { setUp } from './setup.mjs';

setUp();
await import('../dist/bench/link/docs.js');
