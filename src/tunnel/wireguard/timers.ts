/**
 * A peer's timers: what sets and clears each. "WireGuard: Next Generation Kernel Network Tunnel", §6; where the paper
 * is silent as in wireguard-go's `timers.go`.
 *
 * A timer is a deadline in a table: to set one is a store. The peer's soonest is looked up when it is asked for.
 * @module
 */
import { NEVER } from '../tunnel.ts';
import { Limit } from './limits.ts';

export const Timer = {
  /** An initiation has no answer yet. */
  RETRANSMIT: 0,
  /** Data came, and we have said nothing since. */
  KEEPALIVE: 1,
  /** Data went, and nothing came since. */
  NEW_HANDSHAKE: 2,
  /** Keys are to be forgotten. */
  FORGET: 3,
  /** The peer is to hear of us whatever happens. */
  PERSISTENT: 4,
} as const;
export type Timer = (typeof Timer)[keyof typeof Timer];

const COUNT = 5;

export class Timers {
  /** Microseconds between two persistent keepalives; 0: none. */
  persistent = 0;
  /** Tries of the handshake that is under way, but for the first. */
  attempts = 0;
  /** The next session was begun early, because this one is about to end. */
  sentLastMinute = false;
  readonly #due: Float64Array = new Float64Array(COUNT).fill(NEVER);
  /** More data came while a keepalive was due. */
  #needsAnother = false;

  /** When the soonest is due. */
  next(): number {
    const due = this.#due;
    let next = NEVER;
    for (let i = 0; i < COUNT; i++) if ((due[i] as number) < next) next = due[i] as number;
    return next;
  }

  /** Whether `timer` is due at `now`; it is over then. */
  take(timer: Timer, now: number): boolean {
    if ((this.#due[timer] as number) > now) return false;
    this.#due[timer] = NEVER;
    return true;
  }

  isSet(timer: Timer): boolean {
    return this.#due[timer] !== NEVER;
  }

  set(timer: Timer, due: number): void {
    this.#due[timer] = due;
  }

  clear(timer: Timer): void {
    this.#due[timer] = NEVER;
  }

  clearAll(): void {
    this.#due.fill(NEVER);
    this.attempts = 0;
    this.sentLastMinute = false;
    this.#needsAnother = false;
  }

  /** A packet with text was sent: an answer of any kind is expected. §6.5. */
  dataSent(now: number, jitter: number): void {
    if (this.isSet(Timer.NEW_HANDSHAKE)) return;
    this.set(Timer.NEW_HANDSHAKE, now + Limit.KEEPALIVE + Limit.REKEY_TIMEOUT + jitter);
  }

  /** A packet with text came: if we have nothing to say, we say that. §6.5. */
  dataReceived(now: number): void {
    if (this.isSet(Timer.KEEPALIVE)) this.#needsAnother = true;
    else this.set(Timer.KEEPALIVE, now + Limit.KEEPALIVE);
  }

  /** The keepalive that was due is sent. */
  keepaliveSent(now: number): void {
    if (!this.#needsAnother) return;
    this.#needsAnother = false;
    this.set(Timer.KEEPALIVE, now + Limit.KEEPALIVE);
  }

  /** Anything authenticated was sent. */
  sent(): void {
    this.clear(Timer.KEEPALIVE);
  }

  /** Anything authenticated came. */
  received(): void {
    this.clear(Timer.NEW_HANDSHAKE);
  }

  /** Anything authenticated went either way. */
  traversed(now: number): void {
    if (this.persistent > 0) this.set(Timer.PERSISTENT, now + this.persistent);
  }

  initiated(now: number, jitter: number): void {
    this.set(Timer.RETRANSMIT, now + Limit.REKEY_TIMEOUT + jitter);
  }

  /** The other end has shown that it has the session's keys. */
  complete(): void {
    this.clear(Timer.RETRANSMIT);
    this.attempts = 0;
    this.sentLastMinute = false;
  }

  /** Keys were made. */
  derived(now: number): void {
    this.set(Timer.FORGET, now + Limit.FORGET);
  }
}
