/**
 * Another network namespace: a TUN is moved there, and becomes the way out of it. The packets still come
 * to this process, whose sockets stay where they are.
 * @module
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The file that names a namespace, by a process id, a name that `ip netns` knows, or its path. */
export function netnsPath(netns: string): string {
  if (/^\d+$/.test(netns)) return `/proc/${netns}/ns/net`;
  return netns.includes('/') ? netns : `/run/netns/${netns}`;
}

/** What is moved, and what it is to be there. */
export interface Moved {
  readonly name: string;
  /** With the length of its prefix. */
  readonly address: string;
  readonly mtu: number;
  /** The router on its link; undefined on a point-to-point device. */
  readonly via: string | undefined;
}

/** Run `ip`, in the namespace or here. Throws with what it says. */
async function ip(netns: string, name: string, inside: boolean, ...words: string[]): Promise<void> {
  const [program, ...args] = inside
    ? ['nsenter', `--net=${netnsPath(netns)}`, 'ip', ...words]
    : ['ip', ...words];
  try {
    await run(program as string, args);
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    throw new Error(`${name} cannot go into ${netns}: ${stderr.trim() || message}`);
  }
}

const by = (via: string | undefined): string[] => (via === undefined ? [] : ['via', via]);

/**
 * Move the interface `name` into `netns`, give it `address` (`10.83.0.1/24`) there, and make it the
 * default route, by the router `via` if there is one on its link. Throws with what `ip` says.
 */
export async function moveInto(netns: string, { name, address, mtu, via }: Moved): Promise<void> {
  // `ip` takes no paths below /proc: a process is named by its number.
  const path = netnsPath(netns);
  const [, pid] = /^\/proc\/(\d+)\/ns\/net$/.exec(path) ?? [];
  await ip(netns, name, false, 'link', 'set', 'dev', name, 'netns', pid ?? path);
  await ip(netns, name, true, 'addr', 'add', address, 'dev', name);
  await ip(netns, name, true, 'link', 'set', 'dev', name, 'mtu', `${mtu}`, 'up');
  await ip(netns, name, true, 'route', 'add', 'default', ...by(via), 'dev', name);
}

/**
 * The same for IPv6 of an interface that is there already. Throws where the namespace has none. Nobody else is on
 * that link but us, so it is not asked whether somebody has the address (RFC 4862 §5.4).
 */
export async function moveIPv6(
  netns: string,
  { name, address, via }: Omit<Moved, 'mtu'>,
): Promise<void> {
  await ip(netns, name, true, '-6', 'addr', 'add', address, 'dev', name, 'nodad');
  await ip(netns, name, true, '-6', 'route', 'add', 'default', ...by(via), 'dev', name);
}
