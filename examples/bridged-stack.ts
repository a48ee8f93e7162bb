/**
 * A stack in a bridge of the kernel's, as one more host on that network: it gets its address by DHCP, if there is a
 * server, and serves a page.
 *
 *     ip link add br0 type bridge && ip link set br0 up
 *     node bridged-stack.js br0 [10.83.0.2/24]
 */
import { pathToFileURL } from 'node:url';
import { createStack, openTap, type Stack } from 'tunstack';
import { createDhcpClient } from 'tunstack/services';

/** A stack whose device is a port of `bridge`, with `address`, or what the network lends it. */
export async function joinBridge(bridge: string, address?: string): Promise<Stack> {
  const tap = await openTap({ bridge, offload: 'auto' });
  const stack = createStack({ device: tap, ...(address !== undefined && { address }) });
  if (address === undefined) await createDhcpClient(stack).ready;
  return stack;
}

/** Serve a page that says where it comes from. */
export function servePage(stack: Stack): void {
  const server = stack.http.createServer((_request, response) => {
    response.end(`from ${stack.address}, ${stack.hardwareAddress()}\n`);
  });
  server.listen(80);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [bridge = 'br0', address] = process.argv.slice(2);
  const stack = await joinBridge(bridge, address);
  servePage(stack);
  console.log(`http://${stack.address}/`);
}
