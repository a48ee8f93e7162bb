/**
 * The callback interface to TCP: a connection without streams, events or promises, over which
 * `stack.net` is written, and the one that carries text without copying it.
 *
 * Received text is a view on the packet it came in, valid during the call. Sent text is referenced,
 * not copied, until the peer has acknowledged it. All handler functions are called from the stack's
 * own turn; any method may be called from them. What they throw becomes an `uncaughtException`.
 * @module
 */
import { type Address, ANY, family } from '../../base/address.ts';
import { Failure, failureCode } from '../../base/failure.ts';
import { plain } from '../../base/real.ts';
import type { Host } from '../../host/host.ts';
import type { TcpInfo } from '../../tcp/info.ts';
import { Flag, has } from '../../tcp/tcb/flags.ts';
import type { Owner } from '../../tcp/tcb/owner.ts';
import { stateName } from '../../tcp/tcb/state.ts';
import type { Tcb } from '../../tcp/tcb/tcb.ts';
import * as verbs from '../../tcp/verbs.ts';
import { checkInteger, checkRange } from '../door/checks.ts';
import { connectError, lostMemoryError, type SystemError, systemError } from '../door/errors.ts';
import { mappedTextOf, textOf } from '../door/text.ts';
import { someoneAsks, tellClosed, tellEstablished, tellOpened, tellReset } from './channels.ts';
import { infoOf } from './info.ts';

/** What happens on a connection, in this order: open, then any of the middle, end, close. */
export interface ConnectionHandler {
  /** The handshake is complete. Not called for an accepted connection: it is open already. */
  open?(connection: Connection): void;
  /**
   * Text arrived: `length` bytes of `bytes` from `at`, which are the stack's again when this
   * returns (see `Connection.keep`). Not called while the connection is paused.
   */
  data?(connection: Connection, bytes: Uint8Array, at: number, length: number): void;
  /** The peer has sent all it will send. */
  end?(connection: Connection): void;
  /** After a `write` that took less than it was given: there is room again. */
  writable?(connection: Connection): void;
  /** A chunk that was written with this token was acknowledged (or the connection is gone). */
  release?(connection: Connection, token: unknown): void;
  /** The peer has acknowledged all that was sent, the end included. */
  finish?(connection: Connection): void;
  /** The connection is gone: last, and once. `error` unless both sides closed it in order. */
  close?(connection: Connection, error: SystemError | undefined): void;
}

/** Where a connection stands in its life, as its owner sees it. */
const Phase = { OPENING: 0, OPEN: 1, CLOSED: 2 } as const;

/** What is true of a connection; bits of one number, since there are many connections. */
const Is = { DETACHED: 1, FINISHED: 2, HOLDING: 4, UNWANTED: 8, IDLE: 16 } as const;

/** A TCP connection, without a stream: what `net.Socket` is made of. RFC 9293 §3.9.1. */
export class Connection implements Owner {
  /** Yours: whatever belongs to this connection. */
  context: unknown = undefined;
  readonly #host: Host;
  #handler: ConnectionHandler;
  #tcb: Tcb | undefined;
  /** Its addresses once it is gone, where the stack has let go of them. */
  #ends: { readonly local: string; readonly remote: string } | undefined;
  #mapped = false;
  #phase: number;
  #cause: Failure = Failure.NONE;
  #is = 0;

  /** Not for use from outside: `stack.tcp.createConnection` and `createListener` make these. */
  constructor(host: Host, handler: ConnectionHandler, accepted?: Tcb) {
    this.#host = host;
    this.#handler = handler;
    this.#tcb = accepted;
    this.#phase = accepted ? Phase.OPEN : Phase.OPENING;
  }

  /** Who is told what happens. May be changed at any time. */
  get handler(): ConnectionHandler {
    return this.#handler;
  }

  set handler(handler: ConnectionHandler) {
    this.#handler = handler;
  }

  /** True until the handshake is complete. */
  get opening(): boolean {
    return this.#phase === Phase.OPENING;
  }

