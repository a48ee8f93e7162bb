/**
 * Text of which each byte is known by its place in the stream: what sends it, and what hears whether all of it came in order.
 * @module
 */
import type { Socket } from '../../src/index.ts';
import { next } from './worlds.ts';

/** Byte `i` is `i % PERIOD`. No divisor of any buffer's size. */
export const PERIOD = 251;
/** Of whole periods, so that it may be sent again and again. */
export const text: Buffer = Buffer.from(
  Array.from({ length: PERIOD * 1024 }, (_, i) => i % PERIOD),
);

/** Write `total` bytes of it, again and again from where they lie, as fast as the socket takes them. */
export async function pour(socket: Socket, total: number): Promise<void> {
  for (let sent = 0; sent < total; ) {
    const piece = text.subarray(0, Math.min(text.length, total - sent));
    sent += piece.length;
    if (!socket.write(piece)) await next(socket, 'drain');
  }
}

/** Counts what comes; no longer right from the first byte on that is not what its place says. */
export class Ear {
  bytes = 0;
  right = true;
  readonly hear = (chunk: Uint8Array): void => {
    const { length } = chunk;
    for (let done = 0; done < length; ) {
      const start = (this.bytes + done) % PERIOD;
      const n = Math.min(length - done, text.length - start);
      const part = chunk.subarray(done, done + n);
      if (Buffer.compare(part, text.subarray(start, start + n)) !== 0) this.right = false;
      done += n;
    }
    this.bytes += length;
  };
}
