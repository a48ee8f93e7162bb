/**
 * A TCP flow that somebody wants to open, to whatever address and port, before anyone has answered:
 * accept it, refuse it, or drop it, now or later. Until then its SYN waits.
 * @module
 */
import type { Address } from '../../base/address.ts';
import { Failure, failureCode } from '../../base/failure.ts';
import { after, nextRound, stop } from '../../host/clock.ts';
import type { Host } from '../../host/host.ts';
import { admit, reject, Verdict } from '../../tcp/open/intercept.ts';
import type { Owner } from '../../tcp/tcb/owner.ts';
import type { Tcb } from '../../tcp/tcb/tcb.ts';
import { Code } from '../../wire/icmp.ts';
import { checkInteger } from '../door/checks.ts';
import { coded, type SystemError, systemError } from '../door/errors.ts';
import { textOf } from '../door/text.ts';
import type { NetParts } from '../net/net.ts';
import type { SocketOptions } from '../net/options.ts';
import type { Socket } from '../net/socket.ts';
import { Connection, type ConnectionHandler } from '../tcp/connection.ts';

/** Whose flow it is, and where it is meant to go. */
export interface FlowPlace {
  /** Where the flow comes from, dotted decimal. */
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
  /** Where it is meant to go, which need not be an address of ours. */
  readonly localAddress: string;
  /** 1 to 65535. */
  readonly localPort: number;
}

const ignore = (): void => {};

/** A flow that waits to be accepted, refused or dropped. */
export class TcpFlow implements FlowPlace, Owner {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #host: Host;
  readonly #parts: NetParts;
  #abort: AbortController | undefined;
  #whenGone: (() => void) | undefined;
  #verdict: Verdict | undefined;
  #code: number = Code.PROHIBITED;
  /** From when the flow waits, until it is decided. */
  #tcb: Tcb | undefined;
  /** Accepted, and not yet open. */
  #connection: Connection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #gone = false;

  /** Not for use from outside: `stack.tcp.intercept` makes these. */
  constructor(
    host: Host,
    parts: NetParts,
    remote: Address,
    remotePort: number,
    local: Address,
    localPort: number,
  ) {
    this.#host = host;
    this.#parts = parts;
    this.remoteAddress = textOf(host.core.ip, remote);
    this.remotePort = remotePort;
    this.localAddress = textOf(host.core.ip, local);
    this.localPort = localPort;
  }

