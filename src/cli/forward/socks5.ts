/**
 * A client of SOCKS5: connections and datagrams through a proxy. RFC 1928; no authentication.
 * @module
 */
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { SocksProxy } from './options.ts';

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

/** An IPv4 address and a port as they stand in requests and datagrams. */
function place(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(7);
  bytes[0] = Kind.IPV4;
  address.split('.').forEach((octet, i) => {
    bytes[1 + i] = Number(octet);
  });
  bytes.writeUInt16BE(port, 5);
  return bytes;
}

/** Read exactly `length` bytes; what follows stays in the socket. */
function take(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((done, fail) => {
    const settle = (then: () => void): void => {
      socket.off('readable', look).off('close', ended).off('end', ended).off('error', fail);
      then();
    };
    const look = (): void => {
      const bytes: Buffer | null = socket.read(length);
      if (bytes?.length === length) settle(() => done(bytes));
    };
    const ended = (): void => settle(() => fail(failure('ECONNRESET', 'the proxy hung up')));
    socket.on('readable', look).on('close', ended).on('end', ended).on('error', fail);
    look();
  });
}

/** Where the reply to a request says that it was bound. */
async function request(
  socket: Socket,
  command: number,
  address: string,
  port: number,
): Promise<{ address: string; port: number }> {
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
  const text = kind === Kind.NAME ? bound.toString('latin1', 0, length) : [...bound.subarray(0, 4)];
  return {
    address: typeof text === 'string' ? text : kind === Kind.IPV4 ? text.join('.') : '',
    port: bound.readUInt16BE(length),
  };
}

/** An open connection to the proxy that has carried out `command`. Rejects with a code of Node's. */
async function ask(
  proxy: SocksProxy,
  command: number,
  address: string,
  port: number,
  signal: AbortSignal | undefined,
): Promise<{ socket: Socket; bound: { address: string; port: number } }> {
  const socket = connect({ ...proxy, family: 4, allowHalfOpen: true, noDelay: true });
  const abort = (): void => {
    socket.destroy();
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await once(socket, 'connect');
    return { socket, bound: await request(socket, command, address, port) };
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** A connection to `address` and `port`, made by the proxy. */
export async function connectThrough(
  proxy: SocksProxy,
  address: string,
  port: number,
  signal?: AbortSignal,
): Promise<Socket> {
  return (await ask(proxy, Command.CONNECT, address, port, signal)).socket;
}

/** Datagrams to and from one place, carried by the proxy. */
export interface ThroughDatagrams {
  send(message: Uint8Array): void;
  close(): void;
}

/** Associate: `received` gets what comes back, `closed` is called when the proxy ends it. */
export async function associate(
  proxy: SocksProxy,
  address: string,
  port: number,
  received: (message: Buffer) => void,
  closed: () => void,
): Promise<ThroughDatagrams> {
  const { socket: control, bound } = await ask(
    proxy,
    Command.UDP_ASSOCIATE,
    '0.0.0.0',
    0,
    undefined,
  );
  const datagrams: Datagrams = createSocket('udp4');
  // RFC 1928 §6: what the proxy says, or where it is if it says nothing.
  const to = bound.address === '' || bound.address === '0.0.0.0' ? proxy.host : bound.address;
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
    closed();
  };
  control.resume();
  for (const event of ['error', 'end', 'close']) control.on(event, ended);
  datagrams.on('error', ended);
  datagrams.on('message', (message) => {
    // RFC 1928 §7: what is in fragments, and what is not from IPv4, is dropped.
    const plain = message.length >= 10 && message[2] === 0 && message[3] === Kind.IPV4;
    if (plain) received(message.subarray(10));
  });
  datagrams.connect(bound.port, to);
  await Promise.race([once(datagrams, 'connect'), once(control, 'close')]);
  if (!open) throw failure('ECONNRESET', 'the proxy hung up');
  return {
    send: (message) => {
      if (open) datagrams.send(Buffer.concat([head, message]));
    },
    close,
  };
}
