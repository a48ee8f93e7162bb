/**
 * What the kernel's `ping` (iputils) says at its end.
 *
 * Without `-w` it waits for the last reply no longer than two of the longest round trips, or `-i`: on a busy machine
 * that is lost which came a little later. With `-w` it sends on until `-c` replies came, so it may have sent, and
 * heard, more than `-c` says; ping(8).
 * @module
 */

export interface Pinged {
  readonly transmitted: number;
  readonly received: number;
}

/** The counts in its summary. Throws if there is none. */
export function pinged(out: string): Pinged {
  const found = /(\d+) packets transmitted, (\d+) received/.exec(out);
  if (!found) throw new Error(`no summary of ping: ${out}`);
  return { transmitted: Number(found[1]), received: Number(found[2]) };
}
