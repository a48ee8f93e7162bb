/**
 * The server name in a TLS ClientHello. RFC 8446 §4.1.2, §5.1; RFC 6066 §3.
 *
 * With Encrypted Client Hello (RFC 9849) it is the outer name, that of who decrypts the inner one.
 * @module
 */
import type { Said } from './judge.ts';

/** A record of the handshake. RFC 8446 §5.1. */
export const HELLO_RECORD = 22;
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

/** What a stream that begins with a handshake record says; `more`: it is not all there. */
export function readHello(stream: Uint8Array): Said | 'more' {
  const message: number[] = [];
  let at = 0;
  // A hello may be cut over several records (RFC 8446 §5.1).
  while (at + RECORD_HEADER <= stream.length) {
    const length = ((stream[at + 3] as number) << 8) | (stream[at + 4] as number);
    const isHandshake = stream[at] === HELLO_RECORD && stream[at + 1] === 3;
    if (!isHandshake || length === 0 || length > LONGEST_RECORD) return NO_TLS;
    const end = Math.min(at + RECORD_HEADER + length, stream.length);
    for (let i = at + RECORD_HEADER; i < end; i++) message.push(stream[i] as number);
    at += RECORD_HEADER + length;
    const said = readClientHello(Uint8Array.from(message));
    if (said !== 'more') return said;
  }
  return 'more';
}

/** The same of the handshake message itself, as QUIC carries it. */
export function readClientHello(message: Uint8Array, kind: 'tls' | 'quic' = 'tls'): Said | 'more' {
  if (message.length < 4) return 'more';
  if (message[0] !== CLIENT_HELLO) return NO_TLS;
  const body = new Reader(message.subarray(1)).block(3);
  if (body === undefined) return 'more';
  const hello = new Reader(body);
  hello.skip(2 + 32); // version, random
  if (hello.left < 0 || !hello.block(1) || !hello.block(2) || !hello.block(1)) return NO_TLS;
  if (hello.left === 0) return { kind }; // no extensions at all
  const extensions = hello.block(2);
  if (extensions === undefined) return NO_TLS;
  const reader = new Reader(extensions);
  while (reader.left > 0) {
    const type = reader.number(2);
    const data = reader.block(2);
    if (data === undefined) return NO_TLS;
    if (type === SERVER_NAME) return { kind, name: serverName(data) };
  }
  return { kind };
}

/** RFC 6066 §3: a list of names, of which there is one of each type. */
function serverName(data: Uint8Array): string | undefined {
  const list = new Reader(data).block(2);
  if (list === undefined) return undefined;
  const reader = new Reader(list);
  while (reader.left > 0) {
    const type = reader.number(1);
    const name = reader.block(2);
    if (name === undefined) return undefined;
    if (type === HOST_NAME) return Buffer.from(name).toString('latin1').toLowerCase();
  }
  return undefined;
}
