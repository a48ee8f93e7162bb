/**
 * How sockets leave this host: from which address, and known by where they are bound. A dial that fails or
 * is aborted leaves nothing open.
 * @module
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { HostReads } from './host-reads.ts';
import type { OwnSockets } from './own-sockets.ts';

/** What all dials share. */
export interface Exit {
  /** Addresses of this host to leave from, one of a family at most; none: what the routes say. */
  readonly from: readonly string[];
  /** Whoever must know of the sockets. */
  readonly own: OwnSockets;
}

/** Who waits for a connection, and may give up. */
export interface Caller {
  /** Aborted when it gives up. May be made only when it is asked for. */
  readonly signal: AbortSignal;
  /** Have `then` called when it gives up, at once if it has; undefined: nobody any more. */
  whenGone(then: ((cause?: unknown) => void) | undefined): void;
}

/** Who gives up when `signal` says so. */
export function callerOf(signal: AbortSignal): Caller {
  let heard: (() => void) | undefined;
  return {
    signal,
    whenGone: (then) => {
      if (heard !== undefined) signal.removeEventListener('abort', heard);
      heard = then && (() => then(signal.reason));
      if (heard === undefined) return;
      if (signal.aborted) heard();
      else signal.addEventListener('abort', heard);
    },
  };
}

/**
 * The address to leave from to `host`; undefined: any. Throws `EADDRNOTAVAIL` where there are only ones of another
 * family: who has named an address has a reason to leave from no other.
 */
function sourceFor({ from }: Exit, host: string): string | undefined {
  const family = isIP(host);
  if (from.length === 0) return undefined;
  // A name has both, and the address decides which of them is taken.
  const found = family === 0 ? from[0] : from.find((one) => isIP(one) === family);
  if (found !== undefined) return found;
  const message = `connect EADDRNOTAVAIL ${host}: there is no address of its family to leave from`;
  throw Object.assign(new Error(message), { code: 'EADDRNOTAVAIL', syscall: 'connect' });
}

/** As Node has it. */
const aborted = (cause: unknown): Error =>
  Object.assign(new Error('The operation was aborted', { cause }), {
    ...{ name: 'AbortError', code: 'ABORT_ERR' },
  });

/** A connection of this host that is open. Rejects with a code of Node's, or an `AbortError`. */
export function openConnection(
  exit: Exit,
  options: TcpNetConnectOpts & { readonly host: string },
  caller: Caller,
): Promise<Socket> {
  return new Promise((done, fail) => {
    const from = sourceFor(exit, options.host);
    const local = from === undefined ? undefined : { localAddress: from, family: isIP(from) };
    const reads = new HostReads();
    const { onread } = reads;
    const socket = connect({ ...options, ...local, onread, allowHalfOpen: true });
    reads.belongTo(socket);
    exit.own.watch(socket);
    const settle = (error?: unknown): void => {
      caller.whenGone(undefined);
      socket.off('connect', settle);
      if (error === undefined) {
        socket.off('error', settle);
        done(socket);
        return;
      }
      // `settle` hears of further errors.
      socket.destroy();
      fail(error);
    };
    socket.on('connect', settle).on('error', settle);
    caller.whenGone((cause) => settle(aborted(cause)));
  });
}

/** A socket for datagrams to and from one place. Rejects with a code of Node's. */
export async function openDatagrams(
  exit: Exit,
  address: string,
  port: number,
): Promise<DatagramSocket> {
  const from = sourceFor(exit, address);
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
  try {
    socket.bind({ port: 0, ...(from !== undefined && { address: from }) });
    await once(socket, 'listening');
    socket.connect(port, address);
    await once(socket, 'connect');
    exit.own.add(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
