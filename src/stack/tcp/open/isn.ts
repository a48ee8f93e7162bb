/**
 * Initial sequence numbers, timestamp offsets and ports that a stranger cannot guess.
 * RFC 9293 §3.4.1, RFC 6528, RFC 7323 §5.4 and RFC 6056.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Micros } from '../../base/clock.ts';
import { below, type Random } from '../../base/random.ts';
import { type Seq, seq } from '../../base/seq.ts';
import { makeKey, type SipKey, siphash } from '../../base/siphash.ts';

/** The range ephemeral ports come from: IANA's dynamic ports, RFC 6335 §6. */
export const FIRST_EPHEMERAL = 49_152;
export const LAST_EPHEMERAL = 65_535;
const RANGE = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
const TABLE = 64;

export class Secrets {
  readonly #isnKey: SipKey;
  readonly #stampKey: SipKey;
  readonly #portKey: SipKey;
  /** RFC 6056 §3.3.4: one counter for each of many groups of destinations. */
  readonly #counters: Uint16Array = new Uint16Array(TABLE);

  constructor(random: Random) {
    this.#isnKey = makeKey(random);
    this.#stampKey = makeKey(random);
    this.#portKey = makeKey(random);
    for (let i = 0; i < TABLE; i++) this.#counters[i] = below(random, RANGE);
  }

  /** RFC 6528 §3: M + F(localip, localport, remoteip, remoteport); M ticks every 4 microseconds. */
  isn(local: Address, localPort: number, remote: Address, remotePort: number, now: Micros): Seq {
    const f = siphash(this.#isnKey, local, remote, (localPort << 16) | remotePort);
    return seq(Math.floor(now / 4) + f);
  }

  /** Where a connection's timestamps begin; an int32, in the clock's milliseconds. */
  stampOffset(local: Address, localPort: number, remote: Address, remotePort: number): number {
    return siphash(this.#stampKey, local, remote, (localPort << 16) | remotePort);
  }

  /**
   * A free port towards `remote`:`remotePort`, or 0. RFC 6056 §3.3.4, double-hash port selection:
   * `isFree` is asked for one candidate after the other.
   */
  port(
    local: Address,
    remote: Address,
    remotePort: number,
    isFree: (port: number) => boolean,
  ): number {
    const offset = siphash(this.#portKey, local, remote, remotePort) >>> 0;
    const group = siphash(this.#portKey, remote, local, ~remotePort) & (TABLE - 1);
    let counter = this.#counters[group] as number; // the mask keeps it below TABLE
    for (let tries = 0; tries < RANGE; tries++) {
      const port = FIRST_EPHEMERAL + ((offset + counter) % RANGE);
      counter = (counter + 1) & 0xffff;
      if (!isFree(port)) continue;
      this.#counters[group] = counter;
      return port;
    }
    return 0;
  }
}
