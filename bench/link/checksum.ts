/**
 * The checksum kernel on packets in their slots: the one figure of the goals that needs no link.
 * @module
 */
import { performance } from 'node:perf_hooks';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';
import { Checksum } from '../../src/stack/wire/checksum.ts';

const LENGTH = 1460;
const PACKETS = 64;
const ROUNDS = 2000;
const BEST_OF = 5;

/** GB/s over 64 packets of 1460 bytes each; the best of a few tries. */
export function checksumRate(): number {
  const slots = new Slots({ count: PACKETS, packetSize: 1500 });
  const kernel = new Checksum(slots.memory);
  const places = Array.from({ length: PACKETS }, () => slots.acquire() + HEADROOM + 40);
  let kept = 0;
  let best = 0;
  for (let attempt = 0; attempt < BEST_OF; attempt++) {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      for (const at of places) kept += kernel.sum(at, LENGTH);
    }
    const nanoseconds = (performance.now() - start) * 1e6;
    best = Math.max(best, (ROUNDS * PACKETS * LENGTH) / nanoseconds);
  }
  return kept < 0 ? 0 : best;
}
