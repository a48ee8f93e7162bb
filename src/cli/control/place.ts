/**
 * Where the control sockets of running commands stand: a folder that only its owner may enter, a socket
 * for each process, named by its number.
 * @module
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of the owner and nobody else. */
const OWNERS = 0o700;
const SUFFIX = '.sock';

/** The folder: the user's own for what runs (XDG Base Directory, "XDG_RUNTIME_DIR"), or one made for it. */
export function controlFolder(): string {
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  const uid = process.getuid?.() ?? 0;
  if (runtime?.startsWith('/')) return join(runtime, 'tunstack');
  return uid === 0 ? '/run/tunstack' : join(tmpdir(), `tunstack-${uid}`);
}

/** Make the folder, or see that it is ours: a stranger's in its place is refused. */
export function ownFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: OWNERS });
  const { uid, mode } = lstatSync(folder);
  const isOurs = lstatSync(folder).isDirectory() && uid === (process.getuid?.() ?? uid);
  if (!isOurs) throw new Error(`${folder} is not a folder of ours`);
  if ((mode & 0o077) !== 0) chmodSync(folder, OWNERS);
}

export const socketOf = (pid: number, folder: string = controlFolder()): string =>
  join(folder, `${pid}${SUFFIX}`);

/** Where `nstat` keeps what it showed of the command behind a socket. */
export const historyOf = (socket: string): string => `${socket.replace(/\.sock$/, '')}.nstat`;

/** The numbers of the processes that have a socket there and are alive, the lowest first. */
export function running(folder: string = controlFolder()): number[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+\.sock$/.test(name))
    .map((name) => Number(name.slice(0, -SUFFIX.length)))
    .filter(isAlive)
    .sort((a, b) => a - b);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
