/**
 * Running something in a network namespace of its own, where making interfaces harms nobody.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './build.mjs';

/** Loopback is down in a new namespace; where there is no `ip`, it stays so. */
const WITH_LOOPBACK = 'ip link set lo up 2>/dev/null; exec "$@"';

/** As those who are not root do it: root of a user namespace, and of a network in it. */
export const USER = ['-U', '-r', '-n'];
export const isRoot = () => process.getuid?.() === 0;

/**
 * How to run a program in a private namespace where a TUN can be opened, in one of these `ways`: as
 * root a network namespace is enough. `wrap(words)` is the command line; or, with `reason`, why it
 * cannot be done.
 */
export function privateNetwork(ways = isRoot() ? [['-n'], USER] : [USER]) {
  let reason = 'it needs Linux';
  if (process.platform !== 'linux') return { reason };
  for (const flags of ways) {
    const wrap = (words) => ['unshare', ...flags, 'sh', '-c', WITH_LOOPBACK, 'sh', ...words];
    const [program, ...args] = wrap([process.execPath, join(root, 'scripts/probe.mjs')]);
    const probe = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
    if (probe.status === 0) return { wrap };
    const said = probe.stdout?.trim() || probe.stderr?.trim() || probe.error?.message;
    reason = `\`unshare ${flags.join(' ')}\`: ${said?.split('\n')[0] ?? 'failed'}`;
  }
  return { reason };
}
