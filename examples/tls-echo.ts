/**
 * What is said to port 7443 in private comes back, in capitals.
 *
 *     node dist/examples/tls-echo.js           and then: openssl s_client -connect 10.83.0.2:7443
 * @module
 */
import { Transform } from 'node:stream';
import type { Server } from 'node:tls';
import { createStack, openTun, type Stack } from 'tunstack';
import { cert, key } from './certificate.ts';

const capitals = (): Transform =>
  new Transform({
    transform: (chunk, _encoding, done) => done(null, String(chunk).toUpperCase()),
  });

export function serveCapitals(stack: Stack, port: number): Server {
  const server = stack.tls.createServer({ cert, key }, (socket) => {
    socket.on('error', () => {}); // whoever goes away is gone
    socket.pipe(capitals()).pipe(socket);
  });
  return server.listen(port);
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  serveCapitals(createStack({ device: tun, address: '10.83.0.2/24' }), 7443);
  console.log('try: openssl s_client -connect 10.83.0.2:7443');
}
