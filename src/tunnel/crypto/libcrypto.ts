/**
 * OpenSSL's EVP ciphers through FFI: the library that Node carries, or the system's. Optional: where it
 * cannot be had, or does not give what `node:crypto` gives, `loadLibcrypto` gives undefined.
 *
 * A context is made once a key; a packet sets its nonce (EVP_CipherInit_ex with nothing else), then
 * its text goes through and the tag is asked for: four calls. Addresses are plain numbers, and the rules of
 * `device/linux/libc.ts` hold: large buffers only, and whoever holds an address holds the buffer.
 * @module
 */
import type { Aead, AeadMaker, AeadName, Direction } from './aead.ts';
import { agrees } from './self-test.ts';

/** EVP_CTRL_AEAD_GET_TAG and SET_TAG, and the length of the nonce: openssl/evp.h. */
const Control = { SET_IVLEN: 0x9, GET_TAG: 0x10, SET_TAG: 0x11 } as const;
const TAG_LENGTH = 16;
const NONCE_LENGTH = 12;
/** A typed array of up to 64 bytes lies on V8's heap, and moves. */
const SMALL = 64;
const SCRATCH = 256;
/** Where the key is written while a context is made; the nonce, a length, and what is small and would move. */
const AT = { nonce: 0, written: 16, key: 64, small: 128 } as const;

interface Evp {
  newContext(): number;
  freeContext(context: number): void;
  cipher(name: string): number;
  init(
    context: number,
    cipher: number,
    engine: number,
    key: number,
    nonce: number,
    seal: number,
  ): number;
  update(context: number, to: number, written: number, from: number, length: number): number;
  final(context: number, to: number, written: number): number;
  control(context: number, what: number, length: number, address: number): number;
  addressOf(bytes: Uint8Array): number;
}

/** Where the functions are looked for, in turn: in this process, then in the system's library. */
const LIBRARIES = [null, 'libcrypto.so.3', 'libcrypto.3.dylib'];

let loaded: Promise<AeadMaker | undefined> | undefined;

/** Contexts by FFI; undefined where that is not possible. Tried once. */
export function loadLibcrypto(): Promise<AeadMaker | undefined> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<AeadMaker | undefined> {
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  if (!little || process.platform === 'win32') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    for (const name of LIBRARIES) {
      const evp = bind(koffi, name);
      if (evp === undefined) continue;
      const make: AeadMaker = (cipher, key, direction) => new EvpAead(evp, cipher, key, direction);
      return agrees(make) ? make : undefined;
    }
  } catch {
    // No koffi, or one that does not run here: `node:crypto` does it.
  }
  return undefined;
}

function bind(
  koffi: Pick<typeof import('koffi'), 'load' | 'address'>,
  name: string | null,
): Evp | undefined {
  try {
    const library = koffi.load(name);
    return {
      newContext: library.func('uintptr_t EVP_CIPHER_CTX_new()'),
      freeContext: library.func('void EVP_CIPHER_CTX_free(uintptr_t context)'),
      cipher: library.func('uintptr_t EVP_get_cipherbyname(const char *name)'),
      init: library.func(
        'int EVP_CipherInit_ex(uintptr_t context, uintptr_t cipher, uintptr_t engine, uintptr_t key, uintptr_t nonce, int seal)',
      ),
      update: library.func(
        'int EVP_CipherUpdate(uintptr_t context, uintptr_t to, uintptr_t written, uintptr_t from, int length)',
      ),
      final: library.func(
        'int EVP_CipherFinal_ex(uintptr_t context, uintptr_t to, uintptr_t written)',
      ),
      control: library.func(
        'int EVP_CIPHER_CTX_ctrl(uintptr_t context, int what, int length, uintptr_t address)',
      ),
      addressOf: (bytes) => Number(koffi.address(bytes)),
    };
  } catch {
    return undefined;
  }
}

/** Contexts whose owner forgot to close them. */
const forgotten = new FinalizationRegistry<() => void>((release) => release());

class EvpAead implements Aead {
  readonly nonce: Uint8Array;
  readonly #evp: Evp;
  /** Nonce and length lie in it; held, so that their addresses stay true. */
  readonly #scratch: Uint8Array = new Uint8Array(SCRATCH);
  readonly #nonceAt: number;
  readonly #writtenAt: number;
  #context: number;
  /** The arrays of the last call, and where they lie: most calls are for the same ones. */
  #from: Uint8Array = this.#scratch;
  #fromAddress: number;
  #to: Uint8Array = this.#scratch;
  #toAddress: number;

