/**
 * The addresses that an interface's last good packet of IPv6 had. RFC 8200 §3.
 *
 * The next packet is likely to have the same, and then 32 octets are compared, which says all of them: which
 * addresses they are, that they can be true, whether the destination is ours, what they add to the
 * pseudo-header. Otherwise both are hashed and looked up, and asked about one by one. Measured (bench/tcp.bench.ts): a pure
 * ACK of IPv6 takes 0.9 to 1.0 of what one of IPv4 takes, and 1.8 without this; a segment in order 1.05, and 1.3.
 * @module
 */
import { type Address, ANY, drop, hold, sumOfOctets } from '../base/address.ts';
import { SOURCE_AT } from '../wire/ipv6.ts';

const WORDS = 8;

export class Pair {
  /** `ANY`: there was none. */
  source: Address = ANY;
  destination: Address = ANY;
  /** The destination, if it is one of ours; else `ANY`. */
  ours: Address = ANY;
  /** What both add to the sum of a pseudo-header. */
  sum = 0;
  /** As they are on the wire. */
  readonly #words: Int32Array = new Int32Array(WORDS);

  /** True if the packet at `at` has the same. */
  isOf(v: DataView, at: number): boolean {
    const w = this.#words;
    const from = at + SOURCE_AT;
    // From the last word on: it is there that addresses differ.
    return (
      v.getInt32(from + 12) === w[3] &&
      v.getInt32(from + 28) === w[7] &&
      v.getInt32(from + 8) === w[2] &&
      v.getInt32(from + 24) === w[6] &&
      v.getInt32(from + 4) === w[1] &&
      v.getInt32(from + 20) === w[5] &&
      v.getInt32(from) === w[0] &&
      v.getInt32(from + 16) === w[4] &&
      this.source !== ANY
    );
  }

  /** Remember those of the packet at `at`, which are good. */
  keep(v: DataView, at: number, source: Address, destination: Address, isOurs: boolean): void {
    hold(source);
    hold(destination);
    this.forget();
    this.source = source;
    this.destination = destination;
    this.ours = isOurs ? destination : ANY;
    this.sum = sumOfOctets(source) + sumOfOctets(destination);
    for (let i = 0; i < WORDS; i++) this.#words[i] = v.getInt32(at + SOURCE_AT + 4 * i);
  }

  /** What is ours has changed, or the interface is gone. */
  forget(): void {
    drop(this.source);
    drop(this.destination);
    this.source = ANY;
    this.destination = ANY;
    this.ours = ANY;
  }
}
