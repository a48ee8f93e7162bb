/**
 * What a tunnel is made of: a protocol, which is a pure function of packets and time; the datagrams
 * by which it talks to its peers; and the packets that go through it.
 *
 * A protocol owns no clock, no socket and no chance. It is handed packets from inside, datagrams from
 * outside and the time; it answers through `TunnelOut`, at once and from within these calls, and says
 * when it wants to be called next. `TunnelDevice` binds one to a `DatagramTransport` and a clock, and
 * makes it a `Device`. A simulation may do the same in virtual time.
 *
 * Times are microseconds, of a clock that never goes back and whose zero is of no meaning.
 * @module
 */
import type { Endpoint } from './endpoint.ts';

/** The deadline of what is not due at all. */
export const NEVER: number = Number.POSITIVE_INFINITY;

/** Where datagrams are written before they leave. */
export interface DatagramOut {
  /** Where they are written; it may be another array after a `reserve`. */
  readonly bytes: Uint8Array;
  /**
   * Where the next datagram of up to `length` bytes may be written in `bytes`; -1 if there is no room,
   * and the datagram is to be counted as lost. Good until the next `reserve` or `commit`.
   */
  reserve(length: number): number;
  /** The `length` bytes that were written at the place reserved last go to `to`. */
  commit(length: number, to: Endpoint): void;
}

/** What a protocol speaks through. */
export interface TunnelOut {
  /** Asked for anew in each call: a tunnel may get another transport under way. */
  readonly datagrams: DatagramOut;
  /** An IP packet came out of the tunnel: `length` bytes at `at`, which may be reused on return. */
  deliver(bytes: Uint8Array, at: number, length: number): void;
}

/** A tunnel's protocol. None of these calls throws, whatever the bytes are. */
export interface TunnelProtocol {
  /**
   * An IP packet is to go into the tunnel, no longer than the MTU. Its bytes are left as they are, and may be
   * reused on return: who must keep it copies it.
   */
  packet(bytes: Uint8Array, at: number, length: number, now: number): void;
  /** A datagram came. Its bytes may be overwritten during the call, and are another's after it. */
  datagram(bytes: Uint8Array, at: number, length: number, from: Endpoint, now: number): void;
  /** When `expire` wants to be called; `NEVER` if it does not. Asked after each batch of calls. */
  deadline(): number;
  /** The deadline has come. */
  expire(now: number): void;
  /** The tunnel is closed: say goodbye if that is the custom, and wipe what is secret. */
  stop(now: number): void;
}

/** What a transport tells the one who uses it. */
export interface TransportUser {
  /** A datagram came; its bytes may be overwritten during the call. */
  received(bytes: Uint8Array, at: number, length: number, from: Endpoint): void;
  /** The last datagram of a batch has been given; others may follow at once. */
  drained(): void;
  /** It was `full` and is no more. */
  writable(): void;
  /** It is gone for good, with the reason. Said at most once, and not after `close`. */
  failed(error: Error): void;
}

/**
 * How datagrams travel: sockets of this host, sockets of another stack, a simulation, or a stream that
 * frames them. What cannot be sent now because the system's buffer is full is kept and makes it `full`; what
 * can never be sent is counted and lost, as any datagram may be.
 */
export interface DatagramTransport extends DatagramOut {
  /** Begin to tell `user`; called once. */
  start(user: TransportUser): void;
  /** The end of a batch: what was committed leaves now. */
  flush(): void;
  /** It would take more only at the price of losing it: wait for `writable`. */
  readonly full: boolean;
  /** The port that datagrams leave from and come to; 0 where that has no meaning. */
  readonly port: number;
  /** Datagrams that could not be sent. */
  readonly lost: number;
  /** Whether it keeps the process alive, as it does from the beginning. */
  ref(): void;
  /** Let the process end while it is open. */
  unref(): void;
  /** Settles when its sockets are released. What was not flushed is lost. */
  close(): Promise<void>;
}

/** The time, and a call at a time: the system's, or a simulation's. */
export interface TunnelClock {
  /** Microseconds; it never goes back. */
  now(): number;
  /** Call `fn` once, at `time` or soon after, but never from within this call. */
  at(time: number, fn: () => void): void;
}

/** Fills `into` with bytes that nobody can guess. */
export type RandomBytes = (into: Uint8Array) => void;
