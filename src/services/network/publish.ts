/**
 * Ports of this host that lead to guests: what connects to one, or sends there, is passed on.
 * @module
 */
import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import {
  type AddressInfo,
  createServer,
  isIP,
  isIPv4,
  isIPv6,
  type Server,
  type Socket,
} from 'node:net';
import ipaddr from 'ipaddr.js';
import type { DgramSocket, Stack } from '../../index.ts';
import { checkNumber, wrong } from '../address.ts';
import { relay } from '../gateway/relay.ts';
import { reset } from '../reset.ts';
import type { Disguises } from './inside.ts';
import { makeRoom } from './left-behind.ts';
import { plain, proxyHeader } from './proxy-v2.ts';

/** A port that leads to a guest. */
export interface PublishOptions {
  readonly protocol?: 'tcp' | 'udp' | 'unix';
  /** Where this host listens: an address, default `127.0.0.1`; with `unix` the path of a socket. */
  readonly host?: string;
  /** 0 to 65535; 0: one that is free. Not with `unix`. */
  readonly port?: number;
  /** The guest's address and port. */
  readonly guest: string;
  readonly guestPort: number;
  /**
   * Whom the guest sees: the `gateway`, the default; the client in a header of the PROXY protocol (`proxy`); or the
   * client itself (`inside`), where it has an address of the guest's family that is not this host's loopback.
   */
  readonly source?: 'gateway' | 'proxy' | 'inside';
}

/** Milliseconds that a guest may take to answer. */
const DIAL = 30_000;
const UDP_IDLE = 120_000;
const MOST_CONNECTIONS = 4096;
const MOST_UDP = 4096;
const TCP = 6;
const UDP = 17;

/** A port that is published, until `close`. */
export class Published {
  /** Connections, and senders of datagrams, that were passed on. */
  flows = 0;
  /** Those that the guest did not take, or that there was no room for. */
  failed = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly options: PublishOptions;
  readonly #stack: Stack;
  readonly #disguises: Disguises;
  readonly #sockets: Set<Socket> = new Set();
  readonly #peers: Map<string, DgramSocket> = new Map();
  #server: Server | undefined;
  #socket: DatagramSocket | undefined;
  #port: number;

  /** Not for use from outside. Throws for what cannot be meant. */
  constructor(stack: Stack, disguises: Disguises, options: PublishOptions) {
    const { protocol = 'tcp', host = '127.0.0.1', port = 0, guest, guestPort, source } = options;
    checkNumber('port', port, 0, 65_535);
    checkNumber('guestPort', guestPort, 1, 65_535);
    if (isIP(guest) === 0) throw wrong('guest', guest, 'it must be an address');
    if (protocol !== 'unix' && !isIPv4(host) && !isIPv6(host)) {
      throw wrong('host', host, 'it must be an address of this host, as 127.0.0.1 or 0.0.0.0');
    }
    if (!['tcp', 'udp', 'unix'].includes(protocol)) {
      throw wrong('protocol', protocol, 'it must be "tcp", "udp" or "unix"');
    }
    if (source !== undefined && !['gateway', 'proxy', 'inside'].includes(source)) {
      throw wrong('source', source, 'it must be "gateway", "proxy" or "inside"');
    }
    if (source === 'proxy' && protocol === 'udp') {
      throw wrong('source', source, 'the PROXY protocol has a header for connections only');
    }
    this.#stack = stack;
    this.#disguises = disguises;
    // Whoever sends from there is known by this text.
    this.options = { ...options, guest: ipaddr.parse(guest).toString() };
    this.#port = port;
  }

  /** Where it listens: the port that it got. */
  get port(): number {
    return this.#port;
  }

