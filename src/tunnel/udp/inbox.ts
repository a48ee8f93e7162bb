/**
 * Datagrams taken from a socket, many a call, until there are no more or others are to have their turn. recvmmsg(2).
 *
 * What one call brought is handed on whole before the next is made: it is still in the cache, the other end's next ones
 * come meanwhile, and no queue behind has to hold more than that.
 * @module
 */
import { type Endpoint, Endpoints } from '../endpoint.ts';
import type { TransportUser } from '../tunnel.ts';
import { addressAt, isKnown, portAt } from './address.ts';
import { ADDRESS_SIZE, Mmsg, MSG, putWord, type UdpCalls, Vector } from './system.ts';

/** Datagrams a call. */
const MESSAGES = 64;
/** Calls before others have their turn: the socket tells again of what is left. */
export const CALLS = 4;
const NAMES = MESSAGES * Mmsg.size;
const VECTORS = NAMES + MESSAGES * ADDRESS_SIZE;
const CALL_SIZE = VECTORS + MESSAGES * Vector.size;

export class Inbox {
  readonly endpoints: Endpoints = new Endpoints();
  calls = 0;
  /** Whether `drain` left some behind, and how many it took. */
  left = false;
  taken = 0;
  #stopped = false;
  readonly #system: UdpCalls;
  readonly #bytes: Uint8Array;
  readonly #size: number;
  readonly #call: Uint8Array = new Uint8Array(CALL_SIZE);
  readonly #view: DataView;
  readonly #callAddress: number;
  /** Who sent the last datagram, as the kernel has it and as we do. */
  readonly #lastKey: Int32Array = new Int32Array(7);
  #last: Endpoint | undefined;

  /** Takes datagrams of up to `longest` bytes. */
  constructor(system: UdpCalls, longest: number) {
    this.#system = system;
    this.#size = longest;
    this.#bytes = new Uint8Array(MESSAGES * longest);
    this.#view = new DataView(this.#call.buffer);
    const base = system.addressOf(this.#call);
    const bytes = system.addressOf(this.#bytes);
    this.#callAddress = base;
    for (let i = 0; i < MESSAGES; i++) {
      const at = i * Mmsg.size;
      const vector = VECTORS + i * Vector.size;
      putWord(this.#view, at + Mmsg.name, base + NAMES + i * ADDRESS_SIZE);
      putWord(this.#view, at + Mmsg.vector, base + vector);
      putWord(this.#view, at + Mmsg.vectorLength, 1);
      putWord(this.#view, vector + Vector.base, bytes + i * longest);
      putWord(this.#view, vector + Vector.length, longest);
    }
  }

  /**
   * Hand what is there to `user`, in up to `calls` calls of up to `messages` each, and tell it after each; how many
   * were too long, and are lost.
   */
  drain(
    fd: number,
    user: TransportUser,
    calls: number = CALLS,
    messages: number = MESSAGES,
  ): number {
    const view = this.#view;
    let lost = 0;
    this.left = !this.#stopped;
    this.taken = 0;
    for (let call = 0; call < calls && this.left; call++) {
      for (let i = 0; i < messages; i++) {
        view.setUint32(i * Mmsg.size + Mmsg.nameLength, ADDRESS_SIZE, true);
      }
      this.calls++;
      const count = this.#system.recvmmsg(fd, this.#callAddress, messages, MSG.DONTWAIT, 0);
      for (let i = 0; i < count; i++) {
        const at = i * Mmsg.size;
        if ((view.getUint32(at + Mmsg.flags, true) & MSG.TRUNC) !== 0) {
          lost++;
          continue;
        }
        const length = view.getUint32(at + Mmsg.passed, true);
        user.received(this.#bytes, i * this.#size, length, this.#from(NAMES + i * ADDRESS_SIZE));
      }
      this.left = count === messages;
      if (count > 0) this.taken += count;
      user.drained();
      if (this.#stopped) this.left = false;
    }
    return lost;
  }

  /** The socket is about to be closed, perhaps by `user`: its descriptor may be another's then. */
  stop(): void {
    this.#stopped = true;
  }

  #from(at: number): Endpoint {
    const view = this.#view;
    if (isKnown(view, at, this.#lastKey) && this.#last !== undefined) return this.#last;
    this.#last = this.endpoints.of(addressAt(view, at), portAt(view, at));
    return this.#last;
  }
}
