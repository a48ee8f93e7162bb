/**
 * The examples of tunnels that need no TUN.
 * @module
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  createTunnelStack,
  formatKey,
  makePrivateKey,
  openDgram,
  openWireGuard,
  publicKeyFrom,
  systemRandom,
} from 'tunstack/tunnel';
import { tunnelOverLink } from '../../examples/tunnel-over-link.ts';
import { fetchInside } from '../../examples/wireguard-fetch.ts';

test('examples: fetch reads a page from inside a WireGuard network', async (t) => {
  const [server, client] = [makePrivateKey(systemRandom), makePrivateKey(systemRandom)];
  const transport = await openDgram({ createSocket }, { address: '127.0.0.1' });
  const config = [
    ...['[Interface]', `PrivateKey = ${formatKey(server)}`, 'Address = 10.66.0.1/24', '[Peer]'],
    ...[`PublicKey = ${formatKey(publicKeyFrom(client))}`, 'AllowedIPs = 10.66.0.2/32'],
  ].join('\n');
  const stack = createTunnelStack(await openWireGuard(config, { transport }));
  t.teardown(() => stack.close());
  const site = stack.http.createServer((request, response) => {
    response.end(`Hello ${request.socket.remoteAddress}.`);
  });
  site.listen(80);
  await once(site, 'listening');
  const file = [
    ...['[Interface]', `PrivateKey = ${formatKey(client)}`, 'Address = 10.66.0.2/32', '[Peer]'],
    ...[`PublicKey = ${formatKey(publicKeyFrom(server))}`, 'AllowedIPs = 10.66.0.0/24, ::/0'],
    `Endpoint = 127.0.0.1:${transport.port}`,
  ].join('\n');
  t.is(await fetchInside(file, 'http://10.66.0.1/'), 'Hello 10.66.0.2.');
});

test('examples: a tunnel over a link that loses carries text whole, and the capture holds none of it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'link.pcapng');
  const ends = await tunnelOverLink(file, 0.02);
  const server = ends.far.net.createServer({ allowHalfOpen: true }, (socket) =>
    socket.pipe(socket),
  );
  server.listen(7);
  await once(server, 'listening');
  const socket = ends.near.net.connect({ host: '10.66.0.2', port: 7, allowHalfOpen: true });
  const secret = 'nobody on the way may read this. '.repeat(4000);
  socket.end(secret);
  let text = '';
  for await (const piece of socket) text += piece;
  t.is(text, secret);
  await ends.close();
  const seen = readFileSync(file);
  t.true(seen.length > 2 * secret.length);
  t.false(seen.includes('nobody on the way'));
});
