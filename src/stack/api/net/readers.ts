/**
 * Who takes what a socket has received, and whether they will have it for long. A `data` listener, `read()` and an
 * iterator have their buffer for ever; who decodes has a string; a stream that flows with nobody there
 * loses it, as Node has it; and what is piped from one socket into another needs no buffer between their memories.
 *
 * Who puts functions of their own on a socket to see what passes (`push`, `emit`, `read`) sees all of it.
 *
 * Node documentation: "Readable Streams", "Two reading modes", `readable.resume()`, `readable.setEncoding()`.
 * @module
 */
import { Duplex } from 'node:stream';

const { push, emit } = Duplex.prototype;

/**
 * True if what comes now goes to the listeners at once, whoever they are, and nobody else sees it. The first text does not:
 * from then on the stream has been read from (`readableDidRead`).
 */
export const flows = (socket: Duplex): boolean =>
  socket.readableFlowing === true &&
  socket.readableDidRead &&
  socket.readableLength === 0 &&
  socket.readableEncoding === null &&
  !socket.destroyed &&
  socket.push === push &&
  socket.emit === emit &&
  !Object.hasOwn(socket, 'read');

/** True if it is heard by nobody, where it `flows`: it need not be copied. */
export const isUnheard = (socket: Duplex): boolean => socket.listenerCount('data') === 0;

/** The only one who hears it, where it `flows`, if that is another stream that it is piped into. */
export function pipedInto(socket: Duplex): object | undefined {
  if (socket.listenerCount('data') !== 1) return undefined; // `pipe` has one for each
  const { pipes } =
    (socket as { _readableState?: { pipes?: readonly object[] } })._readableState ?? {};
  return pipes?.length === 1 ? pipes[0] : undefined;
}

/** True if text may go before all that is written to `socket` from now on: nothing waits, and nobody looks at writes. */
export const isIdle = (socket: Duplex, write: Duplex['write']): boolean =>
  socket.writable &&
  socket.writableLength === 0 &&
  socket.writableCorked === 0 &&
  socket.write === write &&
  !Object.hasOwn(socket, '_write') &&
  !Object.hasOwn(socket, '_writev');

/** True if a buffer that is pushed is turned into a string at once, and nobody sees the buffer. */
export const isDecoded = (socket: Duplex): boolean =>
  socket.readableEncoding !== null && socket.push === push;
