/**
 * The services on whatever has the face of node:net and node:dgram: tunstack's `stack.net`, or Node's.
 * @module
 */
import type { Socket as DgramSocket } from 'node:dgram';
import { createServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { Port } from './protocol.ts';

const zeros = Buffer.alloc(256 * 1024);

/** As much of net and dgram as is used here. */
export interface NetLike {
  createServer(options: { noDelay: boolean }, listener: (socket: Socket) => void): Server;
}
export interface DgramLike {
  createSocket(type: 'udp4' | 'udp6'): DgramSocket;
}

const BACKLOG = 4096;

export async function serveNet(net: NetLike, address: string): Promise<void> {
  const serve = (port: number, service: (socket: Socket) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const server = net.createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => {}); // clients end by reset
        service(socket);
      });
      server.on('error', reject);
      server.listen({ port, host: address, backlog: BACKLOG }, resolve);
    });
  await serve(Port.DISCARD, (socket) => socket.on('data', () => {}));
  await serve(Port.SOURCE, source);
  await serve(Port.ECHO, echo);
  const http = createServer((_request, response) => {
    response.end('hello from the other end\n');
  });
  await serve(Port.HTTP, (socket) => http.emit('connection', socket));
}

/** Write without end. */
export function source(socket: Socket): void {
  const pump = (): void => {
    while (!socket.destroyed && socket.write(zeros));
  };
  socket.on('drain', pump);
  socket.resume();
  pump();
}

function echo(socket: Socket): void {
  socket.on('data', (chunk) => {
    if (!socket.write(chunk)) socket.pause();
  });
  socket.on('drain', () => socket.resume());
}

export function serveDgram(dgram: DgramLike, address: string): Promise<void> {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.bind(Port.ECHO, address, resolve);
  });
}
