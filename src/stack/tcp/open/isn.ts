/**
 * Initial sequence numbers and timestamp offsets that a stranger cannot guess.
 * RFC 9293 §3.4.1, RFC 6528 and RFC 7323 §5.4.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Micros } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { type Seq, seq } from '../../base/seq.ts';
import { makeKey, type SipKey, siphashAddresses } from '../../base/siphash.ts';

export class Secrets {
  readonly #isnKey: SipKey;
  readonly #stampKey: SipKey;

  constructor(random: Random) {
    this.#isnKey = makeKey(random);
    this.#stampKey = makeKey(random);
  }

  /** RFC 6528 §3: M + F(localip, localport, remoteip, remoteport); M ticks every 4 microseconds. */
  isn(local: Address, localPort: number, remote: Address, remotePort: number, now: Micros): Seq {
    const f = siphashAddresses(this.#isnKey, local, remote, (localPort << 16) | remotePort);
    return seq(Math.floor(now / 4) + f);
  }

  /** Where a connection's timestamps begin; an int32, in the clock's milliseconds. */
  stampOffset(local: Address, localPort: number, remote: Address, remotePort: number): number {
    return siphashAddresses(this.#stampKey, local, remote, (localPort << 16) | remotePort);
  }
}
