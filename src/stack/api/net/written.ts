/**
 * What a program writes: bytes, and strings that become bytes on their way into the send buffer. A stream would
 * make a buffer of each string first, which Node's sockets spare themselves (`decodeStrings: false`), and so do
 * ours: what is short is put together in one place, and copied from there.
 *
 * Node documentation: "new stream.Writable()", `decodeStrings`; `socket.bytesWritten`.
 * @module
 */
import type { Duplex } from 'node:stream';

/** As streams give them. */
export type Chunks = readonly {
  readonly chunk: Uint8Array | string;
  readonly encoding?: BufferEncoding;
}[];
/** The same without strings. */
export type Pieces = readonly { readonly chunk: Uint8Array }[];

/** Strings of writes that are no longer than this together are put together. */
const MOST = 16 * 1024;
/** Bytes that a character becomes, at most. */
const WIDEST = 3;

/** Where they are put together: true for the length of one call. */
export const place: Buffer = Buffer.allocUnsafeSlow(MOST);

/** How many bytes they are. */
export function bytesOf(chunks: Chunks): number {
  let bytes = 0;
  for (const { chunk, encoding } of chunks) {
    bytes += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length;
  }
  return bytes;
}

/** Of what was written to `socket`: how many bytes wait, where `begun` are of a write that has begun. */
export function bytesWaiting(socket: Duplex, begun: number): number {
  const { writableBuffer } = socket as { writableBuffer?: Chunks };
  return writableBuffer ? begun + bytesOf(writableBuffer) : socket.writableLength;
}

export const hasText = (chunks: Chunks): boolean =>
  chunks.some(({ chunk }) => typeof chunk === 'string');

/** Put `chunks` together in `place`, if they are short. How many bytes they are there; -1: they are not. */
export function gather(chunks: Chunks): number {
  if (!isShort(chunks)) return -1;
  let at = 0;
  for (const { chunk, encoding } of chunks) {
    if (typeof chunk === 'string') at += place.write(chunk, at, encoding);
    else {
      place.set(chunk, at);
      at += chunk.length;
    }
  }
  return at;
}

function isShort(chunks: Chunks): boolean {
  let most = 0;
  for (const { chunk } of chunks) {
    most += typeof chunk === 'string' ? WIDEST * chunk.length : chunk.length;
  }
  return most <= MOST;
}

/** Each of them as bytes. */
export const encoded = (chunks: Chunks): Pieces =>
  chunks.map(({ chunk, encoding }) =>
    typeof chunk === 'string' ? { chunk: Buffer.from(chunk, encoding) } : { chunk },
  );
