/**
 * A guest's connection and a socket of this host made one, past the streams of both: text goes from a packet's slot into
 * the kernel's socket, and from where it was read into the send buffer. Of a request on a connection of its own a stream
 * for the guest's side, with each of its events in a turn of its own, would be the dearest part.
 *
 * An end is passed on as an end and a failure as a reset, and whoever sends is held up by whoever does not take, as
 * `relay` has it for two streams.
 * @module
 */
import { Socket } from 'node:net';
import { Ahead, lookAhead, prepareWrites, writeNow } from '../../device/linux/socket-write.ts';
import type { Connection, ConnectionHandler } from '../../index.ts';
import { reset } from '../reset.ts';
import { countRelay, enough, HostReads, type Piece, Took } from './host-reads.ts';
import type { LiveEnds } from './live.ts';
import { LOOK_EVERY, look } from './relay.ts';
import { LARGE, Rest, writeText } from './shortcut.ts';

/** Is told how it goes: `lost`, or `opened` and in the end `closed`. */
export interface CrossingOwner {
  /** The guest has completed the handshake; `closed` may come before this returns. */
  opened(crossing: Crossing): void;
  /** It has not: nothing is open any more. */
  lost(): void;
  /** Both ends are gone. */
  closed(): void;
}

/** Text that fits a segment of any path is held up by nothing at first. RFC 9293 §3.7.1, MUST-15. */
const SEGMENT = 536;

/** Short segments of one batch are gathered, since a call for each would cost more. */
const ROOM = 65_536;
const MOST_SPARE = 16;
/** Bytes that are moved one by one. */
const SHORT = 64;
const spares: Uint8Array[] = [];
/** Who has gathered something in this batch, and the end of which is the next microtask. */
const gathering: Crossing[] = [];

function pourAll(): void {
  for (const crossing of gathering) crossing.pour();
  gathering.length = 0;
}

/** Those whose far end has sent all, and is still written to: nobody would hear of its reset (`LOOK_EVERY`). */
const halves: Set<Socket> = new Set();
let looking: NodeJS.Timeout | undefined;

