/**
 * Connections to a port, one after the other, for `for await`. Those that nobody has taken yet wait in
 * a queue that is as long as the backlog; past it SYNs are left unanswered, and come again.
 * @module
 */

import type { Events } from '../../host/events.ts';
import { abortError } from '../door/errors.ts';
import type { Socket } from '../net/socket.ts';
import type { Connection, ConnectionHandler } from '../tcp/connection.ts';
import type { Accept, Listener } from '../tcp/listener.ts';

type Result = IteratorResult<Socket, undefined>;
const END: Result = { done: true, value: undefined };

/** A socket that waits, and what guards it against an error that nobody would hear. */
interface Waiting {
  readonly socket: Socket;
  readonly ignore: () => void;
}

interface Taker {
  readonly done: (result: Result) => void;
  readonly fail: (error: Error) => void;
}

/** The connections to a port, one after the other, for `for await`. */
export class TcpAcceptor implements AsyncIterableIterator<Socket, undefined> {
  readonly #listener: Listener;
  readonly #adopt: (connection: Connection) => Socket;
  readonly #tell: (taker: Taker, result: Result) => void;
  readonly #waiting: Waiting[] = [];
  readonly #takers: Taker[] = [];
  #aborted: Error | undefined;
  #forgetSignal: () => void = () => {};

  /** Not for use from outside: `stack.tcp.listen` makes these. */
  constructor(
    open: (accept: Accept, hasRoom: () => boolean) => Listener,
    adopt: (connection: Connection) => Socket,
    events: Events,
    { backlog, signal }: { backlog: number; signal: AbortSignal | undefined },
  ) {
    this.#adopt = adopt;
    // An event of its own: who awaits the socket listens before it hears of an end in the same batch.
    this.#tell = (taker, result) => events.add(taker, take, result, undefined);
    this.#listener = open(
      (connection) => this.#accept(connection),
      () => this.#waiting.length < backlog,
    );
    this.#listener.onClosed = () => this.#end();
    if (signal) this.#endOn(signal);
  }

  /** Dotted decimal; `0.0.0.0` is all of the stack's addresses. */
  get address(): string {
    return this.#listener.address;
  }

  /** 1 to 65535. */
  get port(): number {
    return this.#listener.port;
  }

  /** How many sockets wait to be taken. */
  get waiting(): number {
    return this.#waiting.length;
  }

  #accept(connection: Connection): ConnectionHandler {
    const socket = this.#adopt(connection);
    const taker = this.#takers.shift();
    if (taker) this.#tell(taker, { done: false, value: socket });
    else {
      // Who fails while nobody has it is nobody's: it leaves the queue.
      const ignore = (): void => {
        const index = this.#waiting.findIndex((one) => one.socket === socket);
        if (index >= 0) this.#waiting.splice(index, 1);
      };
      socket.on('error', ignore);
      this.#waiting.push({ socket, ignore });
    }
    return connection.handler;
  }

  /** The next connection; rejects if the signal was aborted. */
  next(): Promise<Result> {
    const first = this.#waiting.shift();
    if (first) {
      first.socket.off('error', first.ignore);
      return Promise.resolve({ done: false, value: first.socket });
    }
    if (this.#aborted) return Promise.reject(this.#aborted);
    if (this.#listener.closed) return Promise.resolve(END);
    return new Promise((done, fail) => this.#takers.push({ done, fail }));
  }

  /** The loop was left. */
  return(): Promise<Result> {
    this.close();
    return Promise.resolve(END);
  }

  /** Listen no longer: loops end, and sockets that nobody took are destroyed. */
  close(): void {
    this.#listener.close();
  }

  #end(): void {
    this.#forgetSignal();
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
    for (const { done, fail } of this.#takers.splice(0)) {
      if (this.#aborted) fail(this.#aborted);
      else done(END);
    }
  }

  #endOn(signal: AbortSignal): void {
    const abort = (): void => {
      this.#aborted = abortError(signal.reason);
      this.close();
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    this.#forgetSignal = () => signal.removeEventListener('abort', abort);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function take(this: Taker, result: Result): void {
  this.done(result);
}
