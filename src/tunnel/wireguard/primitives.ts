/**
 * The functions that WireGuard's handshake is made of: BLAKE2s (RFC 7693), its keyed form and its HMAC, HKDF (RFC
 * 5869), ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305, X25519 (RFC 7748). Names are the paper's, §5.4.
 *
 * All that `node:crypto` has is OpenSSL's; keyed BLAKE2s and XChaCha20, which it has not, are noble's, and so is BLAKE2s
 * where OpenSSL was built without it. Measured: docs/speed.md.
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  getHashes,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { KEY_LENGTH, MAC_LENGTH, TAG_LENGTH } from './messages.ts';

/** Zeros for the nonce of a key that seals one message. */
const FIRST_NONCE = new Uint8Array(12);
const AEAD = 'chacha20-poly1305';
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
/** JSON Web Keys of X25519, RFC 8037 §2: OpenSSL reads them ten times as fast as DER. */
const X25519 = { kty: 'OKP', crv: 'X25519' } as const;
const NOTHING = new Uint8Array(0);

const BLAKE2S = 'blake2s256';
const HAS_BLAKE2S = getHashes().includes(BLAKE2S);

/** Hash of what is given, one after the other. */
export function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const state = HAS_BLAKE2S ? createHash(BLAKE2S) : blake2s.create({ dkLen: KEY_LENGTH });
  for (const part of parts) state.update(part);
  return state.digest();
}

/** Keyed BLAKE2s of 16 bytes. */
export const mac = (key: Uint8Array, input: Uint8Array): Uint8Array =>
  blake2s(input, { key, dkLen: MAC_LENGTH });

const hmacOf = (key: Uint8Array, input: Uint8Array): Uint8Array =>
  HAS_BLAKE2S ? createHmac(BLAKE2S, key).update(input).digest() : hmac(blake2s, key, input);

/** KDF_n: `count` keys of 32 bytes from a chaining key and an input. */
export function kdf(key: Uint8Array, input: Uint8Array, count: 1 | 2 | 3): Uint8Array[] {
  const secret = hmacOf(key, input);
  const keys: Uint8Array[] = [];
  let previous: Uint8Array = NOTHING;
  for (let i = 1; i <= count; i++) {
    const text = new Uint8Array(previous.length + 1);
    text.set(previous);
    text[previous.length] = i;
    previous = hmacOf(secret, text);
    text.fill(0);
    keys.push(previous);
  }
  secret.fill(0);
  return keys;
}

/** Seal with a key that seals nothing else: text, then the tag. */
export function sealOnce(key: Uint8Array, text: Uint8Array, aad: Uint8Array): Uint8Array {
  const cipher = createCipheriv(AEAD, key, FIRST_NONCE, { authTagLength: TAG_LENGTH });
  cipher.setAAD(aad, { plaintextLength: text.length });
  const sealed = new Uint8Array(text.length + TAG_LENGTH);
  sealed.set(cipher.update(text));
  cipher.final();
  sealed.set(cipher.getAuthTag(), text.length);
  return sealed;
}

/** Open what `sealOnce` made; undefined if it is not that. */
export function openOnce(
  key: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - TAG_LENGTH;
  const cipher = createDecipheriv(AEAD, key, FIRST_NONCE, { authTagLength: TAG_LENGTH });
  cipher.setAuthTag(sealed.subarray(length));
  cipher.setAAD(aad, { plaintextLength: length });
  const text = cipher.update(sealed.subarray(0, length));
  try {
    cipher.final();
    return text;
  } catch {
    return undefined;
  }
}

/** With a nonce of 24 bytes, as cookies are sealed. */
export const sealCookie = (
  key: Uint8Array,
  nonce: Uint8Array,
  cookie: Uint8Array,
  aad: Uint8Array,
): Uint8Array => xchacha20poly1305(key, nonce, aad).encrypt(cookie);

export function openCookie(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  try {
    return xchacha20poly1305(key, nonce, aad).decrypt(sealed);
  } catch {
    return undefined;
  }
}

/** A private key, as OpenSSL holds it, and its public key. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** The pair of 32 secret bytes, which are clamped as RFC 7748 §5 says where they are used. They may be wiped. */
export function keyPair(secret: Uint8Array): KeyPair {
  const der = Buffer.allocUnsafeSlow(PKCS8.length + KEY_LENGTH);
  der.set(PKCS8);
  der.set(secret, PKCS8.length);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return { privateKey, publicKey: publicPart(privateKey) };
}

/**
 * The same for a key that is used for one handshake: faster, at the price of a text of the secret that only the
 * collector wipes.
 */
export function ephemeralPair(secret: Uint8Array): KeyPair {
  const d = Buffer.from(secret.buffer, secret.byteOffset, KEY_LENGTH).toString('base64url');
  const privateKey = createPrivateKey({ key: { ...X25519, d, x: '' }, format: 'jwk' });
  return { privateKey, publicKey: publicPart(privateKey) };
}

function publicPart(privateKey: KeyObject): Uint8Array {
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return Uint8Array.from(Buffer.from(x, 'base64url'));
}

/** A public key of 32 bytes as OpenSSL holds it. */
export function publicKeyOf(key: Uint8Array): KeyObject {
  const x = Buffer.from(key.buffer, key.byteOffset, KEY_LENGTH).toString('base64url');
  return createPublicKey({ key: { ...X25519, x }, format: 'jwk' });
}

/** What both can compute; undefined if it is all zeros, for a point of small order: RFC 7748 §6.1. */
export function shared(privateKey: KeyObject, publicKey: KeyObject): Uint8Array | undefined {
  try {
    const secret = diffieHellman({ privateKey, publicKey });
    return secret.every((octet) => octet === 0) ? undefined : secret;
  } catch {
    return undefined;
  }
}

/** Whether two arrays are the same, in a time that tells nothing of where they differ. */
export const isEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other);
