/**
 * What is sent to port 7 of the stack comes back, over TCP and over UDP.
 *
 *     node dist/examples/echo-server.js        and then: echo hello | nc -N 10.83.0.2 7
 * @module
 */
import { createStack, openTun, type Stack } from 'tunstack';

export function serveEcho(stack: Stack, port: number): void {
  stack.net.createServer((socket) => socket.pipe(socket)).listen(port);

  const udp = stack.dgram.createSocket('udp4');
  udp.on('message', (message, from) => {
    // Port 0 wants no answer (RFC 768), and `send` throws there, as Node's does.
    if (from.port > 0) udp.send(message, from.port, from.address);
  });
  udp.bind(port);
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  serveEcho(createStack({ device: tun, address: '10.83.0.2/24' }), 7);
  console.log('try: echo hello | nc -N 10.83.0.2 7');
}
