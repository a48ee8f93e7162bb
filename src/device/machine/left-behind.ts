/**
 * Paths of sockets that programs have left behind.
 * @module
 */
import { connect } from 'node:net';

const NOBODY: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT']);

/** Whether the socket at `path` is nobody's. One that is busy, takes datagrams or may not be asked is somebody's. unix(7). */
export function isLeftBehind(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(NOBODY.has(code)));
  });
}