  constructor(evp: Evp, name: AeadName, key: Uint8Array, direction: Direction) {
    const seal = direction === 'seal' ? 1 : 0;
    const base = evp.addressOf(this.#scratch);
    this.#evp = evp;
    this.#fromAddress = base;
    this.#toAddress = base;
    this.#nonceAt = base + AT.nonce;
    this.#writtenAt = base + AT.written;
    this.nonce = this.#scratch.subarray(AT.nonce, AT.nonce + NONCE_LENGTH);
    const context = evp.newContext();
    this.#context = context;
    this.#scratch.set(key, AT.key);
    const good =
      evp.init(context, evp.cipher(name), 0, 0, 0, seal) === 1 &&
      evp.control(context, Control.SET_IVLEN, NONCE_LENGTH, 0) === 1 &&
      evp.init(context, 0, 0, base + AT.key, 0, seal) === 1;
    this.#scratch.fill(0, AT.key);
    if (!good) {
      evp.freeContext(context);
      throw new Error(`OpenSSL gives no context of ${name}`);
    }
    forgotten.register(this, () => evp.freeContext(context), this);
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
    const evp = this.#evp;
    const context = this.#context;
    const written = this.#writtenAt;
    if (from.buffer.byteLength <= SMALL) {
      if (at < 0 || at + length > from.length) throw outside(from, at, length);
      for (let i = 0; i < length; i++) this.#scratch[AT.small + i] = from[at + i] as number;
      this.seal(this.#scratch, AT.small, length, to, toAt, tagAt, aadAt, aadLength);
      this.#scratch.fill(0, AT.small);
      return;
    }
    if (from !== this.#from) {
      this.#fromAddress = evp.addressOf(from);
      this.#from = from;
    }
    if (to !== this.#to) {
      this.#toAddress = evp.addressOf(to);
      this.#to = to;
    }
    const base = this.#toAddress;
    inside(from, at, length);
    inside(to, toAt, length);
    inside(to, tagAt, TAG_LENGTH);
    inside(to, aadAt, aadLength);
    evp.init(context, 0, 0, 0, this.#nonceAt, 1);
    if (aadLength > 0) evp.update(context, 0, written, base + aadAt, aadLength);
    if (length > 0) evp.update(context, base + toAt, written, this.#fromAddress + at, length);
    evp.final(context, base + toAt + length, written);
    evp.control(context, Control.GET_TAG, TAG_LENGTH, base + tagAt);
  }

  open(
    bytes: Uint8Array,
    at: number,
    length: number,
    tagAt: number,
    aadAt: number,
    aadLength: number,
  ): boolean {
    const evp = this.#evp;
    const context = this.#context;
    const written = this.#writtenAt;
    if (bytes.buffer.byteLength <= SMALL) {
      // A keep-alive that `node:dgram` has brought: its array is no longer than it.
      const { small } = AT;
      this.#scratch.set(bytes, small);
      const ok = this.open(
        this.#scratch,
        small + at,
        length,
        small + tagAt,
        small + aadAt,
        aadLength,
      );
      bytes.set(this.#scratch.subarray(small, small + bytes.length));
      this.#scratch.fill(0, small);
      return ok;
    }
    if (bytes !== this.#to) {
      this.#toAddress = evp.addressOf(bytes);
      this.#to = bytes;
    }
    const base = this.#toAddress;
    inside(bytes, at, length);
    inside(bytes, tagAt, TAG_LENGTH);
    inside(bytes, aadAt, aadLength);
    evp.init(context, 0, 0, 0, this.#nonceAt, 0);
    evp.control(context, Control.SET_TAG, TAG_LENGTH, base + tagAt);
    if (aadLength > 0) evp.update(context, 0, written, base + aadAt, aadLength);
    if (length > 0) evp.update(context, base + at, written, base + at, length);
    return evp.final(context, base + at + length, written) === 1;
  }

  close(): void {
    if (this.#context === 0) return;
    forgotten.unregister(this);
    this.#evp.freeContext(this.#context); // which wipes what it holds
    this.#context = 0;
    this.#scratch.fill(0);
  }
}

/** OpenSSL must not be let past the end of an array. */
function inside(bytes: Uint8Array, at: number, length: number): void {
  const isThere = at >= 0 && length >= 0 && at + length <= bytes.length;
  if (isThere && bytes.buffer.byteLength > SMALL) return;
  throw outside(bytes, at, length);
}

const outside = (bytes: Uint8Array, at: number, length: number): RangeError =>
  new RangeError(`${length} bytes at ${at} are not within ${bytes.length}`);
