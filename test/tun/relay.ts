/**
 * A router that translates addresses, between a client that cannot be told to move and its server: to the server its
 * client is at another port from one moment to the next, as when the router starts again.
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Teardown } from './forwarding.ts';

const HOST = '127.0.0.1';

export class Relay {
  /** Where the client finds its server. */
  readonly port: number;
  readonly #server: number;
  readonly #inside: Socket;
  #outside: Socket | undefined;
  #client = 0;

  private constructor(inside: Socket, server: number) {
    this.#inside = inside;
    this.#server = server;
    this.port = inside.address().port;
    inside.on('message', (message, { port }) => {
      this.#client = port;
      this.#outside?.send(message, server, HOST);
    });
  }

  /** Before the server at a port of this host. */
  static async make(t: Teardown, server: number): Promise<Relay> {
    const relay = new Relay(await bound(), server);
    await relay.move();
    t.teardown(async () => {
      relay.#inside.close();
      relay.#outside?.close();
    });
    return relay;
  }

  /** The client's datagrams leave from another port from now on, and what comes to the one before is lost; the port. */
  async move(): Promise<number> {
    const outside = await bound();
    outside.on('message', (message, { port }) => {
      if (port === this.#server) this.#inside.send(message, this.#client, HOST);
    });
    this.#outside?.close();
    this.#outside = outside;
    return outside.address().port;
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, HOST);
  await once(socket, 'listening');
  return socket;
}
