/**
 * A UDP port with what `node:dgram` has no words for: a receive queue with a bound, TTL and TOS of each
 * message, both ways, and batches. RFC 768, RFC 1122 §4.1.3 and §4.1.4.
 * @module
 */
import { type Address, ANY, format } from '../base/address.ts';
import { copyBytes } from '../base/copy.ts';
import { Drop } from '../base/drop.ts';
import { Failure, failureCode } from '../base/failure.ts';
import { SOCKETS_OWN } from '../udp/emit.ts';
import type { UdpOwner } from '../udp/owner.ts';
import type { UdpSocket } from '../udp/socket.ts';
import { checkFunction, checkInteger, checkObject, checkPort } from './checks.ts';
import { argTypeError, systemError } from './errors.ts';
import type { Host } from './host.ts';
import { type IcmpReport, makeReport } from './icmp-report.ts';
import { checkAddress } from './lookup.ts';

/** Which port, and how it is to be. */
export interface UdpPortOptions {
  /** 0 to 65535; default 0: one that is free. */
  readonly port?: number;
  /** One of ours, or a group's; default all of ours. */
  readonly address?: string;
  /** Let others that say so have the same port. */
  readonly reuseAddress?: boolean;
  /** Let datagrams to broadcast addresses leave. */
  readonly broadcast?: boolean;
  /** Fail with `EMSGSIZE` rather than fragment. */
  readonly dontFragment?: boolean;
  /** Hops of what leaves, 1 to 255; default the stack's, and 1 to groups. */
  readonly ttl?: number;
  /** Traffic class of what leaves, 0 to 255; default 0. */
  readonly tos?: number;
  /**
   * Bytes that may wait to be received, where each datagram counts for 256 more than its text; default
   * 212 992. What comes beyond is dropped: `udpQueueFull`.
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
  /** 0 to 255; default the port's. */
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

/** What Linux gives a socket that asks for nothing. */
const QUEUE = 212_992;
/** So that empty datagrams fill the queue too. */
const OVERHEAD = 256;

type Waiter = (datagram: UdpDatagram | undefined) => void;

/** A UDP port, until `close`. `stack.udp.open` makes them. */
export class UdpPort {
  /** Datagrams that were dropped since the queue was full. */
  dropped = 0;
  readonly #host: Host;
  readonly #core: UdpSocket;
  readonly #limit: number;
  readonly #queue: UdpDatagram[] = [];
  #queued = 0;
  readonly #waiters: Waiter[] = [];

  /** Not for use from outside: `stack.udp.open` makes these. */
  constructor(host: Host, options: UdpPortOptions) {
    checkObject(options, 'options');
    const { ttl, tos = 0, queue = QUEUE } = options;
    const port = checkPort(options.port ?? 0, 'options.port');
    const { address } = options;
    const at = address === undefined ? ANY : checkAddress(address, 'options.address');
    if (ttl !== undefined) checkInteger(ttl, 'options.ttl', 1, 255);
    checkInteger(tos, 'options.tos', 0, 255);
    checkInteger(queue, 'options.queue', 0, 2 ** 31 - 1);
    const { onError } = options;
    if (onError !== undefined) checkFunction(onError, 'options.onError');
    this.#host = host;
    this.#limit = queue;
    this.#core = host.core.udp.open(this.#owner(onError));
    Object.assign(this.#core, {
      reuseAddress: options.reuseAddress === true,
      broadcast: options.broadcast === true,
      dontFragment: options.dontFragment === true,
      ttl: ttl ?? 0,
      multicastTtl: ttl ?? 1,
      tos,
      receiveErrors: onError !== undefined,
    });
    const failure = this.#core.bind(at, port);
    if (failure !== Failure.NONE) {
      throw systemError(failureCode(failure), 'bind', { address: address ?? '0.0.0.0', port });
    }
    host.hold();
    host.open.add(this);
  }

