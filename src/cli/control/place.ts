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

/**
 * The folders that may be it, the first that can be had is taken: the user's own for what runs (XDG Base
 * Directory, "XDG_RUNTIME_DIR"), the system's, one made for the user.
 */
export function controlFolders(): string[] {
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  const uid = process.getuid?.() ?? 0;
  return [
    ...(runtime?.startsWith('/') ? [join(runtime, 'tunstack')] : []),
    ...(uid === 0 ? ['/run/tunstack'] : []), // not writable for the root of a user namespace
    join(tmpdir(), `tunstack-${uid}`),
  ];
}

/** Make the folder, or see that it is ours: a stranger's in its place is refused. */
function ownFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: OWNERS });
  const { uid, mode } = lstatSync(folder);
  const isOurs = lstatSync(folder).isDirectory() && uid === (process.getuid?.() ?? uid);
  if (!isOurs) throw new Error(`${folder} is not a folder of ours`);
  if ((mode & 0o077) !== 0) chmodSync(folder, OWNERS);
}

/** The path for the socket of this process. Throws with the reason if no folder can be had. */
export function placeSocket(folders: readonly string[] = controlFolders()): string {
  let why: unknown;
  for (const folder of folders) {
    try {
      ownFolder(folder);
      return join(folder, `${process.pid}${SUFFIX}`);
    } catch (error) {
      why = error;
    }
  }
  throw why;
}

/** Where `nstat` keeps what it showed of the command behind a socket. */
export const historyOf = (socket: string): string => `${socket.replace(/\.sock$/, '')}.nstat`;

/** The sockets of processes that are alive, by the processes' numbers, the lowest first. */
export function running(folders: readonly string[] = controlFolders()): Map<number, string> {
  const found = folders.flatMap((folder) =>
    namesIn(folder)
      .filter((name) => /^\d+\.sock$/.test(name))
      .map((name): [number, string] => [Number(name.slice(0, -SUFFIX.length)), join(folder, name)]),
  );
  return new Map(found.filter(([pid]) => isAlive(pid)).sort(([a], [b]) => a - b));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nobody has made it yet
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
