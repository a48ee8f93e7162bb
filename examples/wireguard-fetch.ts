/**
 * `fetch` from inside a WireGuard network: no root, no interface, no route of this host is touched. The file is the one
 * that `wg-quick` takes.
 *
 *     node dist/examples/wireguard-fetch.js tunnel.conf http://10.66.0.1/
 * @module
 */
import { readFileSync } from 'node:fs';
import { createTunnelStack, openWireGuard } from 'tunstack/tunnel';
import { fetch } from 'undici';

/** The text at `url`, an address of the network that `file` leads to. */
export async function fetchInside(file: string, url: string): Promise<string> {
  const stack = createTunnelStack(await openWireGuard(file));
  const dispatcher = stack.dispatcher();
  try {
    const response = await fetch(url, { dispatcher });
    return await response.text();
  } finally {
    await dispatcher.close();
    await stack.close();
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , path = 'tunnel.conf', url = 'http://10.66.0.1/'] = process.argv;
  console.log(await fetchInside(readFileSync(path, 'utf8'), url));
}
