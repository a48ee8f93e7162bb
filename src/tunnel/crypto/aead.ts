/**
 * Authenticated ciphers, one context a key: what a data channel seals and opens each packet with.
 * ChaCha20-Poly1305 of RFC 8439 §2.8, AES-GCM of NIST SP 800-38D with a tag of 16 bytes.
 *
 * Two ways lead to the same OpenSSL. `node:crypto` (`node.ts`) makes an object, a context and a key
 * schedule for every packet; `libcrypto.ts` calls the library that Node carries through FFI, with one
 * context a key in which only the nonce is set anew. docs/speed.md has what each costs.
 * @module
 */

/** By OpenSSL's names. */
export type AeadName = 'chacha20-poly1305' | 'aes-128-gcm' | 'aes-256-gcm';

export const TAG_LENGTH = 16;
export const NONCE_LENGTH = 12;

/** One key, for one direction. */
export interface Aead {
  /** The 12 bytes of the next call's nonce; its user writes them. No two sealed packets may share one. */
  readonly nonce: Uint8Array;
  /**
   * Seal `length` bytes of `from` at `at`: as many come to `to` at `toAt`, and the tag of 16 to `tagAt`.
   * They may be the same bytes at the same place, and overlap in no other way. `to` has more than 64 bytes. `aadLength` bytes of `to` at
   * `aadAt` are authenticated as they are.
   */
  seal(
    from: Uint8Array,
    at: number,
    length: number,
    to: Uint8Array,
    toAt: number,
    tagAt: number,
    aadAt: number,
    aadLength: number,
  ): void;
  /**
   * Open what `seal` made: `length` bytes without the tag, which stands in `bytes` at `tagAt`. What is found
   * takes their place. False if they are not what was sealed: they are of no use then.
   */
  open(
    bytes: Uint8Array,
    at: number,
    length: number,
    tagAt: number,
    aadAt: number,
    aadLength: number,
  ): boolean;
  /** Forget the key, as far as the library lets us. No other call may follow. */
  close(): void;
}

/** Which way a context goes: a key is used for one. */
export type Direction = 'seal' | 'open';

/** Makes contexts. The key is copied: its owner may wipe it. */
export type AeadMaker = (name: AeadName, key: Uint8Array, direction: Direction) => Aead;
