/**
 * Session ids by which a server knows again who it has answered, without having kept anything: a HMAC of the client's
 * session id, its address and port, and the time (ssl_pkt.c, `calculate_session_id_hmac`).
 *
 * The same idea as SYN cookies (RFC 4987 §3.6): state is made for who has shown that it gets what is sent to it.
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Endpoint } from '../../endpoint.ts';
import type { RandomBytes } from '../../tunnel.ts';
import { SESSION_ID } from '../session/packet.ts';

export class Cookies {
  readonly #secret = new Uint8Array(32);
  readonly #slot: number;

  /** A cookie is good for one `window` at least, in microseconds, and for less than two. */
  constructor(random: RandomBytes, window: number) {
    random(this.#secret);
    this.#slot = Math.max(1, window / 2);
  }

  /** The session id for who sent `client` from `from`. */
  make(client: Uint8Array, from: Endpoint, now: number): Uint8Array {
    return this.#of(client, from, Math.floor(now / this.#slot));
  }

  /** True if `cookie` is one that was made for it. */
  isGood(cookie: Uint8Array, client: Uint8Array, from: Endpoint, now: number): boolean {
    if (cookie.length !== SESSION_ID) return false;
    const slot = Math.floor(now / this.#slot);
    let good = false;
    for (let back = 0; back <= 2; back++) {
      if (timingSafeEqual(cookie, this.#of(client, from, slot - back))) good = true;
    }
    return good;
  }

  #of(client: Uint8Array, from: Endpoint, slot: number): Uint8Array {
    const place = Buffer.alloc(10);
    place.writeDoubleBE(slot);
    place.writeUInt16BE(from.port, 8);
    const hmac = createHmac('sha256', this.#secret).update(place).update(from.octets);
    // It may be none: eight zero bytes are no session id.
    const id = hmac.update(client).digest().subarray(0, SESSION_ID);
    if (id.every((byte) => byte === 0)) id[0] = 1;
    return id;
  }
}
