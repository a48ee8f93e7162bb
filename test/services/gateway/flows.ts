/**
 * A gateway between a stack and a server of this host, and flows through it.
 * @module
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { createGateway } from '../../../src/services/gateway/create.ts';
import type { Dialer } from '../../../src/services/gateway/dial.ts';
import type { Gateway } from '../../../src/services/gateway/gateway.ts';
import { makePair, RIGHT } from '../../api/worlds.ts';

const ANYWHERE = '198.51.100.7'; // RFC 5737: nobody's
export const MIB: number = 1 << 20;

export interface World {
  readonly gateway: Gateway;
  readonly server: Server;
  /** The gateway's own socket, and what came to its stream. */
  readonly upstreams: { readonly socket: Socket; streamed: number }[];
  /** A connection of a guest's, and the server's end of it. */
  open(): Promise<{ guest: Socket; server: Socket }>;
}

/** Flows that say where they go (`listens`) go by two streams, others do not. */
export async function make(t: ExecutionContext, listens: boolean): Promise<World> {
  const {
    left: client,
    right,
    close,
  } = makePair({ poison: false }, { offload: true, mtu: 65_520 });
  client.addRoute('0.0.0.0/0', { gateway: RIGHT });
  const server: Server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const upstreams: World['upstreams'] = [];
  const wrap = (dialer: Dialer): Dialer => ({
    ...dialer,
    connect: async (...args) => {
      const socket = await dialer.connect(...args);
      const known = { socket, streamed: 0 };
      upstreams.push(known);
      if (listens) {
        socket.on('data', (piece) => {
          known.streamed += piece.length;
        });
        socket.pause();
      }
      return socket;
    },
  });
  const verdict = { action: 'allow', reason: 'test', listen: listens } as const;
  const gateway = createGateway(right, {
    judge: { judge: () => verdict, heard: (_flow, _said, before) => before },
    translate: () => ['127.0.0.1'],
    wrap,
  });
  const sockets: Socket[] = [];
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await close();
    server.close();
  });
  return {
    ...{ gateway, server, upstreams },
    open: async () => {
      const options = { port, host: ANYWHERE, allowHalfOpen: true };
      const guest = client.net.connect(options) as unknown as Socket;
      const [end] = (await once(server, 'connection')) as [Socket];
      await once(guest, 'connect');
      sockets.push(guest, end);
      for (const socket of [guest, end]) socket.on('error', () => {});
      return { guest, server: end };
    },
  };
}

/** Pieces of all sizes, short ones between long ones, `total` bytes in all. */
export function pieces(total: number): Buffer[] {
  const list: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < total; i++) {
    const size = Math.min(total - at, [1, 100, 70_000, 8191, 8192, 300_000, 1448][i % 7] as number);
    list.push(Buffer.alloc(size, i % 251));
    at += size;
  }
  return list;
}

/** All that comes, as a hash, to its end. */
export async function hashOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (piece) => hash.update(piece)).resume();
  await once(socket, 'end'); // an iterator would destroy it
  return hash.digest('hex');
}

export async function send(socket: Socket, list: readonly Buffer[]): Promise<void> {
  for (const piece of list) if (!socket.write(piece)) await once(socket, 'drain');
  socket.end();
}
