/**
 * Names of the numbers that system calls fail with.
 * @module
 */
import { getSystemErrorName } from 'node:util';

/** `EAGAIN` for 11. */
export const errorName = (errno: number): string =>
  errno > 0 ? getSystemErrorName(-errno) : 'EUNKNOWN';
