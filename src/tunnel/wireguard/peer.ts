/**
 * A peer as data: its keys, where it is, its sessions, and what waits for one. What is done with it stands in
 * `handshakes.ts` and `wireguard.ts`.
 * @module
 */
import { PacketQueue } from '../../device/queue.ts';
import { REAL_ZERO } from '../../stack/base/real.ts';
import type { Endpoint } from '../endpoint.ts';
import { NEVER } from '../tunnel.ts';
import { CookieJar } from './cookies.ts';
import { type Initiated, type Remote, wipe } from './handshake.ts';
import { Limit } from './limits.ts';
import { KEY_LENGTH } from './messages.ts';
import { publicKeyOf } from './primitives.ts';
import type { Session } from './session.ts';
import { Timers } from './timers.ts';

export class Peer implements Remote {
  readonly publicKey: Uint8Array;
  readonly publicObject: Remote['publicObject'];
  readonly presharedKey: Uint8Array = new Uint8Array(KEY_LENGTH);
  /** Changes with our own key. */
  staticShared: Uint8Array;
  /** Where it was heard of last, or is said to be; undefined: we must wait for it. */
  endpoint: Endpoint | undefined;
  readonly timers: Timers = new Timers();
  readonly cookies: CookieJar;
  /** The session that packets are sealed with; the one before it, whose packets may still come; the one after it, which
   * the initiator has not used yet. */
  current: Session | undefined;
  previous: Session | undefined;
  next: Session | undefined;
  /** Our initiation that waits for a response. */
  initiated: Initiated | undefined;
  /** When an initiation was sent last, and one of its taken. */
  lastInitiated: number = -NEVER;
  lastTaken: number = -NEVER;
  /** TAI64N of the greatest initiation that was taken: older ones are replayed. */
  readonly greatestTime: Uint8Array = new Uint8Array(12);
  /** Milliseconds since 1970 of the last handshake; 0: none yet. */
  lastHandshake = 0;
  sentBytes: number = REAL_ZERO;
  receivedBytes: number = REAL_ZERO;
  /** Packets that came, and that did not, in sessions that are over. */
  #received = 0;
  #missing = 0;
  /** Made when the first packet has to wait. */
  #staged: PacketQueue | undefined;
  /** For `Deadlines`. */
  due: number = NEVER;
  dueAt = -1;

  constructor(publicKey: Uint8Array, staticShared: Uint8Array) {
    this.publicKey = publicKey;
    this.publicObject = publicKeyOf(publicKey);
    this.staticShared = staticShared;
    this.cookies = new CookieJar(publicKey);
  }

  /** How many packets wait for a session. */
  get staged(): number {
    return this.#staged?.count ?? 0;
  }

  /** Let a packet wait; the oldest gives way when there are too many: false, one was lost. */
  stage(bytes: Uint8Array, at: number, length: number, scratch: Uint8Array): boolean {
    this.#staged ??= new PacketQueue(Limit.STAGED, scratch.length);
    if (this.#staged.push(bytes, at, length)) return true;
    this.#staged.shift(scratch, 0, scratch.length);
    this.#staged.push(bytes, at, length);
    return false;
  }

  /** The packet that waits longest, put into `into`; its length, 0 if none waits. */
  unstage(into: Uint8Array): number {
    return this.#staged?.shift(into, 0, into.length) ?? 0;
  }

  /** How many packets have waited in vain. */
  dropStaged(): number {
    const { staged } = this;
    this.#staged = undefined;
    return staged;
  }

  /** Packets that came from it, and that it sent and did not come. */
  get loss(): { readonly received: number; readonly missing: number } {
    let received = this.#received;
    let missing = this.#missing;
    for (const session of [this.current, this.previous, this.next]) {
      received += session?.received ?? 0;
      missing += session?.missing ?? 0;
    }
    return { received, missing };
  }

  /** A session is over: what it counted is kept, its keys are not. */
  end(session: Session): void {
    this.#received += session.received;
    this.#missing += session.missing;
    session.wipe();
  }

  /** Forget what is secret. */
  wipe(): void {
    this.cookies.wipe();
    wipe(this.presharedKey, this.staticShared);
  }
}
