/** `npm run profile:heap`: set up, then say what the core allocates, by function. */
import { setUp } from './setup.mjs';

setUp();
await import('../dist/bench/allocations.js');
