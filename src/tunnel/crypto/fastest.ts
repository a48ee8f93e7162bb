/**
 * The way to a cipher that costs the least here.
 * @module
 */
import type { AeadMaker } from './aead.ts';
import { loadLibcrypto } from './libcrypto.ts';
import { nodeAead } from './node.ts';

/**
 * OpenSSL through FFI where it can be called and gives what `node:crypto` gives, or `node:crypto`.
 */
export async function fastestAead(): Promise<AeadMaker> {
  return (await loadLibcrypto()) ?? nodeAead;
}