  /** Aborted if the client gives up, or the time is over, before the flow was decided. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone && !this.#connection) this.#abort.abort();
    return this.#abort.signal;
  }

  /**
   * The same without an object for it: `then` is called once, at once if it is so already. It takes the place of the one
   * before; undefined: nobody is called.
   */
  whenGone(then: (() => void) | undefined): void {
    this.#whenGone = then;
    if (this.#gone && !this.#connection) this.#tellGone();
  }

  /** True once it was accepted, refused, dropped or passed, or is gone. */
  get decided(): boolean {
    return this.#verdict !== undefined || this.#gone;
  }

  /**
   * Answer the SYN, and give the socket when the client has completed the handshake. Its
   * `localAddress` and `localPort` are what the client asked for. Undefined if the client goes away
   * before that, which every port scan does: no error, because it is not one of this side's.
   */
  async accept(options: SocketOptions = {}): Promise<Socket | undefined> {
    return new Promise((done) => {
      this.acceptConnection({
        open: (connection) => {
          const socket = this.#parts.adopt(options, { connection, pause: false });
          // An error that comes before whoever waits for the socket had a chance to listen.
          socket.on('error', ignore);
          nextRound(() => socket.off('error', ignore));
          // An event of its own: who awaits the socket listens before it hears of an end in the same batch.
          this.#host.events.add(done, settle, socket, undefined);
        },
        close: () => done(undefined),
      });
    });
  }

  /**
   * The same with the callback interface: `handler.open` is called when the handshake is complete, or
   * `handler.close` if that does not come. Write from `open` on.
   */
  acceptConnection(handler: ConnectionHandler): Connection {
    this.#decide(Verdict.ACCEPT);
    const connection = new Connection(this.#host, handler);
    this.#connection = connection;
    if (this.#gone) {
      nextRound(() => handler.close?.(connection, this.#error('ECONNABORTED')));
    } else if (this.#tcb) this.#admit(this.#tcb);
    return connection;
  }

  /** Answer with a reset: the client sees `ECONNREFUSED`. */
  refuse(): void {
    this.#decide(Verdict.RESET);
  }

  /** Answer with ICMP: destination unreachable, administratively prohibited. */
  prohibit(): void {
    this.unreachable(Code.PROHIBITED);
  }

  /** The same with another code of RFC 792: 0 the network, 1 (default) the host is unreachable. */
  unreachable(code: number = Code.HOST): void {
    checkInteger(code, 'code', 0, 255);
    this.#code = code;
    this.#decide(Verdict.PROHIBIT);
  }

  /** Do not answer. The client asks again, and then gives up by itself. */
  drop(): void {
    this.#decide(Verdict.DROP);
  }

  /** Leave it to the listeners of this stack. Only before the handler has returned. */
  pass(): void {
    if (this.#tcb) {
      const message = 'the flow was kept already: pass it on before the handler returns or waits';
      throw coded(Error, 'ERR_INVALID_STATE', message);
    }
    this.#decide(Verdict.PASS);
  }

  #decide(verdict: Verdict): void {
    if (this.#verdict !== undefined) {
      throw coded(Error, 'ERR_INVALID_STATE', 'the flow was decided already: once is enough');
    }
    this.#verdict = verdict;
    stop(this.#timer);
    const tcb = this.#tcb;
    if (!tcb || verdict === Verdict.ACCEPT) return;
    this.#tcb = undefined;
    reject(tcb, verdict, this.#code);
    this.#host.flushSoon();
  }

  /** For the interceptor: what the stack is to do with the SYN, now that the handler has run. */
  get verdict(): Verdict {
    // What is accepted waits too, for no longer than until `wait` is called; so does a word of our own.
    const { ACCEPT, LATER, PROHIBIT } = Verdict;
    const verdict = this.#verdict ?? LATER;
    const isLater = verdict === ACCEPT || (verdict === PROHIBIT && this.#code !== Code.PROHIBITED);
    return isLater ? LATER : verdict;
  }

  /** For the interceptor: the flow is kept, for `timeout` milliseconds at most. */
  wait(tcb: Tcb, timeout: number): void {
    this.#tcb = tcb;
    tcb.owner = this;
    if (this.#connection) this.#admit(tcb);
    else if (this.#verdict !== undefined) reject(tcb, this.#verdict, this.#code);
    else {
      this.#timer = after(timeout, () => {
        this.drop();
        this.#end();
      });
    }
  }

  /** For the interceptor: the handler failed, or the interceptor is closed. */
  giveUp(): void {
    if (this.decided) return;
    this.refuse();
    this.#end();
  }

  #admit(tcb: Tcb): void {
    const connection = this.#connection as Connection; // both callers have one
    tcb.owner = connection;
    connection.begin(tcb);
    admit(tcb);
  }

  /** It is over, and was not accepted. */
  #end(): void {
    this.#gone = true;
    stop(this.#timer);
    if (this.#connection) return;
    this.#abort?.abort();
    this.#tellGone();
  }

  #tellGone(): void {
    const then = this.#whenGone;
    this.#whenGone = undefined;
    try {
      then?.();
    } catch (error) {
      this.#host.thrown(error);
    }
  }

  #error(code: string): SystemError {
    return systemError(code, 'accept', { address: this.remoteAddress, port: this.remotePort });
  }

  /** For the interceptor: it could not be kept, there being too many connections. */
  lost(): void {
    this.#end();
    const connection = this.#connection;
    connection?.handler.close?.(connection, this.#error(failureCode(Failure.NO_BUFFERS)));
  }

  /** For the stack: the client gave up, or the stack is closed. */
  onClose(): void {
    this.#end();
  }

  // Nothing else can happen to a connection that is half open.
  /** @internal */
  onOpen(): void {}
  /** @internal */
  onData(): void {}
  /** @internal */
  onEnd(): void {}
  /** @internal */
  onWritable(): void {}
  /** @internal */
  onRelease(): void {}
  /** @internal */
  onFinished(): void {}
}

function settle(this: (socket: Socket) => void, socket: Socket): void {
  this(socket);
}