  /** True if the peer asked for the connection, and false if this stack did. */
  get accepted(): boolean {
    return this.#tcb !== undefined && has(this.#tcb, Flag.PASSIVE);
  }

  /** Why the connection is gone; `Failure.NONE` while it is not, and after an orderly end. */
  get failure(): Failure {
    return this.#cause;
  }

  /** True once the connection is gone. */
  get closed(): boolean {
    return this.#phase === Phase.CLOSED;
  }

  /** True after `close` or `abort`, while the peer has not acknowledged all that was written. */
  get leaving(): boolean {
    return this.#detached && (this.#is & Is.FINISHED) === 0 && !this.closed;
  }

  /** The RFC's name of the state: `ESTABLISHED`, `FIN-WAIT-1`, ... */
  get state(): string {
    return this.#tcb ? stateName(this.#tcb.state) : 'CLOSED';
  }

  /** From now on an IPv4 connection of a socket for both families, which sees `::ffff:10.0.0.1`. RFC 3493 §3.7. */
  seeMapped(): void {
    this.#mapped = family(this.#tcb?.localAddress ?? ANY) === 'IPv4';
  }

  #text(address: Address = ANY): string {
    const { ip } = this.#host.core;
    return this.#mapped ? mappedTextOf(ip, address) : textOf(ip, address);
  }

  /** As text: dotted decimal, or RFC 5952's form, with a zone where it is link-local. */
  get localAddress(): string {
    return this.#ends?.local ?? this.#text(this.#tcb?.localAddress);
  }

  /** 1 to 65535; 0 before there is one. */
  get localPort(): number {
    return this.#tcb?.localPort ?? 0;
  }

  /** Likewise. */
  get remoteAddress(): string {
    return this.#ends?.remote ?? this.#text(this.#tcb?.remoteAddress);
  }

  /** 1 to 65535. */
  get remotePort(): number {
    return this.#tcb?.remotePort ?? 0;
  }

  /** Of its addresses. */
  get family(): 'IPv4' | 'IPv6' {
    return this.#mapped ? 'IPv6' : family(this.#tcb?.localAddress ?? ANY);
  }

  /** Bytes of text received and handed over, and bytes taken by `write`. */
  get bytesRead(): number {
    return plain(this.#tcb?.bytesIn ?? 0);
  }

  /** Bytes of text taken by `write` and `writeCopy`. */
  get bytesWritten(): number {
    return plain(this.#tcb?.bytesOut ?? 0);
  }

  /**
   * Send `length` bytes of `bytes` from `at`, by reference: leave them alone until `release` is
   * called with `token`. Gives how many were taken; if that is less than `length`, `writable` follows.
   * Memory that is transferred away before its release ends the connection: a reset to the peer, `EFAULT`
   * to `close`. Throws `ERR_OUT_OF_RANGE` for what does not lie within `bytes`.
   */
  write(bytes: Uint8Array, at = 0, length: number = bytes.length - at, token?: unknown): number {
    checkRange(bytes, at, length);
    const tcb = this.#tcb;
    return tcb && !this.closed ? verbs.write(tcb, bytes, at, length, token) : 0;
  }

  /** The same with a copy: the bytes are yours again at once. Throws as `write` does. */
  writeCopy(bytes: Uint8Array, at = 0, length: number = bytes.length - at): number {
    checkRange(bytes, at, length);
    const tcb = this.#tcb;
    return tcb && !this.closed ? verbs.writeCopy(tcb, bytes, at, length) : 0;
  }

  /** Nothing more will be written: the end follows what was. RFC 9293 §3.6, CLOSE. */
  end(): void {
    if (this.#tcb && !this.closed) verbs.shutdown(this.#tcb);
  }

  /**
   * Be done with the connection, as `close(2)`: what was written is still delivered, what comes is
   * refused with RST, and if text waits unread the peer is reset (RFC 1122 §4.2.2.13). No function of
   * the handler is called any more but `release`.
   */
  close(): void {
    if (this.#detached || this.closed) return;
    this.#detach();
    if (this.#tcb) verbs.detach(this.#tcb);
  }

  /** Reset the connection. No function of the handler is called any more but `release`. */
  abort(): void {
    if (this.closed) return;
    this.#detach();
    if (this.#tcb) verbs.abort(this.#tcb);
  }

  /** Give the connection up for a reason that lies on this side, and tell the handler. */
  fail(failure: Failure): void {
    if (this.closed || !this.#tcb) return;
    this.#cause = failure;
    verbs.abort(this.#tcb);
  }

  /** Want no more text for now: what comes is kept, and the window closes when the buffer is full. */
  pause(): void {
    if (this.#tcb && !this.closed) verbs.setReading(this.#tcb, false);
  }

  /** @internal All text goes into `to` from now on. */
  relay(to: Connection | undefined): void {
    if (this.#tcb && !this.closed) verbs.relay(this.#tcb, to ? (to.#tcb ?? null) : null);
  }

  /** @internal The same as `resume`, if it was paused: for who asks after each piece. */
  goOn(): void {
    if (this.#tcb && verbs.isPaused(this.#tcb)) this.resume();
  }

  /** Want text again. */
  resume(): void {
    if (this.#tcb && !this.closed) verbs.setReading(this.#tcb, true);
  }

  /**
   * Within `data`: keep the text beyond the call without copying it. True if that can be done
   * (it lies in a packet slot, which is now held); then `giveBack` must follow, soon: slots are few.
   * False for what had been kept for a reader that was paused, and while three quarters of the stack's
   * slots are taken: copy it then.
   */
  keep(bytes: Uint8Array, at: number): boolean {
    const { slots } = this.#host.core;
    if (bytes !== slots.bytes || !slots.ample) return false;
    slots.retain(slots.slotOf(at));
    return true;
  }

  /** Let go of text that was kept. */
  giveBack(at: number): void {
    const { slots } = this.#host.core;
    slots.release(slots.slotOf(at));
  }

  /** No waiting for more text before a small segment is sent (no Nagle). RFC 9293 §3.7.4. */
  setNoDelay(on = true): void {
    if (this.#tcb) verbs.setNoDelay(this.#tcb, on);
  }

  /** Probe an idle peer: after `idle` ms, every `interval` ms, `count` times. RFC 9293 §3.8.4. */
  setKeepAlive(on: boolean, idle = 0, interval = 0, count = 0): void {
    if (!this.#tcb) return;
    verbs.setKeepAlive(this.#tcb, on, idle * 1000, interval * 1000, count);
    this.#host.flushSoon();
  }

  /** Give up when text stays unacknowledged for `milliseconds`; 0: the default. RFC 5482. */
  setUserTimeout(milliseconds: number): void {
    if (this.#tcb) verbs.setUserTimeout(this.#tcb, milliseconds * 1000);
  }

  /**
   * Let `bytes` be written before they are sent, a full segment at least; `writable` follows when less than half of it
   * waits. 0: as many as the send buffer holds. Linux: `TCP_NOTSENT_LOWAT`. Throws `ERR_OUT_OF_RANGE`.
   */
  setNotSentLowWater(bytes: number): void {
    checkInteger(bytes, 'bytes', 0, Number.MAX_SAFE_INTEGER);
    if (this.#tcb) verbs.setLowWater(this.#tcb, bytes);
  }

  /** The six upper bits are the DSCP, the two lower ones belong to ECN; 0 to 255. */
  get typeOfService(): number {
    return this.#tcb?.tos ?? 0;
  }

  set typeOfService(value: number) {
    if (this.#tcb) this.#tcb.tos = value & 0xff;
  }

  /** What Linux's `tcp_info` holds, as it is now: times in milliseconds, sizes in bytes. */
  info(): TcpInfo | undefined {
    return this.#tcb && infoOf(this.#host.core.ip, this.#tcb);
  }

  /** The process stays alive while the connection is open; the default. */
  ref(): this {
    this.#is &= ~Is.UNWANTED;
    this.#settle();
    return this;
  }

  /** The process may end while the connection is open. */
  unref(): this {
    this.#is |= Is.UNWANTED;
    this.#settle();
    return this;
  }

  /** Whether the process stays alive while the connection is open. */
  hasRef(): boolean {
    return (this.#is & Is.UNWANTED) === 0;
  }

  /**
   * Nothing is awaited: nobody reads, or there is nothing more to read. As an idle handle of Node's it keeps
   * the process no longer than what was written needs to be delivered.
   */
  set idle(idle: boolean) {
    if (idle === ((this.#is & Is.IDLE) !== 0)) return;
    this.#is ^= Is.IDLE;
    this.#settle();
  }

  /** For `openConnection`: the core gave it a control block. */
  begin(tcb: Tcb): void {
    this.#tcb = tcb;
    this.#settle();
    tellOpened(this);
    if (!this.opening) tellEstablished(this);
  }

  // What the core tells its owner.

  /** @internal */
  onOpen(): void {
    if (!this.opening) return; // it was accepted
    this.#phase = Phase.OPEN;
    tellEstablished(this);
    if (!this.#detached) this.#handler.open?.(this);
  }

  /** @internal */
  onData(bytes: Uint8Array, at: number, length: number): void {
    if (!this.#detached) this.#handler.data?.(this, bytes, at, length);
  }

  /** @internal */
  onEnd(): void {
    if (!this.#detached) this.#handler.end?.(this);
  }

  /** @internal */
  onWritable(): void {
    if (!this.#detached) this.#handler.writable?.(this);
  }

  /** @internal */
  onRelease(token: unknown): void {
    this.#handler.release?.(this, token);
  }

  /** @internal */
  onDelivered(): void {
    if ((this.#is & Is.IDLE) !== 0) this.#settle();
  }

  /** @internal */
  onFinished(): void {
    this.#is |= Is.FINISHED;
    this.#settle();
    if (!this.#detached) this.#handler.finish?.(this);
  }

  /** @internal */
  onClose(failure: Failure): void {
    const opening = this.opening;
    this.#phase = Phase.CLOSED;
    if (this.family === 'IPv6') {
      this.#ends = { local: this.localAddress, remote: this.remoteAddress };
    }
    this.#settle();
    if (this.#cause === Failure.NONE) this.#cause = failure;
    if (failure !== Failure.NONE && !opening) tellReset(this, failure);
    if (someoneAsks()) tellClosed(this, this.#errorOf(this.#cause, opening));
    if (this.#detached) return;
    this.#handler.close?.(this, this.#errorOf(this.#cause, opening));
  }

  /** That this stack was closed by its own program is no error. */
  #errorOf(failure: Failure, opening: boolean): SystemError | undefined {
    if (failure === Failure.NONE || failure === Failure.CLOSED) return undefined;
    if (failure === Failure.FAULT) return lostMemoryError();
    const code = failureCode(failure);
    if (!opening) return systemError(code, 'read');
    return connectError(code, { address: this.remoteAddress, port: this.remotePort });
  }

  get #detached(): boolean {
    return (this.#is & Is.DETACHED) !== 0;
  }

  #detach(): void {
    this.#is |= Is.DETACHED;
    this.#settle();
  }

  /**
   * Hold the process while the connection is the user's, and after that until the peer has
   * acknowledged what was written: a kernel would outlive the process, this stack does not.
   */
  #settle(): void {
    const tcb = this.#tcb;
    const over = Is.DETACHED | Is.FINISHED;
    const inUse = !this.closed && tcb !== undefined && (this.#is & over) !== over;
    const idle = (this.#is & (Is.IDLE | Is.DETACHED)) === Is.IDLE;
    const hold = inUse && this.hasRef() && !(idle && this.#isDelivered(tcb));
    if (hold === ((this.#is & Is.HOLDING) !== 0)) return;
    this.#is ^= Is.HOLDING;
    if (hold) this.#host.hold();
    else this.#host.letGo();
  }

  /** Whether the peer has all that was written, and our end if there is one. */
  #isDelivered(tcb: Tcb): boolean {
    const ending = has(tcb, Flag.FIN_QUEUED) && (this.#is & Is.FINISHED) === 0;
    return tcb.chunks.length === 0 && !ending;
  }
}
