/**
 * How many ICMP errors may leave in a second. RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f).
 *
 * By kind, so that a flood which meets one does not silence another; by destination, before all; and how many
 * there are for all is not to be known, for a count that strangers share tells one which ports another has
 * met (CVE-2020-25705). Each version of IP has its own.
 * @module
 */
import type { Random } from '../base/random.ts';
import { Ration } from '../base/ration.ts';

/** How many errors of one kind may leave in a second. */
export interface ErrorRate {
  /** To all: by chance down to half of it. */
  readonly all: number;
  /** To one destination. */
  readonly each: number;
}

export interface ErrorRates {
  /** "Fragmentation needed", "packet too big": without it a path that takes less is a black hole. */
  readonly tooBig: ErrorRate;
  /** Each of the others: unreachable, time exceeded, parameter problem. */
  readonly others: ErrorRate;
}

/** Linux allows 1000 of all kinds together, one to each destination, and leaves "too big" unlimited. */
export const DEFAULT_ERROR_RATES: ErrorRates = {
  tooBig: { all: 10_000, each: 250 },
  others: { all: 1000, each: 100 },
};

/** One ration for each kind of error. */
export class ErrorRations {
  readonly tooBig: Ration;
  readonly unreachable: Ration;
  readonly timeExceeded: Ration;
  readonly parameterProblem: Ration;

  constructor(random: Random, rates: ErrorRates) {
    const ration = ({ all, each }: ErrorRate): Ration => new Ration(random, all, each);
    this.tooBig = ration(rates.tooBig);
    this.unreachable = ration(rates.others);
    this.timeExceeded = ration(rates.others);
    this.parameterProblem = ration(rates.others);
  }
}
