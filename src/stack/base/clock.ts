/**
 * Time as the core knows it: a number of microseconds that only grows, handed in with every call.
 *
 * Microseconds, because a round trip over a TUN takes 30 of them. The zero is the caller's choice.
 * No file below `api/` may ask a clock; the real one is in `api/host.ts`.
 * @module
 */

/** A point in time or a span, in microseconds. */
export type Micros = number;

export const MILLISECOND: Micros = 1_000;
export const SECOND: Micros = 1_000_000;
export const MINUTE: Micros = 60_000_000;

/** The deadline of what is not due at all. */
export const NEVER: Micros = Number.POSITIVE_INFINITY;

/** Where the outside gets its time from. */
export interface Clock {
  /** Microseconds since some fixed moment, whole ones at best; never less than the time before. */
  now(): Micros;
}
