/**
 * A protocol of one's own over IP: messages of any bytes that arrive whole, once and in their order.
 *
 * A message goes in pieces, numbered throughout, until each has been acknowledged. What is lost is sent
 * again when pieces that were sent after it arrive, or after the timeout of RFC 6298. A session is the
 * sender's time of birth, so that one that begins anew is told from its own old packets. Protocol 253
 * is kept for experiments (RFC 3692).
 *
 *     kind 1 | last of its message 1 | checksum 2 | session 4 | number 4 | also acknowledged 4 | text
 *
 *     node dist/examples/reliable-messages.js
 * @module
 */
import { createPipe, createStack, impair, type RawPacket, type Stack } from 'tunstack';
import { checksum, parseAddress } from 'tunstack/wire';

const PROTOCOL = 253;
const HEADER = 16;
const CHECKSUM_AT = 2;
const PIECE = 0; // kinds
const ACKNOWLEDGEMENT = 1;
const PIECE_SIZE = 1400; // bytes of text: with all headers less than 1500
const LONGEST = 1 << 20; // bytes of a message
const WINDOW = 64; // pieces under way, and early ones that are kept
const MOST_PEERS = 1024; // who is remembered; the oldest goes
const AHEAD = 3; // numbers that may overtake a piece before it counts as lost

interface Piece {
  readonly number: number;
  readonly bytes: Buffer;
  /** Settles the promise of the message that ends here. */
  readonly done: ((error?: Error) => void) | undefined;
  sent: number; // milliseconds
  times: number;
  arrived: boolean; // though not all before it
}

function write(kind: number, last: boolean, session: number, number: number, also: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(kind, 0);
  header.writeUInt8(last ? 1 : 0, 1);
  header.writeUInt32BE(session, 4);
  header.writeUInt32BE(number, 8);
  header.writeUInt32BE(also, 12);
  return header;
}

/** What goes to one peer. */
class Outgoing {
  failed = false;
  readonly #session = Date.now() >>> 0;
  readonly #post: (bytes: Buffer, again: boolean) => void;
  readonly #tries: number;
  readonly #waiting: Piece[] = [];
  readonly #underWay: Map<number, Piece> = new Map(); // the oldest first
  #next = 0;
  #smooth = 0; // of the round trip, milliseconds: RFC 6298
  #deviation = 0;
  #timeout = 100;
  #timer: NodeJS.Timeout | undefined;

  constructor(tries: number, post: (bytes: Buffer, again: boolean) => void) {
    this.#tries = tries;
    this.#post = post;
  }

  /** Settles when all of it has been acknowledged. */
  add(message: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => (error ? reject(error) : resolve());
      for (let at = 0; at === 0 || at < message.length; at += PIECE_SIZE) {
        const number = this.#next++;
        const last = at + PIECE_SIZE >= message.length;
        const header = write(PIECE, last, this.#session, number, 0);
        const bytes = Buffer.concat([header, message.subarray(at, at + PIECE_SIZE)]);
        const done = last ? settle : undefined;
        this.#waiting.push({ number, bytes, done, sent: 0, times: 0, arrived: false });
      }
      this.#send();
    });
  }

  /** All below `number` have arrived, and `also`. */
  acknowledged(session: number, number: number, also: number): void {
    if (session !== this.#session) return;
    const latest = this.#underWay.get(also);
    if (latest?.times === 1 && !latest.arrived) this.#measure(performance.now() - latest.sent); // Karn
    if (latest) latest.arrived = true;
    for (const piece of this.#underWay.values()) {
      if (piece.number < number) {
        this.#underWay.delete(piece.number);
        piece.done?.();
      } else if (piece.number + AHEAD > also) {
        break;
      } else if (!piece.arrived && latest && piece.sent < latest.sent) {
        this.#transmit(piece);
      }
    }
    this.#send();
    this.#arm();
  }

  /** Nobody is there, or we go. */
  fail(error: Error): void {
    clearTimeout(this.#timer);
    this.failed = true;
    const left = [...this.#underWay.values(), ...this.#waiting.splice(0)];
    this.#underWay.clear();
    for (const piece of left) piece.done?.(error);
  }

  #send(): void {
    for (;;) {
      const [piece] = this.#waiting;
      const [oldest = piece] = this.#underWay.values();
      if (!piece || !oldest || piece.number >= oldest.number + WINDOW) break;
      this.#waiting.shift();
      this.#underWay.set(piece.number, piece);
      this.#transmit(piece);
      if (oldest === piece) this.#arm();
    }
  }

  #transmit(piece: Piece): void {
    piece.sent = performance.now();
    this.#post(piece.bytes, piece.times++ > 0);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#underWay.size > 0) this.#timer = setTimeout(() => this.#expired(), this.#timeout);
  }

  #expired(): void {
    const [oldest] = this.#underWay.values();
    if (!oldest) return;
    if (oldest.times >= this.#tries) {
      this.fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
      return;
    }
    this.#timeout = Math.min(2 * this.#timeout, 10_000);
    this.#transmit(oldest);
    this.#arm();
  }

  #measure(trip: number): void {
    const first = this.#smooth === 0;
    this.#deviation += first ? trip / 2 : (Math.abs(trip - this.#smooth) - this.#deviation) / 4;
    this.#smooth += first ? trip : (trip - this.#smooth) / 8;
    this.#timeout = Math.max(50, this.#smooth + 4 * this.#deviation);
  }
}

