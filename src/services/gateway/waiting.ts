/**
 * How much text may wait to be taken by one side of a relay before nothing more is read from the other: all relays
 * share `ALL_WAITING`, within bounds for each. A stream's own mark of 16 KiB is less than what sockets read at once:
 * with it (`pipe`) who sends would be paused and set going again for each piece, and who is paused closes his
 * window and keeps aside what comes meanwhile.
 * @module
 */
const MOST_WAITING = 1 << 20;
const LEAST_WAITING = 1 << 16;
const ALL_WAITING = 64 << 20;
let relays = 0;

/** A relay more (1), or one less (-1). */
export function countRelay(more: 1 | -1): void {
  relays += more;
}

/** How much may wait each way of one relay, in bytes. */
export const enough = (): number =>
  Math.min(MOST_WAITING, Math.max(LEAST_WAITING, ALL_WAITING / relays));
