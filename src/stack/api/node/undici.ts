/**
 * What of undici's types this package needs, written down here: undici is an optional peer, so the
 * declarations of a program without it must not ask for them. An agent of undici 7 has all of this, and this
 * is taken where undici, or the `fetch` that `@types/node` 20 to 24 declares, asks for a dispatcher.
 *
 * undici documentation: "Dispatcher", "Agent", "Client", "Pool".
 * @module
 */
import type { EventEmitter } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';

/** What has a shape of the program's own undici, not the same in each version of it. */
// biome-ignore lint/suspicious/noExplicitAny: what is `unknown` could not stand where undici's own type is asked for
type Theirs = any;
/** How undici's functions answer those who wait for no promise. */
type Told = (error: Error | null, answer: Theirs) => void;

/** A dispatcher of undici's: what `fetch(url, { dispatcher })` and undici's own functions take. */
export interface UndiciDispatcher extends EventEmitter {
  /** Begin a request; false if the dispatcher would rather be asked again after `drain`. */
  dispatch(options: object, handler: object): boolean;
  /** A tunnel, by the method CONNECT. */
  connect(options: object): Promise<Theirs>;
  connect(options: object, callback: Told): void;
  /** This dispatcher behind interceptors. */
  compose(...interceptors: readonly Theirs[]): UndiciDispatcher;
  /** A request, and its answer with the body as a stream. */
  request(options: object): Promise<Theirs>;
  request(options: object, callback: Told): void;
  /** A request as a stream, for `stream.pipeline`. */
  pipeline(options: object, handler: (answer: Theirs) => Readable): Duplex;
  /** A request whose answer goes to a stream that `factory` gives. */
  stream(options: object, factory: (answer: Theirs) => Writable): Promise<Theirs>;
  stream(options: object, factory: (answer: Theirs) => Writable, callback: Told): void;
  /** A connection that changes its protocol. */
  upgrade(options: object): Promise<Theirs>;
  upgrade(options: object, callback: Told): void;
  /** Let the requests under way end, and take no more. */
  close(): Promise<void>;
  close(callback: () => void): void;
  /** End every connection and every request, with this error. */
  destroy(error?: Error | null): Promise<void>;
  destroy(callback: () => void): void;
  destroy(error: Error | null, callback: () => void): void;
  /** Who listens to an event, as `EventEmitter`'s does. */
  listeners(event: string | symbol): Theirs[];
  /** With the wrappers of `once`. */
  rawListeners(event: string | symbol): Theirs[];
}

/** An agent of undici's: a dispatcher with a pool of connections for each origin. */
export interface UndiciAgent extends UndiciDispatcher {
  /** `close` was called. */
  readonly closed: boolean;
  /** `destroy` was called, or `close` has done its work. */
  readonly destroyed: boolean;
}

/** Options of undici's `Agent`, but for how it connects. Times are in milliseconds. */
export interface UndiciAgentOptions {
  /** Connections to one origin; null: no limit, the default. */
  readonly connections?: number | null;
  /** Requests on one connection that wait for their answers at a time. Default 1. */
  readonly pipelining?: number;
  /** Take HTTP/2 where the server offers it. Default false. */
  readonly allowH2?: boolean;
  /** Streams of one HTTP/2 connection at a time. */
  readonly maxConcurrentStreams?: number;
  /** How long an idle connection is kept. Default 4000. */
  readonly keepAliveTimeout?: number;
  /** As long as that at most, whatever the server says. Default 600 000. */
  readonly keepAliveMaxTimeout?: number;
  /** Taken off what the server says. Default 1000 or 2000, by version. */
  readonly keepAliveTimeoutThreshold?: number;
  /** How long an answer's headers may take. Default 300 000. */
  readonly headersTimeout?: number;
  /** How long a body may pause; 0: for ever. Default 300 000. */
  readonly bodyTimeout?: number;
  /** In bytes. Default: Node's `--max-http-header-size`. */
  readonly maxHeaderSize?: number;
  /** In bytes; -1: no limit, the default. */
  readonly maxResponseSize?: number;
  /** Requests after which a connection is closed. */
  readonly maxRequestsPerClient?: number;
  /** Refuse a body that is not as long as its `content-length` says. Default true. */
  readonly strictContentLength?: boolean;
  /** Origins at a time; undici 7. */
  readonly maxOrigins?: number;
  /** What makes the dispatcher of an origin; an undici `Pool` unless told. */
  factory?(origin: string | URL, options: object): object;
}
