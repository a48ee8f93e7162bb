/**
 * A machine with a web server that this host publishes: what connects to a port here is passed on to the machine,
 * which sees who it is from by PROXY v2, or sees the gateway.
 *
 *     node dist/examples/published-server.js /tmp/machine.sock 8080
 *
 * The machine gets 10.83.0.15, whichever it is, and serves its port 80.
 * @module
 */
import { listenForMachines } from 'tunstack';
import {
  createNetwork,
  type Network,
  type NetworkOptions,
  type PublishedPort,
} from 'tunstack/services';

const MACHINE = '10.83.0.15';

/** A network with room for one machine, whose port 80 is `port` of this host's loopback; 0: one that is free. */
export async function publishServer(
  port: number,
  options: NetworkOptions = {},
): Promise<{ network: Network; published: PublishedPort }> {
  const network = createNetwork({ pool: [MACHINE, MACHINE], ...options });
  await network.ready;
  const published = await network.publish({ port, guest: MACHINE, guestPort: 80 });
  return { network, published };
}

if (process.argv[1] === import.meta.filename) {
  const [, , path = '/tmp/machine.sock', port = '8080'] = process.argv;
  const { network, published } = await publishServer(Number(port));
  await listenForMachines({ path }, (device) => network.plug(device));
  network.dhcp.on('lease', ({ address, name }) => console.log(`${name || 'it'} has ${address}`));
  console.log(`http://127.0.0.1:${published.port}/ leads to ${MACHINE}`);
}
