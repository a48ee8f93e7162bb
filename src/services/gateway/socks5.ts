/**
 * A client of SOCKS5: connections and datagrams through a proxy. RFC 1928; no authentication.
 * @module
 */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { callerOf, type Exit, openConnection, openDatagrams } from './exit.ts';

/** A proxy that speaks SOCKS5. */
export interface SocksProxy {
  /** Its name or address. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const Command = { CONNECT: 1, UDP_ASSOCIATE: 3 } as const;
const Kind = { IPV4: 1, NAME: 3, IPV6: 4 } as const;
const RESERVED = 0;

/** What the codes of a reply mean, in Node's words. RFC 1928 §6. */
const REPLIES: readonly string[] = [
  '',
  'EPROTO',
  'EACCES',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EOPNOTSUPP',
  'EAFNOSUPPORT',
];

const failure = (code: string, why: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`SOCKS5: ${why}`), { code });

/** An address and a port as they stand in requests and datagrams. */
function place(address: string, port: number): Buffer {
  const octets = ipaddr.parse(address).toByteArray();
  const kind = octets.length === 4 ? Kind.IPV4 : Kind.IPV6;
  return Buffer.from([kind, ...octets, port >>> 8, port & 255]);
}

/** Read exactly `length` bytes; what follows stays in the socket. */
function take(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((done, fail) => {
    const settle = (then: () => void): void => {
      socket.off('readable', look).off('close', ended).off('end', ended).off('error', failed);
      then();
    };
    const look = (): void => {
      const bytes: Buffer | null = socket.read(length);
      if (bytes?.length === length) settle(() => done(bytes));
    };
    const ended = (): void => settle(() => fail(failure('ECONNRESET', 'the proxy hung up')));
    const failed = (error: Error): void => settle(() => fail(error));
    socket.on('readable', look).on('close', ended).on('end', ended).on('error', failed);
    if (socket.destroyed) ended();
    else look();
  });
}

/** Carry out a request; the port that the reply says was bound. */
async function request(
  socket: Socket,
  command: number,
  address: string,
  port: number,
): Promise<number> {
  socket.write(Uint8Array.of(VERSION, 1, NO_AUTHENTICATION));
  const method = await take(socket, 2);
  if (method[0] !== VERSION || method[1] !== NO_AUTHENTICATION) {
    throw failure('EPROTO', 'the proxy wants authentication, or is none');
  }
  const head = Uint8Array.of(VERSION, command, RESERVED);
  socket.write(Buffer.concat([head, place(address, port)]));
  const [, reply = 1, , kind = 0] = await take(socket, 4);
  if (reply !== 0) throw failure(REPLIES[reply] ?? 'EPROTO', `the proxy answered ${reply}`);
  const length =
    kind === Kind.IPV4 ? 4 : kind === Kind.IPV6 ? 16 : ((await take(socket, 1))[0] ?? 0);
  const bound = await take(socket, length + 2);
  return bound.readUInt16BE(length);
}

/** An open connection to the proxy that has carried out `command`. Rejects with a code of Node's. */
async function ask(
  exit: Exit,
  proxy: SocksProxy,
  command: number,
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<{ socket: Socket; boundPort: number }> {
  const socket = await openConnection(exit, { ...proxy, noDelay: true }, callerOf(signal));
  const abort = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    return { socket, boundPort: await request(socket, command, address, port) };
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** A connection to `address` and `port`, made by the proxy. */
export async function connectThrough(
  exit: Exit,
  proxy: SocksProxy,
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  return (await ask(exit, proxy, Command.CONNECT, address, port, signal)).socket;
}

/** Datagrams to and from one place, carried by the proxy. */
export interface ThroughDatagrams {
  send(message: Uint8Array): void;
  close(): void;
}

/** Gets what comes back, and is told when the proxy ends it. */
export interface ThroughHandler {
  received(message: Buffer): void;
  closed(): void;
}

/** Where `head` stands in front of a datagram, that is from `head`'s address and port. RFC 1928 §7. */
const isFrom = (message: Buffer, head: Buffer): boolean =>
  message.length >= head.length && message.compare(head, 0, head.length, 0, head.length) === 0;

/**
 * Associate. The proxy's datagrams are exchanged with the address that the association was made with, at
 * the port that it names: RFC 1928 §6 lets it name an address as well, by which it could have ours sent to
 * any place that this host reaches, this host's loopback among them.
 */
export async function associate(
  exit: Exit,
  proxy: SocksProxy,
  address: string,
  port: number,
  handler: ThroughHandler,
  signal: AbortSignal,
): Promise<ThroughDatagrams> {
  const asked = await ask(exit, proxy, Command.UDP_ASSOCIATE, '0.0.0.0', 0, signal);
  const { socket: control, boundPort } = asked;
  control.on('error', () => {});
  let datagrams: DatagramSocket;
  try {
    const { remoteAddress } = control;
    if (boundPort === 0) throw failure('EPROTO', 'the proxy named port 0 for datagrams');
    // To Node no address is this host's loopback.
    if (remoteAddress === undefined) throw failure('ECONNRESET', 'the proxy hung up');
    datagrams = await openDatagrams(exit, remoteAddress, boundPort);
  } catch (error) {
    control.destroy();
    throw error;
  }
  if (control.destroyed) {
    datagrams.close();
    throw failure('ECONNRESET', 'the proxy hung up');
  }
  const head = Buffer.concat([Uint8Array.of(RESERVED, RESERVED, 0), place(address, port)]);
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    control.destroy();
    datagrams.close();
  };
  const ended = (): void => {
    if (!open) return;
    close();
    handler.closed();
  };
  control.resume();
  for (const event of ['error', 'end', 'close']) control.on(event, ended);
  datagrams.on('error', ended);
  datagrams.on('message', (message) => {
    // What is in fragments is dropped (RFC 1928 §7), and what is from elsewhere than the flow goes to.
    if (isFrom(message, head)) handler.received(message.subarray(head.length));
  });
  return {
    send: (message) => {
      if (open) datagrams.send(Buffer.concat([head, message]));
    },
    close,
  };
}
