/**
 * Ways out for flows: sockets of this host, directly or through a proxy.
 * @module
 */
import type { Socket } from 'node:net';
import type { TcpFlow } from '../../index.ts';
import { type Caller, type Exit, openConnection, openDatagrams } from './exit.ts';
import type { OwnSockets } from './own-sockets.ts';
import { associate, connectThrough, type SocksProxy } from './socks5.ts';

/** Datagrams to and from one place. */
export interface Datagrams {
  send(message: Uint8Array): void;
  close(): void;
}

/** What a flow of datagrams tells its owner. */
export interface DatagramHandler {
  received(message: Buffer): void;
  /** Nothing more will come: `refused` if the far end said that nobody is there. */
  closed(refused: boolean): void;
}

/** How flows leave: by sockets of this host, by a proxy, or by what a test puts in their place. */
export interface Dialer {
  /** Descriptors that a flow holds, from its dial until its end. */
  readonly descriptors: { readonly tcp: number; readonly udp: number };
  /** A connection that is open. Rejects with a code of Node's. */
  connect(address: string, port: number, caller: Caller): Promise<Socket>;
  /** Rejects as `connect` does, at the latest after `patience` milliseconds. */
  open(
    address: string,
    port: number,
    handler: DatagramHandler,
    patience: number,
  ): Promise<Datagrams>;
}

async function openDirectly(
  exit: Exit,
  address: string,
  port: number,
  handler: DatagramHandler,
): Promise<Datagrams> {
  const socket = await openDatagrams(exit, address, port);
  let open = true;
  const end = (refused: boolean): void => {
    if (!open) return;
    open = false;
    socket.close();
    handler.closed(refused);
  };
  socket.on('message', (message) => handler.received(message));
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

/** By `socks5`, or without it directly; from the addresses `from` of this host, if it is told any. */
export function makeDialer(
  socks5: SocksProxy | undefined,
  from: string | readonly string[] | undefined,
  own: OwnSockets,
): Dialer {
  const exit: Exit = { from: from === undefined ? [] : [from].flat(), own };
  if (socks5 === undefined) {
    return {
      descriptors: { tcp: 1, udp: 1 },
      connect: (host, port, caller) => openConnection(exit, { host, port }, caller),
      open: (address, port, handler) => openDirectly(exit, address, port, handler),
    };
  }
  return {
    descriptors: { tcp: 1, udp: 2 }, // for datagrams a connection that holds the association
    connect: (address, port, { signal }) => connectThrough(exit, socks5, address, port, signal),
    open: (address, port, { received, closed }, patience) => {
      const handler = { received, closed: () => closed(false) };
      const signal = AbortSignal.timeout(patience);
      return associate(exit, socks5, address, port, handler, signal);
    },
  };
}

const UNREACHABLE: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ETIMEDOUT', 'EHOSTDOWN']);
/**
 * There is no way from here, as to IPv6 on a host that has none: a guest that is told so at once tries its other
 * addresses at once (RFC 8305 §5). RFC 792, RFC 4443 §3.1: code 0, the network; no route.
 */
const NO_ROUTE: ReadonlySet<string> = new Set([
  ...['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENODEV'],
]);
const NETWORK = 0;
/** Nobody is there, or there is no such loopback: what stands for this host is tried by its other family. */
const ELSEWHERE: ReadonlySet<string> = new Set(['ECONNREFUSED', ...NO_ROUTE]);

/** Node's, or nothing. */
export const codeOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException | null)?.code ?? '';

/** To the first of `targets`, and to the next one where a connection to the one before is refused. One at least. */
export function dialFirst(
  way: Dialer,
  targets: readonly string[],
  port: number,
  caller: Caller,
  at = 0,
): Promise<Socket> {
  const dialled = way.connect(targets[at] as string, port, caller); // there is one
  if (at === targets.length - 1) return dialled;
  return dialled.catch((error) => {
    if (!ELSEWHERE.has(codeOf(error))) throw error;
    return dialFirst(way, targets, port, caller, at + 1);
  });
}

/** Tell who wanted it why a dial has failed, as the network would. */
export function turnAway(flow: TcpFlow, code: string): void {
  if (UNREACHABLE.has(code)) flow.unreachable();
  else if (NO_ROUTE.has(code)) flow.unreachable(NETWORK);
  else flow.refuse();
}
