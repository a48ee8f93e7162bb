/**
 * What the owner of a connection is told, and in which order.
 *
 * `onOpen`, then any number of `onData`, `onWritable` and `onRelease`, then `onEnd` when the peer's
 * FIN has been reached, and last and once `onClose`. All are called from `input`, `flush` or
 * `expire`, never from within a verb that the owner calls; an owner may call any verb from any of them.
 * What an owner throws is caught and handed to `Tcp.thrown`: it does not harm the stack.
 * @module
 */
import type { Failure } from '../../base/failure.ts';

export interface Owner {
  /** The handshake is complete: RFC 9293 §3.3.2, ESTABLISHED. */
  onOpen(): void;
  /**
   * Text arrived: `length` bytes of `bytes` from `at`, valid during the call only. Not called while
   * reading is off (`setReading`).
   */
  onData(bytes: Uint8Array, at: number, length: number): void;
  /** The peer has sent all it will send. */
  onEnd(): void;
  /** After a `write` that took less than it was given: there is room again. */
  onWritable(): void;
  /** A chunk that was written by reference with this token is no longer needed. */
  onRelease(token: unknown): void;
  /** All that was written so far was acknowledged, or the connection is gone. It must not throw. */
  onDelivered?(): void;
  /** All was acknowledged, our FIN included. Only if `shutdown` was called. */
  onFinished(): void;
  /** The connection is gone from here (TIME-WAIT counts as gone). `NONE` after an orderly close. */
  onClose(failure: Failure): void;
}
