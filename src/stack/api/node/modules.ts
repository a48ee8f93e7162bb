/**
 * The rest of Node on a stack: http, https, tls, http2, and what undici's `fetch` wants, all over the
 * stack's `net`. Each is made, and Node's module loaded, when it is first asked for.
 * @module
 */
import { EventEmitter } from 'node:events';
import type * as http from 'node:http';
import type * as https from 'node:https';
import type { Server as NodeServer } from 'node:net';
import type { Net } from '../net/net.ts';
import { type Carrier, makeCarrier } from './carry.ts';
import {
  type Connector,
  type ConnectorOptions,
  type DispatcherOptions,
  makeConnector,
  makeDispatcher,
} from './dispatcher.ts';
import { type Http, type Https, makeHttp, makeHttps } from './http.ts';
import { type Http2, makeHttp2 } from './http2.ts';
import { makeSecureConnect, makeTls, type SecureConnect, type Tls } from './tls.ts';
import type { UndiciAgent } from './undici.ts';

/** What a stack offers above `net`. */
export abstract class Modules extends EventEmitter {
  /** As `node:net`, on this stack. */
  abstract readonly net: Net;
  #carrier: Carrier | undefined;
  #secureConnect: SecureConnect | undefined;
  #http: Http | undefined;
  #https: Https | undefined;
  #tls: Tls | undefined;
  #http2: Http2 | undefined;

  get #carry(): Carrier {
    this.#carrier ??= makeCarrier(this.net);
    return this.#carrier;
  }

  get #connectSecurely(): SecureConnect {
    const { connect } = process.getBuiltinModule('node:tls');
    this.#secureConnect ??= makeSecureConnect(this.net, connect);
    return this.#secureConnect;
  }

  /** As `node:http`, on this stack: `stack.http.createServer(app).listen(80)`, `stack.http.get(url)`. */
  get http(): Http {
    this.#http ??= makeHttp(this.net, this.#carry);
    return this.#http;
  }

  /** As `node:https`, on this stack. */
  get https(): Https {
    this.#https ??= makeHttps(this.net, this.#carry);
    return this.#https;
  }

  /** As `node:tls`, on this stack. A plain socket of the stack may be secured later, as in Node. */
  get tls(): Tls {
    this.#tls ??= makeTls(this.net, this.#carry);
    return this.#tls;
  }

  /** As `node:http2`, on this stack. */
  get http2(): Http2 {
    this.#http2 ??= makeHttp2(this.net, this.#connectSecurely, this.#carry);
    return this.#http2;
  }

  /**
   * Put a server of Node's on this stack: whatever extends `net.Server`, as those that frameworks make.
   * Its `listen` opens a port here; all else of it stays as it is. Gives the server back. Throws
   * `ERR_INVALID_ARG_TYPE` for anything else.
   */
  carry<Server extends NodeServer>(server: Server): Server {
    return this.#carry.carry(server);
  }

  /**
   * An agent whose connections leave from this stack, for all that takes one (`http.request`, `ws`,
   * clients of services). With `{ protocol: 'https:' }` it is an `https.Agent`.
   */
  agent(options: https.AgentOptions & { protocol: 'https:' }): https.Agent;
  agent(options?: http.AgentOptions): http.Agent;
  agent(options: http.AgentOptions & { protocol?: string | undefined } = {}): http.Agent {
    const { Agent } = options.protocol === 'https:' ? this.https : this.http;
    return new Agent(options);
  }

  /** For undici: `new Agent({ connect: stack.connector() })`. Options are those of `tls.connect`. */
  connector(options: ConnectorOptions = {}): Connector {
    return makeConnector(this.net, this.#connectSecurely, options);
  }

  /**
   * An undici `Agent` whose connections leave from this stack: `fetch(url, { dispatcher:
   * stack.dispatcher() })`. Needs undici 7 in the program (`ERR_MODULE_NOT_FOUND` otherwise).
   */
  dispatcher(options: DispatcherOptions = {}): UndiciAgent {
    return makeDispatcher(this.net, this.#connectSecurely, options);
  }
}
