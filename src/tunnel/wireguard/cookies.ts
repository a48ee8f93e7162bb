/**
 * The macs at the end of handshake messages, and the cookies that a responder under load asks for: proof that a
 * sender knows whom it talks to (mac1), and that it gets what is sent to its address (mac2). "WireGuard: Next
 * Generation Kernel Network Tunnel", §5.3, §5.4.4, §5.4.7.
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import type { RandomBytes } from '../tunnel.ts';
import { wipe } from './handshake.ts';
import {
  Cookie,
  KEY_LENGTH,
  Length,
  MAC_LENGTH,
  NONCE_LENGTH,
  putInt32,
  TAG_LENGTH,
  Type,
} from './messages.ts';
import { hash, isEqual, mac, openCookie, sealCookie } from './primitives.ts';

const text = new TextEncoder();
const LABEL_MAC1 = text.encode('mac1----');
const LABEL_COOKIE = text.encode('cookie--');
/** How long a cookie and the secret behind it are good, in microseconds: COOKIE_REFRESH_TIME, 120 s. */
const COOKIE_TIME = 120e6;

/** Where the macs of a message of `length` bytes stand in it. */
const mac1At = (length: number): number => length - 2 * MAC_LENGTH;
const mac2At = (length: number): number => length - MAC_LENGTH;

/** What a responder checks in messages for it. */
export class CookieChecker {
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #random: RandomBytes;
  readonly #secret: Uint8Array = new Uint8Array(KEY_LENGTH);
  /** When the secret was chosen. */
  #chosen: number = Number.NEGATIVE_INFINITY;

  /** Of the owner of `publicKey`. */
  constructor(publicKey: Uint8Array, random: RandomBytes) {
    this.#mac1Key = hash(LABEL_MAC1, publicKey);
    this.#cookieKey = hash(LABEL_COOKIE, publicKey);
    this.#random = random;
  }

  /** Whether the sender of a message of `length` bytes knows our public key. */
  knowsUs(bytes: Uint8Array, at: number, length: number): boolean {
    const place = at + mac1At(length);
    return isEqual(
      mac(this.#mac1Key, bytes.subarray(at, place)),
      bytes.subarray(place, place + MAC_LENGTH),
    );
  }

  /** Whether it was sent a cookie of ours to where the message comes from. */
  hasCookie(bytes: Uint8Array, at: number, length: number, from: Endpoint, now: number): boolean {
    if (now - this.#chosen > COOKIE_TIME) return false;
    const place = at + mac2At(length);
    // Who has none says zeros (§5.4.4): in a flood that is nearly all, and two hashes each.
    if (isZero(bytes, place)) return false;
    const expected = mac(this.#cookie(from), bytes.subarray(at, place));
    return isEqual(expected, bytes.subarray(place, place + MAC_LENGTH));
  }

  /** Write the reply that carries a cookie, to `to` at `toAt`: Length.COOKIE bytes. §5.4.7. */
  reply(
    bytes: Uint8Array,
    at: number,
    length: number,
    sender: number,
    from: Endpoint,
    now: number,
    to: Uint8Array,
    toAt: number,
  ): void {
    if (now - this.#chosen > COOKIE_TIME) {
      this.#random(this.#secret);
      this.#chosen = now;
    }
    to.fill(0, toAt, toAt + Length.COOKIE);
    to[toAt] = Type.COOKIE;
    putInt32(to, toAt + Cookie.receiver, sender);
    const nonce = to.subarray(toAt + Cookie.nonce, toAt + Cookie.nonce + NONCE_LENGTH);
    this.#random(nonce);
    const place = at + mac1At(length);
    const aad = bytes.subarray(place, place + MAC_LENGTH);
    to.set(sealCookie(this.#cookieKey, nonce, this.#cookie(from), aad), toAt + Cookie.cookie);
  }

  #cookie(from: Endpoint): Uint8Array {
    const { octets, port } = from;
    const source = new Uint8Array(octets.length + 2);
    source.set(octets);
    source[octets.length] = port & 0xff;
    source[octets.length + 1] = port >>> 8;
    return mac(this.#secret, source);
  }
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < MAC_LENGTH; i++) if (bytes[at + i] !== 0) return false;
  return true;
}

/** What a sender puts into messages for one peer. */
export class CookieJar {
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #cookie: Uint8Array | undefined;
  /** When the cookie came. */
  #came = 0;
  /** The mac1 of the message sent last, which a reply must know; it is good for one. */
  readonly #lastMac1: Uint8Array = new Uint8Array(MAC_LENGTH);
  #waits = false;

  constructor(publicKey: Uint8Array) {
    this.#mac1Key = hash(LABEL_MAC1, publicKey);
    this.#cookieKey = hash(LABEL_COOKIE, publicKey);
  }

  /** Write both macs of the message of `length` bytes at `at`. */
  sign(bytes: Uint8Array, at: number, length: number, now: number): void {
    const one = at + mac1At(length);
    const two = at + mac2At(length);
    const mac1 = mac(this.#mac1Key, bytes.subarray(at, one));
    bytes.set(mac1, one);
    this.#lastMac1.set(mac1);
    this.#waits = true;
    bytes.fill(0, two, two + MAC_LENGTH);
    if (this.#cookie === undefined || now - this.#came >= COOKIE_TIME) return;
    bytes.set(mac(this.#cookie, bytes.subarray(at, two)), two);
  }

  /** Take a cookie reply; false if it answers nothing of ours. */
  take(bytes: Uint8Array, at: number, now: number): boolean {
    if (!this.#waits) return false;
    const nonce = bytes.subarray(at + Cookie.nonce, at + Cookie.nonce + NONCE_LENGTH);
    const place = at + Cookie.cookie;
    const sealed = bytes.subarray(place, place + MAC_LENGTH + TAG_LENGTH);
    const cookie = openCookie(this.#cookieKey, nonce, sealed, this.#lastMac1);
    if (cookie === undefined) return false;
    this.#waits = false;
    this.#cookie = cookie;
    this.#came = now;
    return true;
  }

  /** Forget what is secret. */
  wipe(): void {
    if (this.#cookie !== undefined) wipe(this.#cookie);
    this.#cookie = undefined;
  }
}
