/**
 * How sockets leave this host: from which address, and known by where they are bound. A dial that fails or
 * is aborted leaves nothing open.
 * @module
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { OwnSockets } from './own-sockets.ts';

/** What all dials share. */
export interface Exit {
  /** An address of this host to leave from; undefined: what the routes say. */
  readonly from: string | undefined;
  /** Whoever must know of the sockets. */
  readonly own: OwnSockets;
}

/** A connection of this host that is open. Rejects with a code of Node's, or an `AbortError`. */
export async function openConnection(
  { from, own }: Exit,
  options: TcpNetConnectOpts,
  signal: AbortSignal,
): Promise<Socket> {
  const local = from === undefined ? {} : { localAddress: from };
  const socket = connect({ ...options, ...local, allowHalfOpen: true, noDelay: true });
  own.watch(socket);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  }
}

/** A socket for datagrams to and from one place. Rejects with a code of Node's. */
export async function openDatagrams(
  { from, own }: Exit,
  address: string,
  port: number,
): Promise<DatagramSocket> {
  const socket = createSocket('udp4');
  try {
    socket.bind({ port: 0, ...(from !== undefined && { address: from }) });
    await once(socket, 'listening');
    socket.connect(port, address);
    await once(socket, 'connect');
    own.add(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
