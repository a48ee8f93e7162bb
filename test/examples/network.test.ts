/**
 * The examples of `tunstack/services`, with machines in memory: a sandbox that may reach one domain, and a web server
 * that is published.
 * @module
 */
import { once } from 'node:events';
import { get } from 'node:http';
import test from 'ava';
import { createPipe, createStack } from 'tunstack';
import type { AuditLine, Network } from 'tunstack/services';
import { publishServer } from '../../examples/published-server.ts';
import { makeSandbox } from '../../examples/sandbox.ts';
import { look, outside, say } from '../services/network/world.ts';

/** A machine on a network, which has set its address by itself. */
function machine(network: Network, address: string) {
  const [port, device] = createPipe({ medium: 'ethernet' });
  network.plug(port);
  return createStack({ device, address: `${address}/24`, gateway: network.address });
}

test('examples: a sandbox reaches its domain, and nothing else', async (t) => {
  const world = await outside();
  const lines: AuditLine[] = [];
  const network = makeSandbox('good.example', (line) => lines.push(line), world.options);
  await network.ready;
  const guest = machine(network, '10.83.0.15');
  t.teardown(async () => {
    await guest.close({ linger: 0 });
    await network.close();
    world.close();
  });
  t.is(await look(guest, 'evil.example'), undefined);
  t.is(await look(guest, 'good.example'), '198.51.100.1');
  const http = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  t.regex(await say(guest, '198.51.100.1', 80, http('good.example')), /^heard/);
  t.is(await say(guest, '198.51.100.1', 80, http('evil.example')), 'ECONNRESET');
  t.is(await say(guest, '198.51.100.1', 22, 'x'), 'ECONNREFUSED');
  t.is(await say(guest, '198.51.100.66', 80, http('good.example')), 'ECONNREFUSED');
  t.true(lines.some(({ event, name }) => event === 'open' && name === 'good.example'));
  t.is(lines.filter(({ event }) => event === 'deny').length, 3);
});

test('examples: a machine’s web server is read at a port of this host', async (t) => {
  const { network, published } = await publishServer(0);
  const guest = machine(network, '10.83.0.15');
  const server = guest.http.createServer((request, response) => {
    response.end(`to ${request.socket.remoteAddress}`);
  });
  await once(server.listen(80), 'listening');
  t.teardown(async () => {
    await guest.close({ linger: 0 });
    await network.close();
  });
  const [response] = await once(
    get(`http://127.0.0.1:${published.port}/`, { agent: false }),
    'response',
  );
  let text = '';
  for await (const piece of response) text += piece;
  t.is(text, 'to 10.83.0.1');
  t.is(published.flows, 1);
});
