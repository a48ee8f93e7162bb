/**
 * From views on packet slots to buffers that a stream may keep: one copy, as few buffers as the
 * batch allows.
 *
 * Small segments of one batch are remembered where they lie (their slots retained) and copied
 * together when the batch ends, into one buffer of exactly their size. A large one is copied at once,
 * while it is in the cache. No buffer is longer than 64 KiB unless one segment is, as in Node, so that
 * a socket that wants no more can say so in time.
 *
 * Text that was read apart from its headers (`split.ts`) is handed over where it is.
 * @module
 */
import { copyBytes } from '../base/copy.ts';
import { Batch } from '../memory/batch.ts';
import type { Slots } from '../memory/slots.ts';
import { passed } from './collector.ts';
import type { Events } from './events.ts';
import { LONGEST, Spares } from './spares.ts';
import { Split } from './split.ts';

/** From here on a segment is copied when it comes: gathering would only cool it. */
const LARGE = 16 * 1024;
/** Of memory for the longest text so much must be used by what is left in it for its reader to keep. */
const HALF = LONGEST / 2;
/** Segments that a batch may keep; beyond that it delivers early. */
const PLACES = 512;
const NONE = -1;

/** Is given each buffer, which is its own to keep. */
type Take = (this: never, chunk: Buffer) => void;

/** What one socket has in the batch. */
export class Intake {
  readonly target: unknown;
  readonly take: Take;
  first: number = NONE;
  last: number = NONE;
  length = 0;
  /** Whoever takes it will give it back, as far as can be known when it comes. */
  lent = false;

  /** `take` is called with `target` as its `this`. */
  constructor(target: unknown, take: Take) {
    this.target = target;
    this.take = take;
  }
}

export class Inflow {
  /** True within a turn, which will call `deliver`. */
  open = false;
  /** Where the text of the next packets is expected. */
  readonly split: Split = new Split();
  readonly spares: Spares = new Spares();
  /** Where the text of the packet is that is being taken in, if it was read apart and nobody has kept it. */
  apart: Buffer | undefined;
  readonly #slots: Slots;
  readonly #events: Events;
  readonly #at = new Int32Array(PLACES);
  readonly #length = new Int32Array(PLACES);
  readonly #next = new Int32Array(PLACES);
  #used = 0;
  readonly #waiting: Batch<Intake> = new Batch();

  constructor(slots: Slots, events: Events) {
    this.#slots = slots;
    this.#events = events;
  }

  /** Text for `intake`: it is told with the batch's other events, in order. */
  add(intake: Intake, bytes: Uint8Array, at: number, length: number): void {
    this.#events.weight += length;
    const gather = this.open && length < LARGE && bytes === this.#slots.bytes;
    if (!gather) {
      this.settle(intake);
      this.#hand(
        intake,
        this.#kept(intake, bytes, at, length) ?? this.#copied(intake, bytes, at, length),
      );
      return;
    }
    if (intake.length + length > LONGEST) this.settle(intake);
    if (this.#used === PLACES) this.deliver();
    const place = this.#used++;
    this.#slots.retain(this.#slots.slotOf(at));
    this.#at[place] = at;
    this.#length[place] = length;
    this.#next[place] = NONE;
    if (intake.last === NONE) {
      intake.first = place;
      this.#waiting.push(intake);
    } else this.#next[intake.last] = place;
    intake.last = place;
    intake.length += length;
  }

  /** What `intake` has is told before whatever else comes. */
  settle(intake: Intake): void {
    if (intake.first === NONE) return;
    this.#hand(intake, this.#gathered(intake));
  }

  /** Forget what `intake` has: nobody wants it. */
  discard(intake: Intake): void {
    for (let i = intake.first; i !== NONE; i = this.#next[i] as number) {
      this.#slots.release(this.#slots.slotOf(this.#at[i] as number)); // places hold valid indices
    }
    intake.first = intake.last = NONE;
    intake.length = 0;
  }

  /** The batch ends: what everyone has in slots is copied, and the slots are free again. */
  deliver(): void {
    for (let i = 0; i < this.#waiting.length; i++) {
      this.settle(this.#waiting.at(i));
    }
    this.#waiting.clear();
    this.#used = 0;
  }

  /** The text where it is, if that was read apart for somebody to keep. */
  #kept({ lent }: Intake, bytes: Uint8Array, at: number, length: number): Buffer | undefined {
    if (length < HALF) return undefined;
    const { apart } = this;
    if (bytes === apart) {
      this.apart = undefined;
      this.split.hit();
      if (lent) this.spares.lend(apart);
      else passed(LONGEST);
      return apart.subarray(at, at + length);
    }
    if (bytes === this.#slots.bytes) this.split.saw(at - this.#slots.slotOf(at));
    return undefined;
  }

  #copied(intake: Intake, bytes: Uint8Array, at: number, length: number): Buffer {
    const chunk = this.#memory(intake, length);
    copyBytes(bytes, at, chunk, 0, length);
    return chunk;
  }

  /** For small text a spare one would be too much: as many as there are sockets may wait at once. */
  #memory({ lent }: Intake, length: number): Buffer {
    if (!lent || length < LARGE || length > LONGEST) {
      passed(length);
      // Not out of Buffer's pool, which is of 64 KiB from Node 24.21 on: who keeps a long one has memory of its own.
      return length < LARGE ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    }
    const spare = this.spares.take();
    this.spares.lend(spare);
    return spare.subarray(0, length);
  }

  #gathered(intake: Intake): Buffer {
    const { bytes } = this.#slots;
    const chunk = this.#memory(intake, intake.length);
    let to = 0;
    for (let i = intake.first; i !== NONE; i = this.#next[i] as number) {
      const at = this.#at[i] as number;
      const length = this.#length[i] as number;
      copyBytes(bytes, at, chunk, to, length);
      to += length;
    }
    this.discard(intake);
    return chunk;
  }

  #hand(intake: Intake, chunk: Buffer): void {
    this.#events.add(intake.target as never, intake.take, chunk, undefined);
  }
}
