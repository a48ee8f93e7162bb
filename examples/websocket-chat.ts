/**
 * A chat by WebSocket: the package `ws`, which knows nothing of this stack, on one of its http servers.
 *
 *     node dist/examples/websocket-chat.js     and then, twice: npx wscat -c ws://10.83.0.2/
 * @module
 */
import type { Server } from 'node:http';
import { createStack, openTun, type Stack } from 'tunstack';
import { WebSocket, WebSocketServer } from 'ws';

export function serveChat(stack: Stack, port: number): Server {
  const server = stack.http.createServer();
  const chat = new WebSocketServer({ server });
  chat.on('connection', (socket, { socket: { remoteAddress } }) => {
    socket.on('message', (message) => {
      for (const other of chat.clients) other.send(`${remoteAddress}: ${message}`);
    });
  });
  return server.listen(port);
}

/** The other way round: the stack is the client. */
export function joinChat(stack: Stack, url: string): WebSocket {
  return new WebSocket(url, { agent: stack.agent() });
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  serveChat(createStack({ device: tun, address: '10.83.0.2/24' }), 80);
  console.log('try: npx wscat -c ws://10.83.0.2/');
}
