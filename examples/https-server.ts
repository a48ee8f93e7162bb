/**
 * Node's own https server, on the stack. It says with which TLS it was asked.
 *
 *     node dist/examples/https-server.js       and then: curl -k https://10.83.0.2/
 * @module
 */
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { createStack, openTun, type Stack } from 'tunstack';
import { cert, key } from './certificate.ts';

export function serveHttps(stack: Stack, port: number): Server {
  const server = stack.https.createServer({ cert, key }, ({ socket, url }, response) => {
    const protocol = (socket as TLSSocket).getProtocol();
    response.end(`Hello ${socket.remoteAddress}, this is ${url} by ${protocol}.\n`);
  });
  return server.listen(port);
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  serveHttps(createStack({ device: tun, address: '10.83.0.2/24' }), 443);
  console.log('try: curl -k https://10.83.0.2/');
}