/** What comes from one peer. */
class Incoming {
  readonly session: number;
  /** The number of the piece that is due. */
  next = 0;
  readonly #early: Map<number, Buffer> = new Map();
  #parts: Buffer[] = [];

  constructor(session: number) {
    this.session = session;
  }

  /** Keep a piece, and hand over what is whole. False if there is no room for it. */
  take(number: number, bytes: Buffer, heard: (message: Buffer) => void): boolean {
    if (number >= this.next + WINDOW || this.#parts.length * PIECE_SIZE > LONGEST) return false;
    if (number >= this.next) this.#early.set(number, bytes);
    for (;;) {
      const piece = this.#early.get(this.next);
      if (piece === undefined) return true;
      this.#early.delete(this.next++);
      this.#parts.push(piece.subarray(HEADER));
      if (piece.readUInt8(1) === 0) continue;
      const message = Buffer.concat(this.#parts);
      this.#parts = [];
      heard(message);
    }
  }
}

export class Messages {
  /** Packets that were dropped: damaged, of an old session, or too far ahead. */
  dropped = 0;
  /** Pieces that were sent again. */
  resent = 0;
  readonly #protocol: ReturnType<Stack['protocol']>;
  readonly #heard: (message: Buffer, from: string) => void;
  readonly #tries: number;
  readonly #outgoing: Map<string, Outgoing> = new Map();
  readonly #incoming: Map<string, Incoming> = new Map();

  /** `tries`: how often a piece is sent before its peer counts as gone. */
  constructor(stack: Stack, heard: (message: Buffer, from: string) => void, tries = 10) {
    this.#heard = heard;
    this.#tries = tries;
    this.#protocol = stack.protocol(PROTOCOL, (packet) => {
      if (!this.#take(packet)) this.dropped++;
    });
  }

  /** Settles when all of it has arrived; rejects with `ETIMEDOUT` if nobody answers. */
  async send(message: Uint8Array, to: string): Promise<void> {
    if (message.length > LONGEST) throw new RangeError(`a message has up to ${LONGEST} bytes`);
    let outgoing = this.#outgoing.get(to);
    if (outgoing === undefined) {
      outgoing = new Outgoing(this.#tries, (bytes, again) => this.#post(bytes, to, again));
      this.#outgoing.set(to, outgoing);
    }
    try {
      await outgoing.add(message);
    } finally {
      // What failed leaves a hole in the numbers: what follows is another session.
      if (outgoing.failed && this.#outgoing.get(to) === outgoing) this.#outgoing.delete(to);
    }
  }

  /** Give up what is under way. */
  close(): void {
    this.#protocol.close();
    for (const outgoing of this.#outgoing.values()) outgoing.fail(new Error('closed'));
  }

  #post(bytes: Buffer, to: string, again = false): void {
    if (again) this.resent++;
    try {
      this.#protocol.send(bytes, to, { checksumAt: CHECKSUM_AT });
    } catch {
      // No route or no room at the moment: as if it was lost on the way.
    }
  }

  #take({ source, destination, data }: RawPacket): boolean {
    const [from, to] = [parseAddress(source), parseAddress(destination)];
    if (data.length < HEADER || from === undefined || to === undefined) return false;
    if (checksum.transport(from, to, PROTOCOL, data) !== 0) return false;
    const session = data.readUInt32BE(4);
    const number = data.readUInt32BE(8);
    if (data.readUInt8(0) === ACKNOWLEDGEMENT) {
      this.#outgoing.get(source)?.acknowledged(session, number, data.readUInt32BE(12));
      return true;
    }
    const incoming = this.#from(source, session);
    if (!incoming?.take(number, data, (message) => this.#heard(message, source))) return false;
    this.#post(write(ACKNOWLEDGEMENT, false, session, incoming.next, number), source);
    return true;
  }

  /** The session that `source` has; undefined if it is over. */
  #from(source: string, session: number): Incoming | undefined {
    const known = this.#incoming.get(source);
    if (known?.session === session) return known;
    if (known && ((session - known.session) | 0) < 0) return undefined;
    const [oldest] = this.#incoming.keys();
    if (this.#incoming.size >= MOST_PEERS && oldest) this.#incoming.delete(oldest);
    const fresh = new Incoming(session);
    this.#incoming.set(source, fresh);
    return fresh;
  }
}

if (process.argv[1] === import.meta.filename) {
  const [here, there] = createPipe();
  const link = { loss: 0.1, duplicate: 0.05, reorder: 0.1 };
  const one = createStack({ device: impair(here, { both: link }), address: '10.0.0.1/24' });
  const other = createStack({ device: there, address: '10.0.0.2/24' });
  new Messages(other, (message, from) => console.log(`${from}: ${message.length} B`));
  const messages = new Messages(one, () => {});
  const sizes = [5, 50_000, 0, 500_000, 1];
  await Promise.all(sizes.map((size) => messages.send(Buffer.alloc(size), '10.0.0.2')));
  console.log(`${messages.resent} pieces were sent again`);
  await Promise.all([one.close(), other.close()]);
}
