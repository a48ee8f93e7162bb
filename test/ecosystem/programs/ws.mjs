/** ws: small and large messages both ways, pings, and an orderly close. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

export async function serve(port, stack) {
  const server = (stack?.http ?? http).createServer();
  new WebSocketServer({ server, perMessageDeflate: true }).on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise((done) => server.listen(port, done));
}

export async function call(host, port, stack) {
  const socket = new WebSocket(`ws://${host}:${port}`, stack ? { agent: stack.agent() } : {});
  await once(socket, 'open');
  for (let i = 0; i < 500; i++) {
    socket.send(`message ${i}`);
    const [data] = await once(socket, 'message');
    assert.equal(String(data), `message ${i}`);
  }
  const large = Buffer.alloc(3_000_000, 'large ');
  socket.send(large);
  const [data] = await once(socket, 'message');
  assert.ok(large.equals(data));
  socket.ping('?');
  assert.equal(String((await once(socket, 'pong'))[0]), '?');
  socket.close(1000, 'done');
  assert.equal((await once(socket, 'close'))[0], 1000);
}