  /** Open it. Rejects as `net.Server.listen` does. */
  async open(): Promise<void> {
    const { protocol = 'tcp', host = '127.0.0.1' } = this.options;
    if (protocol === 'udp') {
      const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
      socket.bind(this.#port, host);
      await once(socket, 'listening');
      socket.on('error', () => {});
      socket.on('message', (message, from) => this.#datagram(message, from));
      this.#socket = socket;
      this.#port = socket.address().port;
      return;
    }
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#connection(socket);
    });
    server.maxConnections = MOST_CONNECTIONS;
    if (protocol === 'unix') {
      await makeRoom(host);
      server.listen(host);
    } else server.listen(this.#port, host);
    await once(server, 'listening');
    server.on('error', () => {});
    this.#server = server;
    if (protocol === 'tcp') this.#port = (server.address() as AddressInfo).port;
  }

  /** Listen no more, and end what is open. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) reset(socket);
    for (const socket of this.#peers.values()) socket.close();
    this.#socket?.close();
    const server = this.#server;
    if (server === undefined) return;
    await new Promise<void>((done) => server.close(() => done()));
    if (this.options.protocol !== 'unix') return;
    try {
      unlinkSync(this.options.host ?? '');
    } catch {
      // `server.close` has done so.
    }
  }

  #connection(socket: Socket): void {
    const { guest, guestPort, source } = this.options;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
    const client = { address: plain(remoteAddress), port: remotePort };
    const own =
      source === 'inside' && this.#canBe(client.address)
        ? { address: this.#ownAddress() ?? '', port: this.#freePort() }
        : undefined;
    // Before there is a packet: the socket says where it is from only once it has begun to connect.
    const undo =
      own &&
      this.#disguises.add({
        protocol: TCP,
        own,
        guest: { address: guest, port: guestPort },
        client,
      });
    const inner = this.#stack.net.connect({
      ...{ host: guest, port: guestPort, allowHalfOpen: true, noDelay: true, zeroCopy: true },
      ...(own && { localAddress: own.address, localPort: own.port }),
    });
    inner.on('close', () => undo?.());
    const timer = setTimeout(() => inner.destroy(), DIAL).unref();
    const fail = (): void => {
      clearTimeout(timer);
      this.failed++;
      reset(socket);
    };
    inner.once('error', fail);
    socket.once('close', () => inner.connecting && inner.destroy());
    inner.once('connect', () => {
      clearTimeout(timer);
      inner.off('error', fail);
      this.flows++;
      if (source === 'proxy' && remoteAddress !== '') {
        inner.write(proxyHeader({ remoteAddress, remotePort, localAddress, localPort }));
      }
      const { connection } = inner; // the socket counts what its stream had, which is not all
      relay(socket, inner, () => {
        this.bytesIn += socket.bytesRead;
        this.bytesOut += connection?.bytesRead ?? 0;
      });
    });
  }

  /** A client that a guest can answer to: not one that is the guest's own loopback, or ours, or of its link. */
  #canBe(address: string): boolean {
    const isHere = address.startsWith('127.') || address === '::1' || /^fe[89ab]/i.test(address);
    const isSame = isIP(address) === isIP(this.options.guest);
    return isSame && !isHere && !this.#stack.addresses.includes(address);
  }

  /** The gateway's address in the guest's family. */
  #ownAddress(): string | undefined {
    const { guest } = this.options;
    return this.#stack.addresses.find(
      (one) => isIP(one) === isIP(guest) && !one.startsWith('fe80:'),
    );
  }

  /** The disguise is to be there before the first packet, so the port is chosen here. */
  #freePort(): number {
    this.#next = this.#next >= LAST_PORT ? FIRST_PORT : this.#next + 1;
    return this.#next;
  }
  #next: number = FIRST_PORT;

  #datagram(message: Buffer, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    let inner = this.#peers.get(key);
    if (inner === undefined) {
      if (this.#peers.size >= MOST_UDP) {
        const [oldest, its] = this.#peers.entries().next().value as [string, DgramSocket]; // there are some
        this.#peers.delete(oldest);
        its.close();
      }
      inner = this.#openPeer(key, from);
    }
    this.#peers.delete(key);
    this.#peers.set(key, inner); // it is the one that was heard last
    this.bytesIn += message.length;
    const { guest, guestPort } = this.options;
    inner.send(message, guestPort, guest, (error: Error | null) => {
      if (error) this.failed++;
    });
  }

  #openPeer(key: string, from: RemoteInfo): DgramSocket {
    const { guest, guestPort, source } = this.options;
    const inner = this.#stack.dgram.createSocket(isIPv6(guest) ? 'udp6' : 'udp4');
    let undo: (() => void) | undefined;
    const end = (): void => {
      if (this.#peers.get(key) !== inner) return;
      this.#peers.delete(key);
      inner.close();
    };
    const timer = setTimeout(end, UDP_IDLE).unref();
    this.flows++;
    inner.on('error', end);
    inner.on('close', () => {
      clearTimeout(timer);
      undo?.();
    });
    inner.on('message', (message, { address, port }) => {
      if (address !== guest || port !== guestPort) return; // nobody has asked those
      timer.refresh();
      this.bytesOut += message.length;
      this.#socket?.send(message, from.port, from.address);
    });
    inner.bind(0, this.#ownAddress(), () => {
      const client = { address: plain(from.address), port: from.port };
      if (source !== 'inside' || !this.#canBe(client.address)) return;
      const { address, port } = inner.address();
      const own = { address, port };
      undo = this.#disguises.add({
        protocol: UDP,
        own,
        guest: { address: guest, port: guestPort },
        client,
      });
    });
    return inner;
  }
}

/** Of connections in disguise. RFC 6335 §6: ports that nobody has a service on. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
