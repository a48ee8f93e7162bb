/**
 * Who takes what a socket has received, and whether they will have it for long. A `data` listener, `read()` and an
 * iterator have their buffer for ever; who decodes has a string; and a stream that flows with nobody there
 * loses it, as Node has it.
 *
 * Who puts functions of their own on a socket to see what passes (`push`, `emit`, `read`) sees all of it.
 *
 * Node documentation: "Readable Streams", "Two reading modes", `readable.resume()`, `readable.setEncoding()`.
 * @module
 */
import { Duplex } from 'node:stream';

const { push, emit } = Duplex.prototype;

/**
 * True if text that comes now is heard by nobody: it need not be copied. The first is: from then on the stream has
 * been read from (`readableDidRead`).
 */
export function isUnheard(socket: Duplex): boolean {
  return (
    socket.readableFlowing === true &&
    socket.readableDidRead &&
    socket.readableLength === 0 &&
    socket.readableEncoding === null &&
    socket.listenerCount('data') === 0 &&
    socket.push === push &&
    socket.emit === emit &&
    !Object.hasOwn(socket, 'read')
  );
}

/** True if a buffer that is pushed is turned into a string at once, and nobody sees the buffer. */
export const isDecoded = (socket: Duplex): boolean =>
  socket.readableEncoding !== null && socket.push === push;