function lookAfter(socket: Socket): void {
  halves.add(socket);
  looking ??= setInterval(() => {
    for (const one of halves) look(one);
    if (halves.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  }, LOOK_EVERY).unref();
}

/** A socket of this host's that may be read and written past its stream. */
export interface Crossable {
  readonly upstream: Socket;
  readonly reads: HostReads;
}

/** Node's own alone, whose reads are ours, and of which nobody looks at what it reads and writes. */
export function crossable(upstream: Socket): Crossable | undefined {
  const isPlain =
    Object.getPrototypeOf(upstream) === Socket.prototype && !Object.hasOwn(upstream, 'write');
  const reads = isPlain ? HostReads.of(upstream) : undefined;
  return reads && { upstream, reads };
}

/**
 * The handler of what both have left. A connection in TIME-WAIT holds its handler: with a `Crossing` the socket of this
 * host and all that belongs to it, which the collector would move twice and then have to search for.
 */
const LEFT: ConnectionHandler = {
  release: (_, token) => (token as Piece).letGo(),
};

/** The handler of a guest's connection, from before its handshake. */
export class Crossing implements ConnectionHandler, LiveEnds {
  readonly #host: Socket;
  readonly #reads: HostReads;
  readonly #owner: CrossingOwner;
  #guest: Connection | undefined;
  /** Text that came by short segments, and how much. */
  #gathered: Uint8Array | undefined;
  #length = 0;
  #wrote = false;
  #noDelay = false;
  #rest: Rest | undefined;
  #listens = false;
  #filled = false;
  /** Each has sent all it will send. */
  #guestEnded = false;
  #hostEnded = false;
  #failed = false;

  /** `host` is open, and `reads` are its own. */
  constructor(host: Socket, reads: HostReads, owner: CrossingOwner) {
    prepareWrites();
    this.#host = host;
    this.#reads = reads;
    this.#owner = owner;
    host.on('error', () => {
      this.#failed = true;
    });
    host.on('end', () => this.#streamEnds());
    host.on('close', () => this.#hostGone());
  }

  bytesOut(): number {
    return this.#guest?.bytesRead ?? 0;
  }

  bytesIn(): number {
    return this.#host.bytesRead;
  }

  cut(): void {
    this.#guest?.abort();
    reset(this.#host);
  }

  // What the guest's connection tells.

  open(guest: Connection): void {
    const host = this.#host;
    if (host.destroyed) {
      guest.abort();
      this.#owner.lost();
      return;
    }
    this.#guest = guest;
    guest.setNoDelay(true);
    countRelay(1);
    this.#reads.taker = (bytes, length, piece) => this.#take(bytes, length, piece);
    this.#owner.opened(this);
    // What came before the guest was there is in the stream.
    if (host.readableLength > 0 || host.isPaused()) this.#readOn();
    else if (host.readableEnded) this.#streamEnds();
  }

  data(guest: Connection, bytes: Uint8Array, at: number, length: number): void {
    if (length >= LARGE) {
      this.pour();
      this.#put(guest, bytes, at, length);
      return;
    }
    if (this.#length + length > ROOM) this.pour();
    if (this.#gathered === undefined) {
      this.#gathered = spares.pop() ?? new Uint8Array(ROOM);
      if (gathering.push(this) === 1) queueMicrotask(pourAll);
    }
    copy(bytes, at, length, this.#gathered, this.#length);
    this.#length += length;
  }

  /** Hand on what was gathered. */
  pour(): void {
    const bytes = this.#gathered;
    if (bytes === undefined) return;
    const length = this.#length;
    this.#gathered = undefined;
    this.#length = 0;
    this.#put(this.#guest as Connection, bytes, 0, length); // whose text it is
    if (spares.length < MOST_SPARE) spares.push(bytes);
  }

  /** What the kernel does not take at once is copied, and waits in the stream. */
  #put(guest: Connection, bytes: Uint8Array, at: number, length: number): void {
    const host = this.#host;
    if (!host.writable) return;
    if (!this.#noDelay && (this.#wrote || length > SEGMENT)) {
      this.#noDelay = true;
      host.setNoDelay(true);
    }
    this.#wrote = true;
    const taken = writeNow(host, bytes, at, length);
    if (taken === length || !host.writable) return;
    host.write(Buffer.from(bytes.subarray(at + taken, at + length)), () => guest.resume());
    if (taken > 0 || host.writableLength >= enough()) guest.pause();
  }

  end(guest: Connection): void {
    this.pour();
    this.#guestEnded = true;
    if (!this.#hostEnded) this.#host.end();
    else this.#finish(guest);
  }

  writable(guest: Connection): void {
    if (this.#rest === undefined || !this.#rest.goOn(guest)) return;
    this.#forget();
    this.#readOn();
  }

  release(_: Connection, token: unknown): void {
    (token as Piece).letGo();
  }

  close(): void {
    if (this.#guest === undefined) {
      reset(this.#host);
      this.#owner.lost();
    } else if (!this.#guestEnded || !this.#hostEnded) reset(this.#host);
  }

  // What the socket of this host tells.

  #take(bytes: Uint8Array, length: number, piece: Piece | undefined): number {
    const guest = this.#guest as Connection; // who takes has one
    if (guest.closed) return Took.ALL; // and the socket is on its way out
    if (this.#rest !== undefined) return Took.PASS;
    // There is more to come at once: the end of this is no segment of its own.
    if (length === bytes.length && !this.#filled) {
      this.#filled = true;
      guest.setNoDelay(false);
      setImmediate(() => this.#empty(guest));
    }
    const taken = writeText(guest, bytes, 0, length, piece);
    const isTaken = taken === length;
    if (piece !== undefined) {
      // Held by what is not written yet, besides by what is and was not acknowledged.
      if (isTaken) piece.letGo();
      else this.#rest = new Rest(bytes, piece, taken, length);
      return isTaken ? Took.KEPT : Took.KEPT | Took.ENOUGH;
    }
    if (!isTaken) {
      this.#keep(bytes.subarray(taken, length));
      return Took.ENOUGH;
    }
    return length < bytes.length && this.#isAtEnd() ? Took.ENOUGH : Took.ALL;
  }

  /**
   * An end behind the last text goes with it: libuv would tell of it in the next turn of the event loop, and it would take
   * a segment of its own. So is who ends at once heard of at once; who does not is asked once for each text.
   */
  #isAtEnd(): boolean {
    const ahead = lookAhead(this.#host);
    if (ahead === Ahead.END) this.#hostEnds();
    else if (ahead === Ahead.FAILED) {
      this.#failed = true; // the kernel tells that once
      reset(this.#host);
    }
    return ahead === Ahead.END;
  }

  #empty(guest: Connection): void {
    this.#filled = false;
    if (!guest.closed) guest.setNoDelay(true);
  }

  #keep(bytes: Uint8Array): void {
    this.#rest = new Rest(Buffer.from(bytes), undefined, 0, bytes.length);
  }

  #forget(): void {
    this.#rest?.forget();
    this.#rest = undefined;
  }

  /** Go on reading; the stream gives what it has first. */
  #readOn(): void {
    if (!this.#listens) this.#host.on('data', (text: Buffer) => this.#give(text));
    this.#listens = true;
    this.#host.resume();
  }

  #give(text: Buffer): void {
    const guest = this.#guest as Connection; // nobody listens before
    const taken = this.#rest === undefined ? guest.writeCopy(text) : 0;
    if (taken === text.length || guest.closed) return;
    this.#host.pause();
    if (this.#rest === undefined) this.#keep(text.subarray(taken));
    else this.#host.unshift(text);
  }

  /** libuv makes an end of a reset that comes while the last text is read: such an end is believed at a second look. */
  #streamEnds(): void {
    if (this.#guest === undefined || this.#hostEnded) return;
    if (this.#reads.fresh) look(this.#host, () => this.#hostEnds());
    else this.#hostEnds();
  }

  #hostEnds(): void {
    const guest = this.#guest as Connection; // whoever ends has one
    this.#hostEnded = true;
    guest.end();
    if (this.#guestEnded) this.#finish(guest);
    else if (this.#host.writable) lookAfter(this.#host);
  }

  /** Both have sent all. What was written to the kernel it delivers, and the end behind it. */
  #finish(guest: Connection): void {
    const host = this.#host;
    guest.close();
    if (host.writableLength === 0) host.destroy();
    else host.end(() => host.destroy());
  }

  #hostGone(): void {
    const guest = this.#guest;
    if (guest === undefined) return; // it is found out when the handshake is over
    halves.delete(this.#host);
    countRelay(-1);
    this.#forget();
    if (this.#failed || !this.#guestEnded || !this.#hostEnded) guest.abort();
    else guest.close();
    guest.handler = LEFT;
    this.#owner.closed();
  }
}

/** Faster than `set` of a view, which is an object, for what is short. */
function copy(from: Uint8Array, at: number, length: number, to: Uint8Array, place: number): void {
  if (length > SHORT) to.set(from.subarray(at, at + length), place);
  else for (let i = 0; i < length; i++) to[place + i] = from[at + i] as number;
}
