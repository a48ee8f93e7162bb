/**
 * Node's own http server, on the stack.
 *
 *     node dist/examples/http-server.js        and then: curl http://10.83.0.2/
 * @module
 */
import type { Server } from 'node:http';
import { createStack, openTun, type Stack } from 'tunstack';

export function serveHttp(stack: Stack, port: number): Server {
  const server = stack.http.createServer((request, response) => {
    response.end(`Hello ${request.socket.remoteAddress}, this is ${request.url}.\n`);
  });
  return server.listen(port);
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  serveHttp(createStack({ device: tun, address: '10.83.0.2/24' }), 80);
  console.log('try: curl http://10.83.0.2/');
}
