/**
 * Text that sockets of this host receive: read into one place that all of them share, since whoever is told has
 * taken it when the call returns. Node would make a buffer of 64 KiB for each read, and leave it to the collector.
 * A socket that brings much has memory of its own besides, which is kept where it is until the other side has
 * acknowledged what lies in it, and is then used again.
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
/** Pieces of `ROOM` that all sockets have of their own at once, and that are kept for those to come. */
const MOST_OWN = 256;
const MOST_SPARE = 32;

/**
 * Takes the first `length` bytes of `bytes`, which are others' when it returns, unless it may keep them and says so:
 * then they are its own until `giveBack`.
 */
export type Taker = (bytes: Uint8Array, length: number, mayKeep: boolean) => number;
/** What it says: bits. `ENOUGH`: read no more until `resume` of the socket. `PASS`: the stream is to have them. */
export const Took = { ALL: 0, ENOUGH: 1, PASS: 2, KEPT: 4 } as const;

let whole: Buffer | undefined;
let part: Buffer | undefined;

/** That of all sockets. */
function shared(): Buffer {
  whole ??= Buffer.allocUnsafeSlow(ROOM);
  part ??= whole.subarray(0, LITTLE);
  return enough() < ROOM ? part : whole;
}

const spares: Buffer[] = [];
let lent = 0;

/** A piece for one socket, unless there are too many. */
function lend(): Buffer | undefined {
  if (lent === MOST_OWN || enough() < ROOM) return undefined;
  lent++;
  return spares.pop() ?? Buffer.allocUnsafeSlow(ROOM);
}

/** What a taker has kept is not needed any more. */
export function giveBack(piece: Buffer): void {
  lent--;
  if (spares.length < MOST_SPARE) spares.push(piece);
}

const known = new WeakMap<object, HostReads>();

/** The reads of one socket. */
export class HostReads {
  /** Undefined: the stream has all. */
  taker: Taker | undefined;
  #socket: Socket | undefined;
  /** Nobody else's, for the next read. */
  #own: Buffer | undefined;
  /** The last read brought much. */
  #busy = false;
  #watched = false;

  /** For the options of the socket. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#next(),
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

  #next(): Buffer {
    if (!this.#busy) this.#letGo();
    else if (this.#own === undefined) this.#own = lend();
    if (this.#own !== undefined && !this.#watched) {
      this.#watched = true;
      this.#socket?.once('close', () => this.#letGo());
    }
    return this.#own ?? shared();
  }

  #letGo(): void {
    if (this.#own !== undefined) giveBack(this.#own);
    this.#own = undefined;
  }

  #read(length: number, bytes: Uint8Array): boolean {
    const socket = this.#socket as Socket; // it is read only once it was made
    this.#busy = 2 * length >= bytes.length;
    const passes = this.taker === undefined || socket.readableLength > 0;
    const mayKeep = this.#busy && bytes === this.#own;
    const took = passes ? Took.PASS : (this.taker?.(bytes, length, mayKeep) ?? Took.PASS);
    if ((took & Took.PASS) !== 0) return socket.push(Buffer.from(bytes.subarray(0, length)));
    if ((took & Took.KEPT) !== 0) this.#own = undefined;
    return (took & Took.ENOUGH) === 0;
  }
}
