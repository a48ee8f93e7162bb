/**
 * The paths of sockets: one that a program has left behind is in nobody's use.
 * @module
 */
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';

const NOBODY: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT']);

/** Make room at `path` for a socket that listens; rejects with `EADDRINUSE` where that is somebody's, or no socket. */
export async function makeRoom(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket() || (await isServed(path))) {
    const message = `listen EADDRINUSE: address already in use ${path}`;
    throw Object.assign(new Error(message), { code: 'EADDRINUSE' });
  }
  rmSync(path, { force: true });
}

/** Whether it is somebody's: so is one that is busy, or takes datagrams, or may not be asked. unix(7). */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(!NOBODY.has(code)));
  });
}