  /** Where it is bound, dotted decimal; `0.0.0.0` for all of our addresses. */
  get address(): string {
    return format(this.#core.address);
  }

  /** 1 to 65535. */
  get port(): number {
    return this.#core.port;
  }

  /** Datagrams that wait to be received. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Send `data` (up to 65 507 bytes). Throws a system error if it cannot leave. */
  send(data: Uint8Array, port: number, address: string, options: UdpSendOptions = {}): void {
    const to = this.#checkSend(data, port, address);
    const { ttl = SOCKETS_OWN, tos = SOCKETS_OWN, source } = options;
    if (ttl !== SOCKETS_OWN) checkInteger(ttl, 'options.ttl', 1, 255);
    if (tos !== SOCKETS_OWN) checkInteger(tos, 'options.tos', 0, 255);
    const from = source === undefined ? ANY : checkAddress(source, 'options.source');
    const failure = this.#core.send(data, 0, data.length, to, port, ttl, tos, from);
    this.#must('send', failure, address, port);
  }

  /**
   * Send `data` as datagrams of `size` bytes, the last one shorter: in one go where the device cuts them
   * (USO). Throws a system error if one cannot leave; those before it have.
   */
  sendBatch(data: Uint8Array, size: number, port: number, address: string): void {
    const to = this.#checkSend(data, port, address);
    checkInteger(size, 'size', 1, 65_507);
    const failure = this.#core.sendBatch(data, 0, data.length, size, to, port);
    this.#must('send', failure, address, port);
  }

  /** The next datagram, as soon as there is one; undefined once the port is closed. */
  receive(): Promise<UdpDatagram | undefined> {
    const datagram = this.take();
    if (datagram !== undefined || this.#core.closed) return Promise.resolve(datagram);
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

  /** Listen to a group. Throws a system error if that cannot be. */
  join(group: string): void {
    const failure = this.#core.join(checkAddress(group, 'group'));
    this.#must('addMembership', failure, group, this.port);
  }

  /** Listen to it no longer. */
  leave(group: string): void {
    const failure = this.#core.leave(checkAddress(group, 'group'));
    this.#must('dropMembership', failure, group, this.port);
  }

  /** Receive and send no more; what waits can still be taken. May be called again. */
  close(): void {
    if (this.#core.closed) return;
    this.#core.close();
    this.#host.open.delete(this);
    this.#host.letGo();
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
  }

  #owner(onError: UdpPortOptions['onError']): UdpOwner {
    return {
      onMessage: (bytes, at, length, source, port, packet) => {
        const waiter = this.#waiters.shift();
        if (waiter === undefined && this.#queued + length + OVERHEAD > this.#limit) {
          this.dropped++;
          return Drop.UDP_QUEUE_FULL;
        }
        const data = Buffer.allocUnsafe(length);
        copyBytes(bytes, at, data, 0, length);
        const { destination, ttl, tos } = packet;
        const ends = { address: format(source), port, destination: format(destination) };
        const datagram = { data, ...ends, ttl, tos };
        if (waiter !== undefined) waiter(datagram);
        else {
          this.#queue.push(datagram);
          this.#queued += length + OVERHEAD;
        }
        return Drop.NONE;
      },
      onError: (_failure, error) => {
        try {
          onError?.(makeReport(this.#host, error));
        } catch (thrown) {
          this.#host.thrown(thrown);
        }
      },
    };
  }

  #checkSend(data: unknown, port: unknown, address: string): Address {
    if (!(data instanceof Uint8Array)) throw argTypeError('data', 'Uint8Array', data);
    checkPort(port, 'port', false);
    return checkAddress(address, 'address');
  }

  #must(call: string, failure: Failure, address: string, port: number): void {
    if (failure === Failure.NONE) return;
    const code = this.#core.closed ? 'EBADF' : failureCode(failure);
    throw systemError(code, call, { address, port });
  }
}
