/**
 * Datagrams by sockets as `node:dgram` has them: this host's, or those of another stack, whose `dgram` has the
 * same face. So a tunnel runs inside a tunnel, and in a process without any network.
 *
 * One socket for each family on one port. What Node cannot send at once it keeps; past a bound the transport is
 * `full`.
 * @module
 */
import type { Socket as NodeSocket } from 'node:dgram';
import { type Endpoint, Endpoints } from '../endpoint.ts';
import type { DatagramTransport, TransportUser } from '../tunnel.ts';

/** What is used of a `dgram.Socket`. */
export type DgramSocket = Pick<
  NodeSocket,
  'send' | 'on' | 'once' | 'off' | 'bind' | 'close' | 'address' | 'ref' | 'unref'
>;

/** Makes sockets: `node:dgram` itself, or `stack.dgram`. */
export interface DgramMaker {
  /** A socket that is not bound, as `dgram.createSocket` gives it. */
  createSocket(options: {
    readonly type: 'udp4' | 'udp6';
    readonly ipv6Only?: boolean;
  }): DgramSocket;
}

/** Where a tunnel's datagrams leave from. */
export interface UdpOptions {
  /** The port to bind, in both families; default one that is free. */
  readonly port?: number | undefined;
  /** Bind to this address only, which also says which family; default to all of both. */
  readonly address?: string | undefined;
  /** Which families; default both, or what of them is there. */
  readonly families?: readonly (4 | 6)[] | undefined;
}

/** The longest datagram: RFC 768, with an IPv4 header. */
export const LONGEST_DATAGRAM = 65_507;
/** What a socket can give: RFC 768. */
export const LONGEST_MESSAGE = 65_535;
/** Bytes that sockets may hold before the transport is full. */
const MOST_HELD = 4 << 20;
/** Codes that say that the socket is of no use any more. */
const GONE = new Set(['EBADF', 'ERR_SOCKET_DGRAM_NOT_RUNNING']);

/** Sockets of `dgram`, bound. Rejects with Node's error where they cannot be. */
export async function openDgram(
  dgram: DgramMaker,
  options: UdpOptions = {},
): Promise<DgramTransport> {
  const { address } = options;
  const families = options.families ?? (address === undefined ? [4, 6] : [familyOf(address)]);
  const sockets = new Map<4 | 6, DgramSocket>();
  let { port = 0 } = options;
  let refused: unknown;
  for (const family of families) {
    try {
      const socket = await bound(dgram, family, port, address);
      sockets.set(family, socket);
      port = socket.address().port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A host without one of the families has the other.
      const isMissing = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL';
      if (!isMissing || families.length === 1) {
        for (const socket of sockets.values()) socket.close();
        throw error;
      }
      refused = error;
    }
  }
  if (sockets.size === 0) throw refused;
  return new DgramTransport(sockets, port);
}

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

function bound(
  dgram: DgramMaker,
  family: 4 | 6,
  port: number,
  address: string | undefined,
): Promise<DgramSocket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(
      family === 4 ? { type: 'udp4' } : { type: 'udp6', ipv6Only: true },
    );
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind({ port, ...(address !== undefined && { address }) }, () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** Datagrams by one socket a family. */
export class DgramTransport implements DatagramTransport {
  readonly port: number;
  lost = 0;
  bytes: Uint8Array = new Uint8Array(0);
  readonly #sockets: ReadonlyMap<4 | 6, DgramSocket>;
  readonly #endpoints = new Endpoints();
  #user: TransportUser | undefined;
  #held = 0;
  #wasFull = false;
  #told = false;
  readonly #first: Uint8Array = new Uint8Array(LONGEST_MESSAGE);
  #closing: Promise<void> | undefined;

  constructor(sockets: ReadonlyMap<4 | 6, DgramSocket>, port: number) {
    this.#sockets = sockets;
    this.port = port;
  }

  /** Bytes that the sockets have not sent yet. */
  get held(): number {
    return this.#held;
  }

  get full(): boolean {
    this.#wasFull = this.#held >= MOST_HELD;
    return this.#wasFull;
  }

  start(user: TransportUser): void {
    this.#user = user;
    for (const socket of this.#sockets.values()) {
      socket.on('message', (message, sender) => {
        if (this.#closing !== undefined) return;
        this.#first.set(message); // one array for all: its address is asked for once
        user.received(
          this.#first,
          0,
          message.length,
          this.#endpoints.of(sender.address, sender.port),
        );
        this.#endBatch();
      });
      socket.on('error', (error) => this.#failed(error));
    }
  }

  reserve(length: number): number {
    if (this.#closing !== undefined || this.#held >= MOST_HELD || length > LONGEST_DATAGRAM) {
      this.lost++;
      return -1;
    }
    // One of its own for each: the socket keeps it until it has gone.
    this.bytes = Buffer.allocUnsafeSlow(Math.max(length, 128));
    return 0;
  }

  commit(length: number, to: Endpoint): void {
    const socket = this.#sockets.get(to.family);
    if (socket === undefined || to.port === 0 || this.#closing !== undefined) {
      this.lost++;
      return;
    }
    this.#held += length;
    socket.send(this.bytes, 0, length, to.port, to.address, (error) => {
      this.#held -= length;
      if (error) this.lost++;
      if (this.#wasFull && this.#held < MOST_HELD / 2) {
        this.#wasFull = false;
        if (this.#closing === undefined) this.#user?.writable();
      }
    });
  }

  flush(): void {}

  ref(): void {
    for (const socket of this.#sockets.values()) socket.ref();
  }

  unref(): void {
    for (const socket of this.#sockets.values()) socket.unref();
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(
      [...this.#sockets.values()].map(
        (socket) => new Promise<void>((resolve) => socket.close(() => resolve())),
      ),
    ).then(() => {});
    return this.#closing;
  }

  /** Messages come one by one: the batch ends with the turn of the event loop that brought them. */
  #endBatch(): void {
    if (this.#told) return;
    this.#told = true;
    setImmediate(() => {
      this.#told = false;
      if (this.#closing === undefined) this.#user?.drained();
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    // An ICMP error of one peer (ECONNREFUSED, EHOSTUNREACH) says nothing of the others.
    if (!GONE.has(error.code ?? '')) return;
    if (this.#closing !== undefined) return;
    void this.close();
    this.#user?.failed(error);
  }
}
