/**
 * The sockets that flows leave by, known by where they are bound: what comes in by the TUN from one of them
 * went out by it before. Carried out again it would come in again, each time by a new socket, until no
 * descriptor is left.
 * @module
 */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Socket } from 'node:net';

type Protocol = 'tcp' | 'udp';

const name = (protocol: Protocol, address: string, port: number): string =>
  `${protocol} ${address}:${port}`;

export class OwnSockets {
  readonly #known: Set<string> = new Set();

  /**
   * Know `socket` from its first SYN on. It is bound when `connect` has been called, which Node does later,
   * and its SYN cannot have come back before the event loop turns.
   */
  watch(socket: Socket): void {
    socket.on('connectionAttempt', () => {
      process.nextTick(() => {
        const { localAddress = '', localPort = 0 } = socket;
        if (localPort !== 0) this.#hold('tcp', localAddress, localPort, socket);
      });
    });
  }

  /** Know `socket`, which is connected and has sent nothing. */
  add(socket: DatagramSocket): void {
    const { address, port } = socket.address();
    this.#hold('udp', address, port, socket);
  }

  has(protocol: Protocol, address: string, port: number): boolean {
    return this.#known.has(name(protocol, address, port));
  }

  #hold(protocol: Protocol, address: string, port: number, socket: Socket | DatagramSocket): void {
    const key = name(protocol, address, port);
    this.#known.add(key);
    socket.once('close', () => this.#known.delete(key));
  }
}
