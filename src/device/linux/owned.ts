/**
 * Descriptors that end with the environment that opened them, be it the process or a worker.
 *
 * What a system call of ours opens is unknown to Node, and outlives a worker that is terminated: no
 * code of ours runs then. What `fs.openSync` opens in a worker, Node closes when the worker ends
 * (`trackUnmanagedFds` of `new Worker`, on unless told otherwise). So a device is opened by that, and a
 * descriptor that was passed on takes the place of one that was.
 * @module
 */
import { closeSync, constants, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { DeviceError, openError } from '../errors.ts';
import { errnoName, type Libc, O } from './libc.ts';

/** Open a device of the system for reading and writing, without blocking. */
export function openOwned(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    throw openError((error as NodeJS.ErrnoException).code ?? 'EUNKNOWN', path);
  }
}

/** Make `fd` ours; in a worker it gets another number. */
export function adoptOwned(libc: Libc, fd: number): number {
  if (isMainThread) return fd;
  const owned = openSync(devNull, 'r');
  if (libc.dup3(fd, owned, O.CLOEXEC) < 0) {
    const code = errnoName(libc.errno());
    closeSync(owned);
    throw new DeviceError(code, `descriptor ${fd} cannot be taken over`, 'dup3');
  }
  libc.close(fd);
  return owned;
}

/** Close what one of these gave. */
export function closeOwned(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Somebody else has closed it: it is closed.
  }
}
