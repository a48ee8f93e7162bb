/**
 * A UDP port with a queue and promises: the callback interface for those who would rather ask than be
 * told. Receiving has a bound, what it knows of each datagram comes with it, and each may leave with its
 * own. RFC 768, RFC 1122 §4.1.3 and §4.1.4.
 * @module
 */
import { copyOf } from '../../base/copy.ts';
import type { Host } from '../../host/host.ts';
import { checkBytes, checkFunction, checkInteger, checkObject } from '../door/checks.ts';
import { systemError } from '../door/errors.ts';
import { checkText, type Interfaces, textOf } from '../door/text.ts';
import type { IcmpReport } from '../ip/icmp-report.ts';
import { BUFFER_SIZE, openSocket, type UdpSocketOptions } from './options.ts';
import type { UdpHandler, UdpSocket } from './socket.ts';

/** Which port, and how it is to be: all that `UdpSocketOptions` has, and how it receives. */
export interface UdpPortOptions extends UdpSocketOptions {
  /** Tell `onError` of every ICMP error, the default, or of those only that last on a connected port. */
  readonly receiveErrors?: boolean;
  /**
   * Bytes that may wait to be received, where each datagram counts for 256 more than its text; 0 to
   * 2 147 483 647, default 212 992. What comes beyond is dropped: `udpQueueFull`.
   */
  readonly queue?: number;
  /**
   * Told of ICMP errors about what was sent. The header stands first in what they quote: whom a datagram
   * was for is `data.readUInt16BE(2)`.
   */
  readonly onError?: (report: IcmpReport) => void;
}

/** How one datagram leaves. */
export interface UdpSendOptions {
  /** 1 to 255; default the port's. */
  readonly ttl?: number;
  /** 0 to 255; default the port's `typeOfService`. */
  readonly tos?: number;
  /** An address of ours to send from; the port's or the route's unless told. */
  readonly source?: string;
}

/** A datagram that came in. */
export interface UdpDatagram {
  /** Its text; yours to keep. */
  readonly data: Buffer;
  /** Who sent it, dotted decimal. */
  readonly address: string;
  /** Where an answer goes, 0 to 65535. */
  readonly port: number;
  /** Which address of ours, group or broadcast it was for: `source` for the answer. */
  readonly destination: string;
  /** Hops that it had left. */
  readonly ttl: number;
  /** Traffic class: DSCP in the upper six bits, ECN in the lower two. */
  readonly tos: number;
}

/** So that empty datagrams fill the queue too. */
const OVERHEAD = 256;

type Waiter = (datagram: UdpDatagram | undefined) => void;

/** A UDP port, until `close`. `stack.udp.open` makes them. */
export class UdpPort {
  /** Datagrams that were dropped since the queue was full. */
  dropped = 0;
  readonly #socket: UdpSocket;
  readonly #ip: Interfaces;
  readonly #limit: number;
  readonly #queue: UdpDatagram[] = [];
  #queued = 0;
  readonly #waiters: Waiter[] = [];

  /** Not for use from outside: `stack.udp.open` makes these. */
  constructor(host: Host, options: UdpPortOptions) {
    checkObject(options, 'options');
    const { queue = BUFFER_SIZE, onError } = options;
    checkInteger(queue, 'options.queue', 0, 2 ** 31 - 1);
    if (onError !== undefined) checkFunction(onError, 'options.onError');
    this.#limit = queue;
    this.#ip = host.core.ip;
    const { receiveErrors = onError !== undefined } = options;
    const handler = this.#makeHandler(onError);
    this.#socket = openSocket(host, { ...options, receiveErrors }, handler);
  }

  /** Where it is bound, dotted decimal; `0.0.0.0` for all of our addresses. */
  get address(): string {
    return this.#socket.localAddress;
  }

  /** 1 to 65535. */
  get port(): number {
    return this.#socket.localPort;
  }

  /** Datagrams that wait to be received. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * Send `data` (up to 65 507 bytes) to a port and a literal address, or to the peer of a connected port.
   * Throws a system error if it cannot leave.
   */
  send(
    data: Uint8Array,
    port: number = this.#socket.remotePort,
    address: string = this.#socket.remoteAddress,
    options: UdpSendOptions = {},
  ): void {
    checkBytes(data, 'data');
    const to = checkText(this.#ip, address, 'address');
    const { ttl, tos, source } = options;
    const from = source === undefined ? undefined : checkText(this.#ip, source, 'options.source');
    const left = this.#socket.send(data, 0, data.length, to, port, from, ttl, tos);
    if (!left) this.#fail(address, port);
  }

  /**
   * Send `data` as datagrams of `size` bytes, 1 to 65 507, the last one shorter: in one go where the
   * device cuts them (USO). Throws a system error if one cannot leave; those before it have.
   */
  sendBatch(
    data: Uint8Array,
    size: number,
    port: number = this.#socket.remotePort,
    address: string = this.#socket.remoteAddress,
  ): void {
    checkBytes(data, 'data');
    const to = checkText(this.#ip, address, 'address');
    if (!this.#socket.sendBatch(data, 0, data.length, size, to, port)) this.#fail(address, port);
  }

  /** The next datagram, as soon as there is one; undefined once the port is closed. */
  receive(): Promise<UdpDatagram | undefined> {
    const datagram = this.take();
    if (datagram !== undefined || this.#socket.closed) return Promise.resolve(datagram);
    return new Promise((done) => this.#waiters.push(done));
  }

  /** The next datagram if one waits; undefined if none does. */
  take(): UdpDatagram | undefined {
    const datagram = this.#queue.shift();
    if (datagram !== undefined) this.#queued -= datagram.data.length + OVERHEAD;
    return datagram;
  }

  /** `for await (const { data, address, port } of udpPort)`, until it is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<UdpDatagram, void> {
    for (;;) {
      const datagram = await this.receive();
      if (datagram === undefined) return;
      yield datagram;
    }
  }

  /** Listen to a group. Throws a system error if that cannot be, as `UdpSocket.addMembership`. */
  join(group: string): void {
    this.#socket.addMembership(group);
  }

  /** Listen to it no longer. Throws `EADDRNOTAVAIL` if it did not listen. */
  leave(group: string): void {
    this.#socket.dropMembership(group);
  }

  /** Receive and send no more; what waits can still be taken. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #makeHandler(onError: UdpPortOptions['onError']): UdpHandler {
    return {
      message: (socket, bytes, at, length, source, port, { destination, ttl, tos }) => {
        const waiter = this.#waiters.shift();
        if (waiter === undefined && this.#queued + length + OVERHEAD > this.#limit) {
          this.dropped++;
          socket.drop();
          return;
        }
        const data = copyOf(bytes, at, length);
        const ends = {
          address: textOf(this.#ip, source),
          port,
          destination: textOf(this.#ip, destination),
        };
        const datagram = { data, ...ends, ttl, tos };
        if (waiter !== undefined) waiter(datagram);
        else {
          this.#queue.push(datagram);
          this.#queued += length + OVERHEAD;
        }
      },
      ...(onError && { error: (_socket, _error, _address, _port, report) => onError(report) }),
      close: () => {
        for (const waiter of this.#waiters.splice(0)) waiter(undefined);
      },
    };
  }

  #fail(address: string, port: number): never {
    throw systemError(this.#socket.failure, 'send', { address, port });
  }
}
