/**
 * Datagrams by Linux's own calls: what is committed between two flushes leaves by one `sendmmsg`, datagrams of
 * one size to one place as one message that the kernel cuts (UDP_SEGMENT, Linux 4.18); what comes is taken by
 * `recvmmsg` until there is no more.
 *
 * `node:dgram` waits: it is given the descriptor, and its `message` tells that there are datagrams and brings
 * the first. udp(7), sendmmsg(2).
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { Endpoint } from '../endpoint.ts';
import type { DatagramTransport, TransportUser } from '../tunnel.ts';
import { putAddress } from './address.ts';
import { LONGEST_DATAGRAM, LONGEST_MESSAGE, type UdpOptions } from './dgram.ts';
import { errorName } from './errno.ts';
import { Inbox } from './inbox.ts';
import { Outbox, Sent } from './outbox.ts';
import { AF, Level, loadUdpCalls, Option, SOCK, type UdpCalls } from './system.ts';

/** What sockets in batches take. */
export interface BatchOptions extends UdpOptions {
  /** The longest datagram that is taken, in bytes: 1280 to 65 507, default 16 384. */
  readonly longest?: number | undefined;
  /** Bytes that the kernel may hold each way; default 4 MiB, or what it lets us have. */
  readonly buffer?: number | undefined;
  /** The mark of datagrams that leave, for rules of routing (SO_MARK; needs CAP_NET_ADMIN). */
  readonly mark?: number | undefined;
}

const BUFFER = 4 << 20;
/** How long until what the kernel could not take is tried again, in ms. */
const RETRY = 1;
const SCRATCH = 256;
/** Datagrams a call after a turn of the event loop has had its share. */
const FEW = 8;

/** Sockets of Linux, bound; undefined where its calls cannot be made. Rejects where they cannot be bound. */
export async function openBatch(options: BatchOptions = {}): Promise<BatchTransport | undefined> {
  const calls = await loadUdpCalls();
  if (calls === undefined) return undefined;
  const { address } = options;
  const families =
    options.families ?? (address === undefined ? [4, 6] : [address.includes(':') ? 6 : 4]);
  const fds = new Map<4 | 6, number>();
  let { port = 0 } = options;
  try {
    for (const family of families as readonly (4 | 6)[]) {
      const opened = openSocket(calls, family, port, options);
      if (typeof opened === 'string') {
        // A host without one of the families has the other.
        if (families.length > 1 && (opened === 'EAFNOSUPPORT' || opened === 'EADDRNOTAVAIL'))
          continue;
        throw bindError(opened, address, port);
      }
      fds.set(family, opened.fd);
      port = opened.port;
    }
    if (fds.size === 0) throw bindError('EAFNOSUPPORT', address, port);
    const sockets = new Map<4 | 6, Socket>();
    for (const [family, fd] of fds) sockets.set(family, await adopt(family, fd));
    return new BatchTransport(calls, fds, sockets, port, options.longest ?? 16_384);
  } catch (error) {
    for (const fd of fds.values()) calls.close(fd);
    throw error;
  }
}

const bindError = (code: string, address = '', port = 0): Error =>
  Object.assign(new Error(`bind ${code} ${address}:${port}`), {
    code,
    syscall: 'bind',
    address,
    port,
  });

