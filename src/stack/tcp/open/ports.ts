/**
 * Ephemeral ports that a stranger cannot guess: RFC 6056 §3.3.4, double-hash port selection, with the random
 * increments of §3.3.5, under a key that is made anew every ten seconds.
 *
 * With a key that lasts, and a table of few counters that go up by one, whoever is connected to from here
 * learns by the collisions in the table which machine it is, and how many connections it opens to others
 * (CVE-2022-32296, CVE-2022-1012).
 * @module
 */
import type { Address } from '../../base/address.ts';
import { type Micros, SECOND } from '../../base/clock.ts';
import { below, type Random } from '../../base/random.ts';
import { makeKey, type SipKey, siphashAddresses } from '../../base/siphash.ts';

/** The range ephemeral ports come from: IANA's dynamic ports, RFC 6335 §6. */
export const FIRST_EPHEMERAL = 49_152;
export const LAST_EPHEMERAL = 65_535;
const RANGE = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
/** Groups of destinations. */
const GROUPS = 1 << 16;
/** A port is so far behind the one before at the most, as long as there are free ones. */
export const STRIDE = 8;
/** How long a key lasts. */
export const KEY_LIFE: Micros = 10 * SECOND;

export class Ports {
  readonly #random: Random;
  #key: SipKey;
  #keyed: Micros = Number.NEGATIVE_INFINITY;
  /** How far each group has come; made when a first port is asked for. */
  #counters: Uint16Array | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#key = makeKey(random);
  }

  /** A free port towards `remote`:`remotePort`, or 0. `isFree` is asked for one after the other. */
  pick(
    local: Address,
    remote: Address,
    remotePort: number,
    now: Micros,
    isFree: (port: number) => boolean,
  ): number {
    if (now - this.#keyed >= KEY_LIFE) {
      this.#key = makeKey(this.#random);
      this.#keyed = now;
    }
    this.#counters ??= new Uint16Array(GROUPS);
    const offset = siphashAddresses(this.#key, local, remote, remotePort) >>> 0;
    const group = siphashAddresses(this.#key, remote, local, ~remotePort) & (GROUPS - 1);
    let counter = (this.#counters[group] as number) + below(this.#random, STRIDE);
    for (let tries = 0; tries < RANGE; tries++) {
      // The remainder of a number above 2^31 is a double, and so would the port be.
      const port = (FIRST_EPHEMERAL + ((offset + counter) % RANGE)) | 0;
      counter++;
      if (!isFree(port)) continue;
      this.#counters[group] = counter % RANGE; // so that a full turn is no jump
      return port;
    }
    return 0;
  }
}
