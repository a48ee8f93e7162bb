/**
 * The paths of sockets: one that a program has left behind is in nobody's use.
 * @module
 */
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/** Make room at `path` for a socket that listens; rejects with `EADDRINUSE` where that is somebody's, or no socket. */
export async function makeRoom(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket() || (await isServed(path))) {
    const message = `listen EADDRINUSE: address already in use ${path}`;
    throw Object.assign(new Error(message), { code: 'EADDRINUSE' });
  }
  unlinkSync(path);
}

/** Whether somebody answers at the socket. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
