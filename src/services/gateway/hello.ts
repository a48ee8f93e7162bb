/**
 * The server name in a TLS ClientHello. RFC 8446 §4.1.2, §5.1; RFC 6066 §3.
 *
 * With Encrypted Client Hello (RFC 9849) it is the outer name, that of who decrypts the inner one.
 * @module
 */
import type { Said } from './judge.ts';

/** A record of the handshake. RFC 8446 §5.1. */
export const HELLO_RECORD = 22;
/** Of records of every version. */
const MAJOR = 3;
/** Types of records: change_cipher_spec to application_data. RFC 8446 §5.1. */
const FIRST_RECORD = 20;
const LAST_RECORD = 23;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const RECORD_HEADER = 5;
const LONGEST_RECORD = 16_384;
const NO_TLS: Said = { kind: 'other' };

/** Reads on in bytes that may end too soon. */
class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  /** A number of `size` bytes, or -1. */
  number(size: number): number {
    if (this.left < size) return -1;
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.at++] as number);
    return value;
  }

  /** The bytes that a length of `size` bytes announces, or undefined. */
  block(size: number): Uint8Array | undefined {
    const length = this.number(size);
    if (length < 0 || this.left < length) return undefined;
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  skip(size: number): void {
    this.at += size;
  }
}

/**
 * What a stream that begins with a handshake record says; `more`: it is not all there. What of TLS cannot be read is
 * TLS without a name: servers are more lenient than this is.
 */
export function readHello(stream: Uint8Array): Said | 'more' {
  if (stream.length > 1 && stream[1] !== MAJOR) return NO_TLS;
  const message = new Uint8Array(stream.length);
  let length = 0;
  let at = 0;
  // A hello may be cut over several records (RFC 8446 §5.1).
  while (at + RECORD_HEADER <= stream.length) {
    const size = ((stream[at + 3] as number) << 8) | (stream[at + 4] as number);
    const isHandshake = stream[at] === HELLO_RECORD && stream[at + 1] === MAJOR;
    if (!isHandshake || size === 0 || size > LONGEST_RECORD) return { kind: 'tls' };
    const from = at + RECORD_HEADER;
    const piece = stream.subarray(from, from + size);
    message.set(piece, length);
    length += piece.length;
    at = from + size;
  }
  return readClientHello(message.subarray(0, length));
}

/** What begins as TLS does and is no hello of it, or SSL 2's form of one (RFC 5246 appendix E.2). */
export function isStrayTls(stream: Uint8Array): boolean | 'more' {
  const [first = 0, second, third, fourth] = stream;
  if (first >= FIRST_RECORD && first <= LAST_RECORD)
    return second === undefined ? 'more' : second === MAJOR;
  if (first < 0x80 || first > 0x9f) return false;
  if (third !== undefined && third !== CLIENT_HELLO) return false;
  return fourth === undefined ? 'more' : fourth === MAJOR || fourth === 0;
}

/** The same of the handshake message itself, as QUIC carries it. */
export function readClientHello(message: Uint8Array, kind: 'tls' | 'quic' = 'tls'): Said | 'more' {
  if (message.length < 4) return 'more';
  if (message[0] !== CLIENT_HELLO) return { kind };
  const body = new Reader(message.subarray(1)).block(3);
  if (body === undefined) return 'more';
  const hello = new Reader(body);
  hello.skip(2 + 32); // version, random
  if (hello.left < 0 || !hello.block(1) || !hello.block(2) || !hello.block(1)) return { kind };
  const extensions = hello.block(2);
  if (extensions === undefined) return { kind }; // none at all
  const reader = new Reader(extensions);
  const names: (string | undefined)[] = [];
  while (reader.left > 0) {
    const type = reader.number(2);
    const data = reader.block(2);
    if (data === undefined) return { kind };
    if (type === SERVER_NAME) names.push(serverName(data));
  }
  // RFC 8446 §4.2: one of each type; of two nobody can say which is meant.
  const [name] = names;
  return names.length !== 1 || name === undefined ? { kind } : { kind, name };
}

/** RFC 6066 §3: a list of names, of which there is one of each type; without a last dot, which servers ignore. */
function serverName(data: Uint8Array): string | undefined {
  const list = new Reader(data).block(2);
  if (list === undefined) return undefined;
  const reader = new Reader(list);
  const names: string[] = [];
  while (reader.left > 0) {
    const type = reader.number(1);
    const name = reader.block(2);
    if (name === undefined) return undefined;
    if (type === HOST_NAME) names.push(Buffer.from(name).toString('latin1'));
  }
  const [name = ''] = names;
  const plain = name.toLowerCase().replace(/\.+$/, '');
  return names.length !== 1 || plain === '' ? undefined : plain;
}