/** A socket that is bound and where; or the code of what failed. */
function openSocket(
  calls: UdpCalls,
  family: 4 | 6,
  port: number,
  { address, buffer = BUFFER, mark }: BatchOptions,
): { fd: number; port: number } | string {
  const memory = new Uint8Array(SCRATCH);
  const view = new DataView(memory.buffer);
  const base = calls.addressOf(memory);
  const kind = family === 4 ? AF.INET : AF.INET6;
  const fd = calls.socket(kind, SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
  if (fd < 0) return errorName(calls.errno());
  const set = (level: number, name: number, value: number): number => {
    view.setInt32(128, value, true);
    return calls.setsockopt(fd, level, name, base + 128, 4);
  };
  if (family === 6) set(Level.IPV6, Option.IPV6_V6ONLY, 1);
  if (set(Level.SOCKET, Option.SNDBUFFORCE, buffer) < 0) set(Level.SOCKET, Option.SNDBUF, buffer);
  if (set(Level.SOCKET, Option.RCVBUFFORCE, buffer) < 0) set(Level.SOCKET, Option.RCVBUF, buffer);
  const failed = (): string => {
    const code = errorName(calls.errno());
    calls.close(fd);
    return code;
  };
  if (mark !== undefined && mark !== 0 && !setMark(calls, fd, mark)) return failed();
  const any = family === 4 ? '0.0.0.0' : '::';
  const length = putAddress(view, 0, new Endpoint(address ?? any, port));
  if (calls.bind(fd, base, length) < 0) return failed();
  view.setUint32(64, 32, true);
  if (calls.getsockname(fd, base, base + 64) < 0) return failed();
  return { fd, port: view.getUint16(2) };
}

function setMark(calls: UdpCalls, fd: number, mark: number): boolean {
  const memory = new Uint8Array(SCRATCH);
  new DataView(memory.buffer).setUint32(0, mark, true);
  return calls.setsockopt(fd, Level.SOCKET, Option.MARK, calls.addressOf(memory), 4) === 0;
}

/** Let Node's event loop wait for `fd`, which is the socket's from here on. */
function adopt(family: 4 | 6, fd: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    socket.once('error', reject);
    socket.bind({ fd }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Datagrams in batches, by one socket a family. */
export class BatchTransport implements DatagramTransport {
  readonly port: number;
  lost = 0;
  readonly bytes: Uint8Array;
  readonly #calls: UdpCalls;
  readonly #fds: ReadonlyMap<4 | 6, number>;
  readonly #sockets: ReadonlyMap<4 | 6, Socket>;
  readonly #out: Outbox;
  readonly #in: Inbox;
  #user: TransportUser | undefined;
  #retry: NodeJS.Timeout | undefined;
  #referenced = true;
  readonly #first: Uint8Array = new Uint8Array(LONGEST_MESSAGE);
  /** The datagram before came with no others behind it. */
  #isAlone = false;
  /** Set from when a turn of the event loop has had its share of datagrams until it ends. */
  #turn: NodeJS.Immediate | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    calls: UdpCalls,
    fds: ReadonlyMap<4 | 6, number>,
    sockets: ReadonlyMap<4 | 6, Socket>,
    port: number,
    longest: number,
  ) {
    this.#calls = calls;
    this.#fds = fds;
    this.#sockets = sockets;
    this.#out = new Outbox(calls, fds);
    this.#in = new Inbox(calls, longest);
    this.bytes = this.#out.bytes;
    this.port = port;
  }

  /** What the kernel was asked for, and how often. */
  get counters(): { readonly sendCalls: number; readonly receiveCalls: number } {
    return { sendCalls: this.#out.calls, receiveCalls: this.#in.calls };
  }

  /** Whether the kernel cuts long messages (UDP_SEGMENT); found out by trying, and may be turned off. */
  get cuts(): boolean {
    return this.#out.cuts;
  }

  set cuts(on: boolean) {
    this.#out.cuts = on;
  }

  get full(): boolean {
    return this.#retry !== undefined;
  }

  /** Mark what leaves from now on (SO_MARK, 0: no mark); false where that is not allowed. */
  setMark(mark: number): boolean {
    if (this.#closing !== undefined) return false;
    return [...this.#fds.values()].every((fd) => setMark(this.#calls, fd, mark));
  }

  start(user: TransportUser): void {
    this.#user = user;
    for (const [family, socket] of this.#sockets) {
      const fd = this.#fds.get(family) as number; // each socket has one
      socket.on('message', (message, { address, port }) => {
        if (this.#closing !== undefined) return;
        this.#first.set(message); // one array for all: its address is asked for once
        user.received(this.#first, 0, message.length, this.#in.endpoints.of(address, port));
        // One of those that come alone is handed on before the kernel is asked for more: an echo waits for no answer
        // that is no.
        if (this.#isAlone) user.drained();
        this.#isAlone = this.#drain(fd, user) === 0;
      });
      // An ICMP error of one peer says nothing of the others.
      socket.on('error', () => {});
    }
  }

  reserve(length: number): number {
    if (this.#closing === undefined && length <= LONGEST_DATAGRAM) {
      const place = this.#out.reserve(length);
      if (place >= 0) return place;
      if (!this.full) {
        this.flush();
        const again = this.#out.reserve(length);
        if (again >= 0) return again;
      }
    }
    this.lost++;
    return -1;
  }

  commit(length: number, to: Endpoint): void {
    if (to.port === 0 || !this.#fds.has(to.family)) this.lost++;
    else if (this.#out.commit(length, to) && !this.full) this.flush();
  }

  flush(): void {
    if (this.#out.empty || this.#closing !== undefined || this.full) return;
    const sent = this.#out.flush();
    this.lost += this.#out.takeLost();
    if (sent !== Sent.LATER) return;
    this.#retry = setTimeout(this.#again, RETRY);
    if (!this.#referenced) this.#retry.unref();
  }

  ref(): void {
    this.#referenced = true;
    for (const socket of this.#sockets.values()) socket.ref();
    this.#retry?.ref();
  }

  unref(): void {
    this.#referenced = false;
    for (const socket of this.#sockets.values()) socket.unref();
    this.#retry?.unref();
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut();
    return this.#closing;
  }

  /**
   * libuv reads up to 32 times before it looks at another descriptor (uv__udp_recvmsg). While datagrams come faster than
   * they are handed on, each of these takes a few only: what goes the other way is not to wait for all of them. How
   * many there were.
   */
  #drain(fd: number, user: TransportUser): number {
    const isLate = this.#turn !== undefined;
    this.lost += isLate ? this.#in.drain(fd, user, 1, FEW) : this.#in.drain(fd, user);
    if (this.#in.left && !isLate) this.#turn = setImmediate(this.#turned);
    return this.#in.taken;
  }

  readonly #turned = (): void => {
    this.#turn = undefined;
  };

  readonly #again = (): void => {
    this.#retry = undefined;
    this.flush();
    if (!this.full) this.#user?.writable();
  };

  async #shut(): Promise<void> {
    this.#in.stop();
    clearTimeout(this.#retry);
    clearImmediate(this.#turn);
    await Promise.all(
      [...this.#sockets.values()].map(
        (socket) => new Promise<void>((resolve) => socket.close(() => resolve())),
      ),
    );
  }
}
