/**
 * Bytes from where they lie to a socket of Node's, by one system call on its descriptor: no buffer is made of
 * them, and no request. What the kernel does not take at once is left to the socket itself.
 *
 * Where koffi is not there nothing is ever taken, and all goes by the socket.
 * @module
 */
import { Socket } from 'node:net';
import { Errno, type Libc, loadLibc, Pinned, putVector } from './libc.ts';

/** Shorter memory may lie on V8's own heap, where its address is true only until the next collection. */
const HEAP = 64;

interface Calls {
  readonly libc: Libc;
  /** Room for one struct iovec: an address that is passed on by itself would be an object each time. */
  readonly vector: Pinned;
}

let calls: Calls | undefined;
let asked = false;
/** An array's address stays as long as the array does. */
const addresses = new WeakMap<Uint8Array, number>();

/** Begin to load what is called; until that is there nothing is taken. */
export function prepareWrites(): void {
  if (asked) return;
  asked = true;
  loadLibc().then(
    (libc) => {
      calls = { libc, vector: new Pinned(libc, new Uint8Array(128)) };
    },
    () => {}, // not Linux, or no koffi
  );
}

/** Node's own, whose writes nobody else sees: a descriptor below TLS must not get plain text. */
const isPlain = (socket: Socket): boolean =>
  Object.getPrototypeOf(socket) === Socket.prototype && !Object.hasOwn(socket, 'write');

/** Node has it there, and documents it nowhere; where it is not there (-1), nothing is lost but time. */
const descriptorOf = (socket: Socket): number =>
  (socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;

/** What comes next from a socket: nothing yet or text, its end, or an error that nobody else is told of any more. */
export const Ahead = { NONE: 0, END: 1, FAILED: 2 } as const;

/** Flags of recv(2): leave it there, and do not wait for it. */
const PEEK = 0x2;
const DONT_WAIT = 0x40;

/** Look at what comes next from `socket`, when all that was read before is taken. */
export function lookAhead(socket: Socket): number {
  const fd = calls === undefined ? -1 : descriptorOf(socket);
  if (calls === undefined || fd < 0) return Ahead.NONE;
  const { libc, vector } = calls;
  const length = libc.recv(fd, vector.address, 1, PEEK | DONT_WAIT);
  if (length >= 0) return length === 0 ? Ahead.END : Ahead.NONE;
  return libc.errno() === Errno.EAGAIN ? Ahead.NONE : Ahead.FAILED;
}

/**
 * How many of the `length` bytes of `bytes` from `at` the kernel has taken for `socket`, 0 to `length`. None while the
 * socket has something to write itself, or is not open; nor after an error, which its own next write meets.
 */
export function writeNow(socket: Socket, bytes: Uint8Array, at: number, length: number): number {
  if (calls === undefined || bytes.buffer.byteLength <= HEAP || !isPlain(socket)) return 0;
  if (socket.connecting || !socket.writable || socket.writableLength > 0) return 0;
  const fd = descriptorOf(socket);
  if (fd < 0 || !(at >= 0 && length >= 0 && at + length <= bytes.length)) return 0;
  const { libc, vector } = calls;
  let address = addresses.get(bytes);
  if (address === undefined) {
    address = libc.addressOf(bytes);
    addresses.set(bytes, address);
  }
  putVector(vector, 0, address + at, length);
  return Math.max(0, libc.writev(fd, vector.address, 1));
}
