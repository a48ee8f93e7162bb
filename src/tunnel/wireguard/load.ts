/**
 * How much may be spent on strangers: when a responder asks for cookies, and how many handshakes a source may begin.
 * "WireGuard: Next Generation Kernel Network Tunnel", §5.3; the bucket is wireguard-go's, 20 a second and 5 at once.
 * @module
 */
import type { Endpoint } from '../endpoint.ts';

const SECOND = 1e6;
/** Handshakes of one source: so many a second, so many at once. */
const RATE = 20;
const BURST = 5;
/** Sources that are remembered. Past it the oldest are forgotten: who has a cookie may pass again. */
const SOURCES = 8192;
/** A source is remembered so long after its last handshake. */
const QUIET = SECOND;

interface Bucket {
  tokens: number;
  last: number;
}

export class Load {
  /** Handshakes a second beyond which strangers must show a cookie. */
  readonly #most: number;
  #second = Number.NEGATIVE_INFINITY;
  #count = 0;
  /** It is under load until then. */
  #until = Number.NEGATIVE_INFINITY;
  readonly #sources = new Map<string, Bucket>();

  constructor(handshakesPerSecond: number) {
    this.#most = handshakesPerSecond;
  }

  /** One more handshake message whose sender knows us; whether there are too many. For a second after, too. */
  count(now: number): boolean {
    if (now - this.#second >= SECOND) {
      this.#second = now;
      this.#count = 0;
    }
    if (++this.#count > this.#most) this.#until = now + SECOND;
    return now < this.#until;
  }

  /** Whether a source, which has a cookie, may begin another. */
  allows(from: Endpoint, now: number): boolean {
    const key = from.family === 4 ? from.address : prefix64(from.octets);
    const sources = this.#sources;
    let bucket = sources.get(key);
    if (bucket === undefined) {
      this.#forget(now);
      bucket = { tokens: BURST, last: now };
    } else {
      bucket.tokens = Math.min(BURST, bucket.tokens + ((now - bucket.last) / SECOND) * RATE);
      bucket.last = now;
      sources.delete(key); // to the end of the row
    }
    sources.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /** Sources that are remembered. */
  get sources(): number {
    return this.#sources.size;
  }

  #forget(now: number): void {
    for (const [key, { last }] of this.#sources) {
      if (this.#sources.size < SOURCES && now - last < QUIET) return;
      this.#sources.delete(key);
    }
  }
}

/** Of an IPv6 address: who has one has its /64. */
const prefix64 = (octets: Uint8Array): string => Buffer.from(octets.subarray(0, 8)).toString('hex');
