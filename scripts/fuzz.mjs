/**
 * `npm run fuzz -- [packets] [seed]`: hostile packets into a stack; see test/fuzz/siege.ts.
 */
import { setUp } from './setup.mjs';

setUp();
const { besiege } = await import('../dist/test/fuzz/siege.js');
const packets = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
console.log(`${packets} packets; to repeat: npm run fuzz -- ${packets} ${seed}`);
console.log(besiege(seed, packets));
