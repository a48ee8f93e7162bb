/**
 * What is outside a network in a soak: whoever is dialled sends back what it gets, and every name has an address.
 * In memory, so that it takes no time, or by sockets of this host's loopback.
 * @module
 */
import { createSocket, type Socket as DgramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { decode, encode } from 'dns-packet';
import type { Exchange } from '../../src/services/dns/exchange.ts';
import type { DatagramHandler, Datagrams, Dialer } from '../../src/services/gateway/dial.ts';

/** The address of every name outside. */
export const SERVER = '198.51.100.1';

/** A connection to who sends everything back; as much of a socket as a gateway uses. */
class Echo extends Duplex {
  bytesRead = 0;
  #resume: () => void = () => {};

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const resume = this.#resume;
    this.#resume = () => {};
    resume();
  }

  override _write(piece: Buffer, _encoding: unknown, done: () => void): void {
    this.bytesRead += piece.length;
    if (this.push(Buffer.from(piece))) done();
    else this.#resume = done;
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  resetAndDestroy(): this {
    return this.destroy();
  }
}

/** Every flow ends here. */
export interface Outside extends Dialer {
  /** Flows that were dialled. */
  readonly dialled: number;
  close(): Promise<void>;
}

export class MemoryOutside implements Outside {
  readonly descriptors = { tcp: 1, udp: 1 };
  dialled = 0;

  async connect(): Promise<Socket> {
    this.dialled++;
    return new Echo() as unknown as Socket; // see `Echo`
  }

  async open(_address: string, _port: number, handler: DatagramHandler): Promise<Datagrams> {
    this.dialled++;
    return {
      send: (message) => setImmediate(() => handler.received(Buffer.from(message))),
      close: () => {},
    };
  }

  async close(): Promise<void> {}
}

export class LoopbackOutside implements Outside {
  readonly descriptors = { tcp: 1, udp: 1 };
  dialled = 0;
  readonly #tcp: Server;
  readonly #udp: DgramSocket;

  private constructor(tcp: Server, udp: DgramSocket) {
    this.#tcp = tcp;
    this.#udp = udp;
  }

  static async open(): Promise<LoopbackOutside> {
    const tcp = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    await once(tcp.listen(0, '127.0.0.1'), 'listening');
    const udp = createSocket('udp4');
    udp.on('message', (text, { port, address }) => udp.send(text, port, address));
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    return new LoopbackOutside(tcp, udp);
  }

  async connect(): Promise<Socket> {
    this.dialled++;
    const { port } = this.#tcp.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }

  async open(_address: string, _port: number, handler: DatagramHandler): Promise<Datagrams> {
    this.dialled++;
    const socket = createSocket('udp4');
    socket.on('message', (text) => handler.received(text));
    socket.connect(this.#udp.address().port, '127.0.0.1');
    await once(socket, 'connect');
    return { send: (message) => socket.send(message), close: () => void socket.close() };
  }

  async close(): Promise<void> {
    this.#tcp.close();
    this.#udp.close();
  }
}

/** Every name is that of `SERVER`, for a minute. */
export const resolveAll: Exchange = async (_resolver, query) => {
  const { id, questions = [] } = decode(Buffer.from(query));
  const [asked] = questions;
  return encode({
    ...{ type: 'response', id, questions, flags: 0 },
    answers: asked?.type === 'A' ? [{ type: 'A', name: asked.name, ttl: 60, data: SERVER }] : [],
  });
};
