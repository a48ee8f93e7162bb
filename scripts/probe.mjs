/**
 * Can a TUN be opened here? Exit code 0 if so; if not 1, and the reason on standard output.
 * `unshare` and its like start it inside a namespace to ask the same of there.
 */
import { pathToFileURL } from 'node:url';

/** Why no TUN can be opened by this process; undefined if one can. Asks dist, so build first. */
export async function whyNoTun() {
  try {
    const { openTun } = await import('../dist/src/device/linux/tun.js');
    const tun = await openTun();
    await tun.close();
    return undefined;
  } catch (error) {
    return String(error?.message ?? error);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const reason = await whyNoTun();
  if (reason !== undefined) console.log(reason);
  process.exitCode = reason === undefined ? 0 : 1;
}
