/**
 * Key files of OpenVPN: `static.key` for tls-auth and tls-crypt, and the PEM of tls-crypt-v2.
 *
 * A static key is 256 bytes, two directions of 64 bytes for a cipher and 64 for a HMAC (crypto.h, `struct key2`).
 * @module
 */

const KEY = 64;
export const STATIC_KEY: number = 4 * KEY;

/** The keys of one direction. */
export interface DirectionKeys {
  readonly cipher: Uint8Array;
  readonly hmac: Uint8Array;
}

/** Both directions of 256 bytes of key: [0] and [1] as OpenVPN counts them. */
export function directions(bytes: Uint8Array): readonly [DirectionKeys, DirectionKeys] {
  const part = (i: number): Uint8Array => bytes.subarray(i * KEY, (i + 1) * KEY);
  return [
    { cipher: part(0), hmac: part(1) },
    { cipher: part(2), hmac: part(3) },
  ];
}

const BEGIN = '-----BEGIN OpenVPN Static key V1-----';
const END = '-----END OpenVPN Static key V1-----';

/** The 256 bytes of a static key file. Throws a `SyntaxError` that says what is wrong with it. */
export function readStaticKey(text: string): Uint8Array {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0) throw new SyntaxError(`no line «${BEGIN}»`);
  if (to < from) throw new SyntaxError(`no line «${END}» after it: the key is cut short`);
  const hex = text.slice(from + BEGIN.length, to).replace(/\s+/g, '');
  if (!/^[0-9a-f]*$/i.test(hex))
    throw new SyntaxError('the key holds more than hexadecimal digits');
  if (hex.length !== STATIC_KEY * 2) {
    throw new SyntaxError(`the key has ${hex.length / 2} bytes, not ${STATIC_KEY}`);
  }
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** A static key file, as `openvpn --genkey secret` writes it. */
export function writeStaticKey(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes).toString('hex').match(/.{32}/g) ?? [];
  return [BEGIN, ...lines, END, ''].join('\n');
}

const V2 = 'OpenVPN tls-crypt-v2 client key';
/** The longest wrapped key, with its metadata (tls_crypt.h). */
const MAX_WRAPPED = 1024;

/** A client's key of tls-crypt-v2, and the same as only the server can read it, which is sent along. */
export interface ClientKey {
  readonly key: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** Read the PEM of a tls-crypt-v2 client key. Throws a `SyntaxError` that says what is wrong with it. */
export function readClientKey(text: string): ClientKey {
  const found = new RegExp(`-----BEGIN ${V2}-----([\\s\\S]*?)-----END ${V2}-----`).exec(text);
  if (found === null) throw new SyntaxError(`no whole block «${V2}»`);
  const base64 = (found[1] ?? '').replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+=*$/.test(base64)) throw new SyntaxError('the key is not base64');
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  const wrapped = bytes.subarray(STATIC_KEY);
  // Its last two bytes are its own length.
  const told = wrapped.length < 2 ? -1 : Buffer.from(wrapped).readUInt16BE(wrapped.length - 2);
  if (told !== wrapped.length || wrapped.length > MAX_WRAPPED) {
    throw new SyntaxError(`the key is cut short, or too long: ${bytes.length} bytes`);
  }
  return { key: bytes.subarray(0, STATIC_KEY), wrapped };
}
