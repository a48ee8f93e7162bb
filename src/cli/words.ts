/**
 * Numbers as people say them.
 * @module
 */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size as people say it: 999 B, 1.5 kB, 12 MB. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** 1 packet, 2 packets; what follows the noun follows it here, too: 1 packet/s. */
export const plural = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;
