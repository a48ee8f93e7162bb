/**
 * The small services that every host had once: echo (RFC 862), discard (863), chargen (864) and
 * daytime (867), over TCP and UDP.
 *
 * They take `net` and `dgram` from whoever starts them, so they serve on a stack and on Node's own
 * modules alike. None of them answers faster than its peer reads.
 * @module
 */
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';

/** What is needed of a server of `node:net`'s kind. */
export interface Server {
  listen(port: number, address: string, listening: () => void): unknown;
  close(closed?: (error?: Error) => void): unknown;
  address(): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** What is needed of `node:net`. */
export interface Net {
  createServer(
    options: { allowHalfOpen?: boolean; noDelay?: boolean },
    connected: (socket: Duplex) => void,
  ): Server;
}

/** Where a datagram came from. */
export interface Sender {
  readonly address: string;
  readonly port: number;
}

/** What is needed of a socket of `node:dgram`'s kind. */
export interface Datagrams {
  bind(port: number, address: string, listening: () => void): unknown;
  send(
    message: Uint8Array,
    port: number,
    address: string,
    sent: (error: Error | null) => void,
  ): unknown;
  on(event: 'message', listener: (message: Uint8Array, from: Sender) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  close(closed?: () => void): unknown;
  address(): { port: number };
}

/** What is needed of `node:dgram`. */
export interface Dgram {
  createSocket(type: 'udp4' | 'udp6'): Datagrams;
}

/** The services, by the name that the page and the counters give them. */
export const PORTS = { echo: 7, discard: 9, daytime: 13, chargen: 19, page: 80 } as const;

export type Service = keyof typeof PORTS;

/** What a service has carried since it was started. */
export interface Carried {
  connections: number;
  open: number;
  bytesIn: number;
  bytesOut: number;
  datagramsIn: number;
  datagramsOut: number;
}

export interface ServicesOptions {
  readonly net: Net;
  readonly dgram: Dgram;
  /** The address they listen on. */
  readonly address: string;
  /** What daytime says: the time now. */
  readonly now: () => Date;
  /** Handles a connection to the page; without it there is none. */
  readonly page?: (socket: Duplex) => void;
  /** Other ports than the assigned ones; 0 lets the system choose. */
  readonly ports?: Partial<Record<Service, number>>;
}

/** What was started. */
export interface Services {
  /** The TCP port each listens on. */
  readonly tcp: Readonly<Partial<Record<Service, number>>>;
  /** The UDP port each listens on. */
  readonly udp: Readonly<Partial<Record<Service, number>>>;
  /** Connections that are open. */
  readonly open: number;
  /** What each has carried so far, open connections included: asks each of them. */
  carried(): Record<Service, Carried>;
  /** Stop listening and end what is open. */
  close(): Promise<void>;
}

/**
 * Ports whose datagrams are never answered: 0, which says that no answer is wanted (RFC 768), and where
 * `send` throws; and those of services that answer anything. Without these, one forged datagram from
 * port 7 to port 19 keeps two hosts talking for ever (CERT CA-1996-01).
 */
const NEVER_ANSWERED: ReadonlySet<number> = new Set([0, 7, 9, 13, 17, 19, 37]);
const LINE = 72; // RFC 864: a popular pattern is 72 character lines
const PRINTABLE = 95; // from space to tilde
const LONGEST_DATAGRAM_OF_CHARS = 512; // RFC 864, UDP: between 0 and 512

/** All 95 lines of chargen's rotating pattern. */
function chargenPattern(): Buffer {
  const ring = Array.from({ length: PRINTABLE }, (_, i) => String.fromCharCode(32 + i)).join('');
  const twice = ring + ring;
  const lines = Array.from(ring, (_, i) => `${twice.slice(i, i + LINE)}\r\n`);
  return Buffer.from(lines.join(''), 'latin1');
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];

/** RFC 867's popular form: `Tuesday, February 22, 1982 17:37:43-UTC`. */
export function daytime(now: Date): string {
  const clock = now.toISOString().slice(11, 19);
  const day = `${DAYS[now.getUTCDay()]}, ${MONTHS[now.getUTCMonth()]} ${now.getUTCDate()}`;
  return `${day}, ${now.getUTCFullYear()} ${clock}-UTC\r\n`;
}

/** What arrives goes back; a peer that does not read stops us reading. RFC 862. */
function echo(socket: Duplex): void {
  socket.pipe(socket);
}

/** What arrives is thrown away; nothing is sent. RFC 863. */
function discard(socket: Duplex): void {
  socket.on('end', () => socket.end());
  socket.resume();
}

/** A stream of printable characters until the peer hangs up; what arrives is ignored. RFC 864. */
function chargen(socket: Duplex, pattern: Buffer): void {
  const more = (): void => {
    while (socket.writable && socket.write(pattern)) {
      // The next turn of the loop: the socket says when it has had enough.
    }
  };
  socket.on('drain', more);
  socket.on('end', () => socket.end());
  socket.resume();
  more();
}

class Running implements Services {
  readonly tcp: Partial<Record<Service, number>> = {};
  readonly udp: Partial<Record<Service, number>> = {};
  /** What is over; the open connections count on top. */
  readonly #past: Record<Service, Carried>;
  readonly #options: ServicesOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Datagrams>();
  readonly #open = new Map<Duplex, Service>();
  readonly #pattern = chargenPattern();
  /** Where in the pattern the next datagram of characters begins. */
  #turn = 0;

