/**
 * The paths of sockets: one that a program has left behind is in nobody's use.
 * @module
 */
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { isLeftBehind } from '../../device/machine/left-behind.ts';

/** Make room at `path` for a socket that listens; rejects with `EADDRINUSE` where that is somebody's, or no socket. */
export async function makeRoom(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket() || !(await isLeftBehind(path))) {
    const message = `listen EADDRINUSE: address already in use ${path}`;
    throw Object.assign(new Error(message), { code: 'EADDRINUSE' });
  }
  rmSync(path, { force: true });
}
