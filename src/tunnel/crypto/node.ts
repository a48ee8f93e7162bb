/**
 * Authenticated ciphers by `node:crypto`: everywhere that Node runs, an object and a context a packet.
 * @module
 */
import { type CipherGCMTypes, createCipheriv, createDecipheriv } from 'node:crypto';
import { type Aead, type AeadMaker, type AeadName, NONCE_LENGTH, TAG_LENGTH } from './aead.ts';

/** A key by `node:crypto`. */
export const nodeAead: AeadMaker = (name, key) => new NodeAead(name, key);

class NodeAead implements Aead {
  readonly nonce: Uint8Array = new Uint8Array(NONCE_LENGTH);
  readonly #key: Uint8Array;
  readonly #name: AeadName;

  constructor(name: AeadName, key: Uint8Array) {
    this.#name = name;
    this.#key = Uint8Array.from(key);
  }

  seal(
    from: Uint8Array,
    at: number,
    length: number,
    to: Uint8Array,
    toAt: number,
    tagAt: number,
    aadAt: number,
    aadLength: number,
  ): void {
    const name = this.#name as CipherGCMTypes; // the types of Node's kinds of AEAD differ in names only
    const cipher = createCipheriv(name, this.#key, this.nonce, { authTagLength: TAG_LENGTH });
    if (aadLength > 0) cipher.setAAD(to.subarray(aadAt, aadAt + aadLength));
    if (length > 0) to.set(cipher.update(from.subarray(at, at + length)), toAt);
    cipher.final();
    to.set(cipher.getAuthTag(), tagAt);
  }

  open(
    bytes: Uint8Array,
    at: number,
    length: number,
    tagAt: number,
    aadAt: number,
    aadLength: number,
  ): boolean {
    const name = this.#name as CipherGCMTypes; // as above
    const cipher = createDecipheriv(name, this.#key, this.nonce, { authTagLength: TAG_LENGTH });
    cipher.setAuthTag(bytes.subarray(tagAt, tagAt + TAG_LENGTH));
    if (aadLength > 0) cipher.setAAD(bytes.subarray(aadAt, aadAt + aadLength));
    const found = length > 0 ? cipher.update(bytes.subarray(at, at + length)) : undefined;
    try {
      cipher.final();
    } catch {
      return false;
    }
    if (found !== undefined) bytes.set(found, at);
    return true;
  }

  close(): void {
    this.#key.fill(0);
  }
}
