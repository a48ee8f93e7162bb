/**
 * Where the control sockets of running commands stand: a folder that only its owner may enter, a socket
 * for each process, named by its number.
 * @module
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of the owner and nobody else. */
const OWNERS = 0o700;
const SUFFIX = '.sock';
/** Milliseconds. */
const NEW = 60_000;

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

/**
 * The sockets that somebody listens at, by the processes' numbers, the lowest first. A process that was killed leaves
 * its socket there, and its number is another's in time, or a thread's: so it is the socket that is asked.
 */
export async function running(
  folders: readonly string[] = controlFolders(),
): Promise<Map<number, string>> {
  const found = folders.flatMap((folder) =>
    namesIn(folder)
      .filter((name) => /^\d+\.sock$/.test(name))
      .map((name): [number, string] => [Number(name.slice(0, -SUFFIX.length)), join(folder, name)]),
  );
  const heard = await Promise.all(found.map(([, path]) => isHeard(path)));
  for (const [i, [, path]] of found.entries()) if (heard[i] === false) forget(path);
  return new Map(found.filter((_, i) => heard[i] === true).sort(([a], [b]) => a - b));
}

/** Whether somebody listens there; undefined where that cannot be told. */
function isHeard(path: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNREFUSED' ? false : undefined),
    );
  });
}

/** Remove what was left behind, unless it is so new that who made it may be about to listen. */
function forget(path: string): void {
  try {
    if (Date.now() - lstatSync(path).mtimeMs < NEW) return;
    for (const left of [path, historyOf(path)]) rmSync(left, { force: true });
  } catch {
    // It is gone, or not ours to remove.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nobody has made it yet
  }
}
