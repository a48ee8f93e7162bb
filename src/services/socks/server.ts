/**
 * A SOCKS5 server of this host whose connections and datagrams go out through a stack: programs that know of no stack are
 * inside its network by a proxy. RFC 1928: CONNECT and UDP ASSOCIATE, without authentication.
 * @module
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import type { Stack } from '../../index.ts';
import { checkAmount, checkNumber } from '../address.ts';
import { relay } from '../gateway/relay.ts';
import { associate } from './datagrams.ts';
import { Command, Method, Reply, readPlace, replyFor, VERSION, writeReply } from './request.ts';

/** Where a SOCKS5 server listens, and what it bears. */
export interface SocksServerOptions {
  /** The address of this host to listen on; default 127.0.0.1: whoever can reach it uses the network. */
  readonly host?: string | undefined;
  /** Default 1080; 0 for one that is free. */
  readonly port?: number | undefined;
  /**
   * How names become addresses; rejects with a code of Node's. Default the stack's own `lookup`, which asks this host.
   */
  readonly resolve?: ((name: string) => Promise<string>) | undefined;
  /** Clients at once, 1 to 60 000; default 1024. */
  readonly clients?: number | undefined;
  /** Seconds in which a client must have said what it wants: 0.001 to 3600, default 10. */
  readonly patience?: number | undefined;
}

/** What it did. */
export interface SocksCounters {
  connections: number;
  associations: number;
  /** Requests that could not be carried out. */
  failed: number;
  /** Clients that spoke no SOCKS5, or too slowly. */
  malformed: number;
}

/** Longest greeting and request: RFC 1928 §3, §4. */
const LONGEST = 1024;

/** A server that listens. */
export class SocksServer {
  readonly counters: SocksCounters = { connections: 0, associations: 0, failed: 0, malformed: 0 };
  readonly #stack: Stack;
  readonly #server: Server;
  readonly #options: SocksServerOptions;
  readonly #open: Set<{ destroy(): unknown }> = new Set();

  constructor(stack: Stack, options: SocksServerOptions) {
    this.#stack = stack;
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#serve(client),
    );
    this.#server.maxConnections = options.clients ?? 1024;
  }

  /** Where it listens. */
  get address(): AddressInfo {
    return this.#server.address() as AddressInfo; // it listens when its user gets it
  }

  /** Clients that are connected. */
  get open(): number {
    return this.#open.size;
  }

  async listen(): Promise<this> {
    const { host = '127.0.0.1', port = 1080 } = this.#options;
    this.#server.listen({ host, port });
    await once(this.#server, 'listening');
    return this;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const each of this.#open) each.destroy();
    await closed;
  }

  #serve(client: Socket): void {
    const { patience = 10 } = this.#options;
    let text: Buffer = Buffer.alloc(0);
    let isGreeted = false;
    this.#open.add(client);
    client.on('close', () => this.#open.delete(client));
    client.on('error', () => {});
    const bad = (): void => {
      this.counters.malformed++;
      client.destroy();
    };
    const timer = setTimeout(bad, patience * 1000).unref();
    const done = (): void => {
      clearTimeout(timer);
      client.off('data', take).off('end', bad).off('close', done);
    };
    const take = (piece: Buffer): void => {
      text = Buffer.concat([text, piece]);
      if (!isGreeted) {
        const length = greeting(text);
        if (length < 0) bad();
        if (length <= 0) return;
        const isOpen = text.subarray(2, length).includes(Method.NONE);
        client.write(Uint8Array.of(VERSION, isOpen ? Method.NONE : Method.REFUSED));
        if (!isOpen) {
          bad();
          return;
        }
        text = text.subarray(length);
        isGreeted = true;
      }
      if (text.length > LONGEST || (text.length > 0 && text[0] !== VERSION)) {
        bad();
        return;
      }
      const place = text.length > 4 ? readPlace(text, 3) : undefined;
      if (place === undefined) return;
      client.pause();
      done();
      if (place === false) {
        this.#refuse(client, Reply.NO_KIND);
        return;
      }
      if (place.end < text.length) client.unshift(text.subarray(place.end));
      void this.#request(client, text[1] as number, place.host, place.port);
    };
    client.on('data', take).on('end', bad).on('close', done);
  }

  async #request(client: Socket, command: number, host: string, port: number): Promise<void> {
    try {
      if (command === Command.CONNECT) await this.#connect(client, host, port);
      else if (command === Command.UDP_ASSOCIATE) await this.#associate(client);
      else this.#refuse(client, Reply.NO_COMMAND);
    } catch (error) {
      this.#refuse(client, replyFor((error as NodeJS.ErrnoException).code));
    }
  }

  async #connect(client: Socket, host: string, port: number): Promise<void> {
    const address = await this.#resolve(host);
    const upstream = this.#stack.net.connect({
      ...{ host: address, port, allowHalfOpen: true, noDelay: true, zeroCopy: true },
    });
    const gone = (): void => {
      upstream.destroy();
    };
    client.once('close', gone);
    try {
      await once(upstream, 'connect');
    } catch (error) {
      upstream.on('error', () => {});
      upstream.destroy();
      throw error;
    }
    client.off('close', gone);
    if (client.destroyed) {
      upstream.destroy();
      return;
    }
    this.counters.connections++;
    client.write(writeReply(Reply.DONE, upstream.localAddress, upstream.localPort));
    this.#open.add(upstream);
    relay(client, upstream, () => this.#open.delete(upstream));
  }

  async #associate(client: Socket): Promise<void> {
    const association = await associate(this.#stack, client, (name) => this.#resolve(name));
    this.counters.associations++;
    client.write(writeReply(Reply.DONE, association.address, association.port));
    // It lives as long as the connection by which it was asked for: RFC 1928 §6.
    client.on('close', () => association.close());
    client.on('end', () => client.end());
    client.resume();
  }

  #refuse(client: Socket, code: number): void {
    this.counters.failed++;
    client.end(writeReply(code));
    client.resume();
    setTimeout(() => client.destroy(), 1000).unref();
  }

  #resolve(name: string): Promise<string> {
    if (isIP(name) > 0 || this.#options.resolve === undefined) return Promise.resolve(name);
    return this.#options.resolve(name);
  }
}

/** Length of a greeting: 0 if it is not all there, below 0 if it is none. */
function greeting(text: Uint8Array): number {
  if (text.length > 0 && text[0] !== VERSION) return -1;
  const length = 2 + (text[1] ?? 0);
  if (text.length >= 2 && text[1] === 0) return -1;
  return text.length >= 2 && text.length >= length ? length : 0;
}

/** A SOCKS5 server of this host, whose clients are in the network of `stack`. Rejects with Node's error. */
export function createSocksServer(
  stack: Stack,
  options: SocksServerOptions = {},
): Promise<SocksServer> {
  checkNumber('clients', options.clients ?? 1024, 1, 60_000);
  checkAmount('patience', options.patience ?? 10, 0.001, 3600);
  return new SocksServer(stack, options).listen();
}
