/** socket.io: acknowledged events by polling and by WebSocket, rooms, binary. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';

export async function serve(port, stack) {
  const server = (stack?.http ?? http).createServer();
  new Server(server).on('connection', (socket) => {
    socket.on('echo', (value, reply) => reply(value));
    socket.on('join', (room, reply) => {
      socket.join(room);
      reply();
    });
    socket.on('all', (room, text) => socket.nsp.to(room).emit('text', text));
  });
  await new Promise((done) => server.listen(port, done));
}

export async function call(host, port, stack) {
  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    const agent = stack && { agent: stack.agent({ keepAlive: true }) };
    const options = { transports, forceNew: true, ...agent };
    const clients = [io(`http://${host}:${port}`, options), io(`http://${host}:${port}`, options)];
    await Promise.all(clients.map((client) => once(client, 'connect')));
    for (let i = 0; i < 50; i++) {
      assert.equal(await clients[0].emitWithAck('echo', `text ${i}`), `text ${i}`);
    }
    const binary = Buffer.alloc(100_000, 7);
    assert.ok(binary.equals(await clients[0].emitWithAck('echo', binary)));
    await Promise.all(clients.map((client) => client.emitWithAck('join', 'room')));
    const heard = clients.map((client) => once(client, 'text'));
    clients[0].emit('all', 'room', 'to all');
    assert.deepEqual(await Promise.all(heard), [['to all'], ['to all']]);
    for (const client of clients) client.close();
    agent?.agent.destroy();
  }
}
