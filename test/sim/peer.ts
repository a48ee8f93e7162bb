/**
 * An owner that sends so much text, takes what comes, and compares it with what it should be.
 *
 * The text of every flow is the same endless pattern, so that what was sent need not be kept: the
 * octet at position p of a stream is `pattern[p % PERIOD]`, of a random block whose length is prime.
 * @module
 */
import { Failure } from '../../src/stack/base/failure.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import type { Owner } from '../../src/stack/tcp/tcb/owner.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { shutdown, write } from '../../src/stack/tcp/verbs.ts';

const PERIOD = 1_048_573;
/** Most octets that one `write` is given. */
const PIECE = 262_144;

const pattern: Buffer = Buffer.alloc(PERIOD + PIECE);
const random = new SeededRandom(0x7e57);
for (let i = 0; i < PERIOD; i++) pattern[i] = random.int32() & 0xff;
pattern.copyWithin(PERIOD, 0, PIECE);

export interface PeerOptions {
  /** Octets to send; then a FIN, unless `keepOpen`. */
  readonly send?: number;
  readonly keepOpen?: boolean;
  /** Close our side only after the other has closed its own. */
  readonly closeLast?: boolean;
  /** Called with each piece of text, after it was found to be right. */
  readonly onText?: (peer: Peer, length: number) => void;
}

export class Peer implements Owner {
  tcb: Tcb | undefined;
  /** Octets to send. */
  total: number;
  /** Octets handed to `write`, and those whose memory came back. */
  sent = 0;
  writes = 0;
  released = 0;
  received = 0;
  opened = false;
  ended = false;
  finished = false;
  /** Why it is over; undefined while it is not. */
  failure: Failure | undefined;
  /** What was not as it must be; the run has failed. */
  wrong = '';
  readonly #options: PeerOptions;
  #token = 0;

  constructor(options: PeerOptions = {}) {
    this.#options = options;
    this.total = options.send ?? 0;
  }

  get closed(): boolean {
    return this.failure !== undefined;
  }

  onOpen(): void {
    this.#check(!this.opened && !this.closed, 'onOpen once, and before the end');
    this.opened = true;
    this.fill();
  }

  onData(bytes: Uint8Array, at: number, length: number): void {
    this.#check(this.opened && !this.ended && !this.closed, 'onData between onOpen and onEnd');
    const from = this.received % PERIOD;
    let same = from + length <= pattern.length;
    if (same) {
      const given = Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
      same = given.compare(pattern, from, from + length) === 0;
    } else {
      same = true;
      for (let i = 0; i < length && same; i++) {
        same = bytes[at + i] === pattern[(this.received + i) % PERIOD];
      }
    }
    this.#check(same, `text is what was sent, from ${this.received}, ${length} octets`);
    this.received += length;
    this.#options.onText?.(this, length);
  }

  onEnd(): void {
    this.#check(this.opened && !this.ended && !this.closed, 'onEnd once, and before onClose');
    this.ended = true;
    if (this.#options.closeLast) this.fill();
  }

  onWritable(): void {
    this.#check(!this.closed, 'onWritable before onClose');
    this.fill();
  }

  onRelease(token: unknown): void {
    this.#check(token === this.released, 'writes are released once, in their order');
    this.released++;
  }

  onFinished(): void {
    this.#check(!this.finished && !this.closed, 'onFinished once, and before onClose');
    this.finished = true;
  }

  onClose(failure: Failure): void {
    this.#check(!this.closed, 'onClose once');
    this.failure = failure;
    this.#check(this.released === this.#token, 'all writes are released at the end');
    if (failure === Failure.NONE) {
      const acked = this.tcb?.bytesAcked;
      const all = this.ended && acked === this.sent;
      this.#check(all, `an orderly close leaves nothing behind, ${acked} of ${this.sent}`);
    }
  }

  /** Send `length` octets more; only with `keepOpen`. */
  send(length: number): void {
    this.total += length;
    this.fill();
  }

  /** Write as much as is taken, then close. */
  fill(): void {
    const { tcb, total } = this;
    if (tcb === undefined || this.closed) return;
    while (this.sent < total) {
      const from = this.sent % PERIOD;
      const length = Math.min(PIECE, total - this.sent);
      const taken = write(tcb, pattern, from, length, this.#token);
      if (taken > 0) this.#token++;
      this.sent += taken;
      if (taken < length) return;
    }
    const { keepOpen, closeLast } = this.#options;
    if (!keepOpen && (!closeLast || this.ended)) shutdown(tcb);
  }

  #check(good: boolean, what: string): void {
    if (!good && this.wrong === '') this.wrong = what;
  }
}
