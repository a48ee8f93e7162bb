/**
 * HTTP/2 and HTTP/1.1 on one port, as the client wants.
 *
 *     node dist/examples/http2-server.js       and then: curl -k --http2 https://10.83.0.2/
 * @module
 */
import type { Http2SecureServer } from 'node:http2';
import { createStack, openTun, type Stack } from 'tunstack';
import { cert, key } from './certificate.ts';

export function serveHttp2(stack: Stack, port: number): Http2SecureServer {
  const options = { cert, key, allowHTTP1: true };
  const server = stack.http2.createSecureServer(options, (request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(`Hello ${request.socket.remoteAddress}, this is HTTP/${request.httpVersion}.\n`);
  });
  return server.listen(port);
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  serveHttp2(createStack({ device: tun, address: '10.83.0.2/24' }), 443);
  console.log('try: curl -k --http2 https://10.83.0.2/');
}