  constructor(options: ServicesOptions) {
    this.#options = options;
    const none = { connections: 0, open: 0, bytesIn: 0, bytesOut: 0 };
    const each = (): Carried => ({ ...none, datagramsIn: 0, datagramsOut: 0 });
    this.#past = {
      ...{ echo: each(), discard: each(), daytime: each() },
      ...{ chargen: each(), page: each() },
    };
  }

  async start(): Promise<void> {
    const { page, now } = this.#options;
    await this.#serve('echo', echo);
    await this.#serve('discard', discard);
    await this.#serve('daytime', (socket) => socket.resume().end(daytime(now())));
    await this.#serve('chargen', (socket) => chargen(socket, this.#pattern));
    if (page) await this.#serve('page', page);
    await this.#answer('echo', (message) => message);
    await this.#answer('discard', () => undefined);
    await this.#answer('daytime', () => Buffer.from(daytime(now())));
    await this.#answer('chargen', () => this.#characters());
  }

  /** Listen for connections. */
  #serve(name: Service, connected: (socket: Duplex) => void): Promise<void> {
    const carried = this.#past[name];
    // Half-open, because a peer that has said all may still want the rest of its answer.
    const server = this.#options.net.createServer({ allowHalfOpen: true }, (socket) => {
      carried.connections++;
      this.#open.set(socket, name);
      socket.on('error', () => {}); // a reset by the peer is its business; 'close' follows
      socket.on('close', () => {
        this.#open.delete(socket);
        addTo(carried, socket);
      });
      connected(socket);
    });
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.on('error', reject);
      server.listen(this.#options.ports?.[name] ?? PORTS[name], this.#options.address, () => {
        this.tcp[name] = (server.address() as { port: number }).port;
        resolve();
      });
    });
  }

  /** Answer datagrams one for one, or not at all. */
  #answer(name: Service, reply: (message: Uint8Array) => Uint8Array | undefined): Promise<void> {
    const carried = this.#past[name];
    const type = isIPv6(this.#options.address) ? 'udp6' : 'udp4';
    const socket = this.#options.dgram.createSocket(type);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)); // by itself, if its stack is closed
    socket.on('message', (message, from) => {
      carried.datagramsIn++;
      carried.bytesIn += message.length;
      const answer = NEVER_ANSWERED.has(from.port) ? undefined : reply(message);
      if (!answer) return;
      socket.send(answer, from.port, from.address, (error) => {
        if (error) return; // lost, as a datagram may be
        carried.datagramsOut++;
        carried.bytesOut += answer.length;
      });
    });
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.bind(this.#options.ports?.[name] ?? PORTS[name], this.#options.address, () => {
        this.udp[name] = socket.address().port;
        resolve();
      });
    });
  }

  /** A datagram of chargen: RFC 864 wants a random length; turning through all of them will do. */
  #characters(): Uint8Array {
    const length = (this.#turn * 197) % (LONGEST_DATAGRAM_OF_CHARS + 1);
    // The last lines are too near the pattern's end for the longest datagram.
    const at = (this.#turn++ % (PRINTABLE - 7)) * (LINE + 2);
    return this.#pattern.subarray(at, at + length);
  }

  get open(): number {
    return this.#open.size;
  }

  carried(): Record<Service, Carried> {
    const now = structuredClone(this.#past);
    for (const [socket, name] of this.#open) {
      now[name].open++;
      addTo(now[name], socket);
    }
    return now;
  }

  async close(): Promise<void> {
    for (const socket of this.#open.keys()) socket.destroy();
    const servers = this.#servers.map((s) => new Promise<void>((done) => s.close(() => done())));
    const sockets = [...this.#sockets].map(
      (s) => new Promise<void>((done) => s.close(() => done())),
    );
    await Promise.all([...servers, ...sockets]);
  }
}

/** Add what `socket` has carried, which `net.Socket` counts. */
function addTo(carried: Carried, socket: Duplex): void {
  const { bytesRead = 0, bytesWritten = 0 } = socket as Partial<
    Record<'bytesRead' | 'bytesWritten', number>
  >;
  carried.bytesIn += bytesRead;
  carried.bytesOut += bytesWritten;
}

/** Start all of them; settles when the last one listens. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const running = new Running(options);
  try {
    await running.start();
  } catch (error) {
    await running.close().catch(() => {}); // what failed first is what to tell
    throw error;
  }
  return running;
}
