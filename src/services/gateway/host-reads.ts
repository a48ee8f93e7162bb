/**
 * Text that sockets of this host receive: read into one place that all of them share, since whoever is told has
 * taken it when the call returns. Node would make a buffer of 64 KiB for each read, and leave it to the collector.
 *
 * Until somebody takes it there, such a socket is a stream like any other.
 *
 * Node documentation: `onread` of `socket.connect()`.
 * @module
 */
import type { OnReadOpts, Socket } from 'node:net';
import { enough } from './waiting.ts';

/** More than a read brings as a rule; and long segments, cut of a whole one, leave fewer short ones at their ends. */
const ROOM = 256 * 1024;
/** Where so many relays share what may wait that this would be more than a share. */
const LITTLE = 64 * 1024;

/**
 * Takes the first `length` bytes of `bytes`, which are others' when it returns. `MORE`: read on; `ENOUGH`: not until
 * `resume` of the socket; `PASS`: it has taken nothing, and the stream is to have them.
 */
export type Taker = (bytes: Uint8Array, length: number) => Took;
export const Took = { MORE: 0, ENOUGH: 1, PASS: 2 } as const;
export type Took = (typeof Took)[keyof typeof Took];

let whole: Buffer | undefined;
let part: Buffer | undefined;

/** For the next read. */
function place(): Buffer {
  whole ??= Buffer.allocUnsafeSlow(ROOM);
  part ??= whole.subarray(0, LITTLE);
  return enough() < ROOM ? part : whole;
}

const known = new WeakMap<object, HostReads>();

/** The reads of one socket. */
export class HostReads {
  /** Undefined: the stream has all. */
  taker: Taker | undefined;
  #socket: Socket | undefined;

  /** For the options of the socket. */
  readonly onread: OnReadOpts = {
    buffer: place,
    callback: (length, bytes) => this.#read(length, bytes),
  };

  /** `socket` was made with these options. */
  belongTo(socket: Socket): void {
    this.#socket = socket;
    known.set(socket, this);
  }

  /** Those of `socket`, if it has any, and nobody looks at what its stream is given. */
  static of(socket: object): HostReads | undefined {
    return Object.hasOwn(socket, 'push') ? undefined : known.get(socket);
  }

  #read(length: number, bytes: Uint8Array): boolean {
    const socket = this.#socket as Socket; // it is read only once it was made
    const passes = this.taker === undefined || socket.readableLength > 0;
    const took = passes ? Took.PASS : (this.taker?.(bytes, length) ?? Took.PASS);
    if (took !== Took.PASS) return took === Took.MORE;
    return socket.push(Buffer.from(bytes.subarray(0, length)));
  }
}
