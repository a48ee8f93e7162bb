/**
 * WireGuard's keys as people and programs write them: 32 bytes in base64, or in hexadecimal as the userspace socket
 * has them.
 * @module
 */
import type { RandomBytes } from '../tunnel.ts';
import { KEY_LENGTH } from './messages.ts';
import { keyPair } from './primitives.ts';

/** The 32 bytes of a key in base64, as `wg genkey` prints it; undefined if it is none. */
export function parseKey(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // The last digit has two bits that must be zero, or two texts would be one key.
  return bytes.toString('base64') === text ? Uint8Array.from(bytes) : undefined;
}

/** A key in base64, as files have it. */
export const formatKey = (key: Uint8Array): string => Buffer.from(key).toString('base64');

/** The 32 bytes of a key in hexadecimal; undefined if it is none. */
export const parseHexKey = (text: string): Uint8Array | undefined =>
  /^[0-9a-fA-F]{64}$/.test(text) ? Uint8Array.from(Buffer.from(text, 'hex')) : undefined;

export const formatHexKey = (key: Uint8Array): string => Buffer.from(key).toString('hex');

/** A secret key, clamped as RFC 7748 §5 says, which `wg genkey` does too. */
export function makePrivateKey(random: RandomBytes): Uint8Array {
  const key = new Uint8Array(KEY_LENGTH);
  random(key);
  key[0] = (key[0] as number) & 248;
  key[31] = ((key[31] as number) & 127) | 64;
  return key;
}

/** A new preshared key, of 32 octets. */
export function makePresharedKey(random: RandomBytes): Uint8Array {
  const key = new Uint8Array(KEY_LENGTH);
  random(key);
  return key;
}

/** The public key of a secret one. */
export const publicKeyFrom = (privateKey: Uint8Array): Uint8Array => keyPair(privateKey).publicKey;
