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

/**
 * How much text may wait to be taken by one side of a relay before nothing more is read from the other: all relays
 * share `ALL_WAITING`, within bounds for each. A stream's own mark of 16 KiB is less than what sockets read at once:
 * with it (`pipe`) who sends would be paused and set going again for each piece, and who is paused closes his
 * window and keeps aside what comes meanwhile.
 */
const MOST_WAITING = 1 << 20;
const LEAST_WAITING = 1 << 16;
const ALL_WAITING = 64 << 20;
let relays = 0;

/** A relay more (1), or one less (-1). */
export function countRelay(more: 1 | -1): void {
  relays += more;
}

/** How much may wait each way of one relay, in bytes. */
export const enough = (): number =>
  Math.min(MOST_WAITING, Math.max(LEAST_WAITING, ALL_WAITING / relays));

/** More than a read brings as a rule; and long segments, cut of a whole one, leave fewer short ones at their ends. */
const ROOM = 256 * 1024;
/** Where so many relays share what may wait that this would be more than a share. */
const LITTLE = 64 * 1024;
/** Pieces of `ROOM` that all sockets have of their own at once, and that are kept for those to come. */
const MOST_OWN = 256;
const MOST_SPARE = 32;

/**
 * Takes the first `length` bytes of `bytes`, which are others' when it returns; unless they lie in a `piece` and it says
 * that it keeps that: then it is its own until it lets go.
 */
export type Taker = (bytes: Uint8Array, length: number, piece: Piece | undefined) => number;
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

const spares: Piece[] = [];
let lent = 0;

/** Memory that one socket reads into, given back when everyone who holds it has let go. */
export class Piece {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(ROOM);
  #holders = 0;

  hold(): void {
    this.#holders++;
  }

  letGo(): void {
    if (--this.#holders > 0) return;
    lent--;
    if (spares.length < MOST_SPARE) spares.push(this);
  }
}

/** A piece for one socket, which holds it, unless there are too many. */
function lend(): Piece | undefined {
  if (lent === MOST_OWN || enough() < ROOM) return undefined;
  lent++;
  const piece = spares.pop() ?? new Piece();
  piece.hold();
  return piece;
}

/** Counts up with the event loop's turns in which something was read. */
let turn = 0;
let counting = false;
const nextTurn = (): void => {
  turn++;
  counting = false;
};

/** Where a socket has its own: a map of them would be the collector's to clear. */
const READS = Symbol('reads');

/** The reads of one socket. */
export class HostReads {
  /** Undefined: the stream has all. */
  taker: Taker | undefined;
  #socket: Socket | undefined;
  /** Nobody else's, for the next read. */
  #own: Piece | undefined;
  /** When it was read last. */
  #readIn = -1;
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
    (socket as { [READS]?: HostReads })[READS] = this;
  }

  /** Those of `socket`, if it has any, and nobody looks at what its stream is given. */
  static of(socket: object): HostReads | undefined {
    return Object.hasOwn(socket, 'push') ? undefined : (socket as { [READS]?: HostReads })[READS];
  }

  /** Whether something was read in this turn of the event loop. */
  get fresh(): boolean {
    return this.#readIn === turn;
  }

  #next(): Buffer {
    if (!this.#busy) this.#letGo();
    else if (this.#own === undefined) this.#own = lend();
    if (this.#own !== undefined && !this.#watched) {
      this.#watched = true;
      this.#socket?.once('close', () => this.#letGo());
    }
    return this.#own?.bytes ?? shared();
  }

  #letGo(): void {
    this.#own?.letGo();
    this.#own = undefined;
  }

  #read(length: number, bytes: Uint8Array): boolean {
    const socket = this.#socket as Socket; // it is read only once it was made
    this.#readIn = turn;
    if (!counting) {
      counting = true;
      setImmediate(nextTurn);
    }
    this.#busy = 2 * length >= bytes.length;
    const passes = this.taker === undefined || socket.readableLength > 0;
    const piece = this.#busy && bytes === this.#own?.bytes ? this.#own : undefined;
    const took = passes ? Took.PASS : (this.taker?.(bytes, length, piece) ?? Took.PASS);
    if ((took & Took.PASS) !== 0) return socket.push(Buffer.from(bytes.subarray(0, length)));
    if ((took & Took.KEPT) !== 0) this.#own = undefined;
    return (took & Took.ENOUGH) === 0;
  }
}
