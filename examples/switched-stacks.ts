/**
 * Three machines on one Ethernet, in one process and without root: a switch, a stack for each of them, and
 * a page that two read from the third. Their ports are pinned, so that none can speak for another.
 *
 * To let this host's kernel in, plug a TAP into the switch as well: `plug(await openTap({ hostAddress }))`.
 *
 *     node dist/examples/switched-stacks.js
 * @module
 */
import { once } from 'node:events';
import { createPipe, createStack, createSwitch, type Stack, type Switch } from 'tunstack';

/** A stack at a port of its own, which takes frames from its addresses only. */
export function plugIn(bridge: Switch, address: string, mac: string): Stack {
  const [port, device] = createPipe({ medium: 'ethernet' });
  bridge.plug(port, { name: address, mac, ip: address });
  return createStack({ device, address: `${address}/24`, mac });
}

/** What a machine reads from another's port 80. */
export async function read(from: Stack, address: string): Promise<string> {
  const request = from.http.get(`http://${address}/`);
  const [response] = await once(request, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return text;
}

if (process.argv[1] === import.meta.filename) {
  const bridge = createSwitch();
  const [one, two, three] = [1, 2, 3].map((n) =>
    plugIn(bridge, `192.0.2.${n}`, `02:00:5e:00:53:0${n}`),
  ) as [Stack, Stack, Stack];
  const server = three.http.createServer((request, response) => {
    response.end(`Hello ${request.socket.remoteAddress}.\n`);
  });
  await once(server.listen(80), 'listening');
  process.stdout.write(await read(one, '192.0.2.3'));
  process.stdout.write(await read(two, '192.0.2.3'));
  for (const { mac, port, age } of bridge.stations()) {
    console.log(`${mac} at port ${port.name}, heard ${age.toFixed(1)} s ago`);
  }
  await Promise.all([one.close(), two.close(), three.close()]);
  await bridge.close();
}
