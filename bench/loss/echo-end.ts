/**
 * The two ends of the datagrams of `echo.ts`, in the kernels' processes.
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Receive } from './protocol.ts';

/** Between one datagram and the next, in milliseconds. */
const PAUSE = 3;
/** For what may still come when all are sent. */
const PATIENCE = 200;
const sockets = new Map<number, Socket>();

/** Send back what comes. */
export function echo({ id, address, port }: Receive): Promise<void> {
  const socket = createSocket('udp4');
  sockets.set(id, socket);
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  return new Promise((resolve) => socket.bind(port, address, resolve));
}

export function endEcho(id: number): void {
  sockets.get(id)?.close();
  sockets.delete(id);
}

export interface Ping {
  readonly address: string;
  readonly port: number;
  readonly count: number;
}

/** The round trips of `count` datagrams, in milliseconds. */
export async function ping({ address, port, count }: Ping): Promise<number[]> {
  const socket = createSocket('udp4');
  const times: number[] = [];
  socket.on('message', (message) => times.push(performance.now() - Number(message)));
  for (let i = 0; i < count; i++) {
    socket.send(String(performance.now()), port, address);
    await new Promise((done) => setTimeout(done, PAUSE));
  }
  await new Promise((done) => setTimeout(done, PATIENCE));
  socket.close();
  return times;
}
