/**
 * Ways out for flows: sockets of this host, directly or through a proxy.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ForwardOptions } from './options.ts';
import { associate, connectThrough } from './socks5.ts';

/** Datagrams to and from one place. */
export interface Datagrams {
  send(message: Uint8Array): void;
  close(): void;
}

export interface DatagramHandler {
  received(message: Buffer): void;
  /** Nothing more will come: `refused` if the far end said that nobody is there. */
  closed(refused: boolean): void;
}

export interface Dialer {
  /** A connection that is open. Rejects with a code of Node's. */
  connect(address: string, port: number, signal: AbortSignal): Promise<Socket>;
  open(address: string, port: number, handler: DatagramHandler): Promise<Datagrams>;
}

async function connectDirectly(
  address: string,
  port: number,
  from: string | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const local = from === undefined ? {} : { localAddress: from };
  const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true, ...local });
  const abort = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function openDirectly(
  address: string,
  port: number,
  from: string | undefined,
  handler: DatagramHandler,
): Promise<Datagrams> {
  const socket = createSocket('udp4');
  let open = true;
  const end = (refused: boolean): void => {
    if (!open) return;
    open = false;
    socket.close();
    handler.closed(refused);
  };
  socket.on('message', (message) => handler.received(message));
  socket.bind({ port: 0, ...(from !== undefined && { address: from }) });
  await once(socket, 'listening');
  socket.connect(port, address);
  await once(socket, 'connect');
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED'));
  return {
    send: (message) => {
      if (open) socket.send(message);
    },
    close: () => {
      if (open) socket.close();
      open = false;
    },
  };
}

export function makeDialer({ socks5, from }: ForwardOptions): Dialer {
  if (socks5 === undefined) {
    return {
      connect: (address, port, signal) => connectDirectly(address, port, from, signal),
      open: (address, port, handler) => openDirectly(address, port, from, handler),
    };
  }
  return {
    connect: (address, port, signal) => connectThrough(socks5, address, port, signal),
    open: (address, port, { received, closed }) =>
      associate(socks5, address, port, received, () => closed(false)),
  };
}
