/**
 * Randomness that nobody can guess, for what runs on a real machine. RFC 4086.
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { seedAddresses } from '../base/address-table.ts';
import type { Random } from '../base/random.ts';

/** The operating system's randomness, fetched 4 KiB at a time. */
export class SystemRandom implements Random {
  readonly #buffer = new Int32Array(1024);
  #at = this.#buffer.length;

  int32(): number {
    if (this.#at === this.#buffer.length) {
      randomFillSync(this.#buffer);
      this.#at = 0;
    }
    const value = this.#buffer[this.#at] as number; // `#at` is below the length here
    this.#buffer[this.#at++] = 0; // what was handed out cannot be read back
    return value;
  }
}

// For all stacks of the process, before the first of them has an address.
seedAddresses(new SystemRandom());
