/**
 * Datagrams that wait for the next flush, written one after the other, and how they leave: those of one size to one
 * place as one message that the kernel cuts (UDP_SEGMENT), many messages a call (sendmmsg(2)).
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import { putAddress } from './address.ts';
import { errorName } from './errno.ts';
import {
  ADDRESS_SIZE,
  Control,
  Level,
  Mmsg,
  MSG,
  Option,
  putWord,
  type UdpCalls,
  Vector,
} from './system.ts';

/** Bytes that wait at most. */
const ROOM = 1 << 20;
/** Messages a call. */
const MESSAGES = 64;
/** Bytes and datagrams that the kernel cuts one message into: UDP_MAX_SEGMENTS, and an IP packet's length. */
const MOST_SEGMENTS = 64;
const MOST_BYTES = 65_000;
/** Bytes that are sent without waiting for a flush: a message as long as they come. */
const ENOUGH = 64_000;
/** Where each thing begins in the memory of a call. */
const NAMES = MESSAGES * Mmsg.size;
const VECTORS = NAMES + MESSAGES * ADDRESS_SIZE;
const CONTROLS = VECTORS + MESSAGES * Vector.size;
const CALL_SIZE = CONTROLS + MESSAGES * Control.size;

/** What became of a flush. */
export const Sent = { ALL: 0, LATER: 1 } as const;
export type Sent = (typeof Sent)[keyof typeof Sent];

/** Datagrams of one size (the last may be shorter) to one place, one after the other. */
class Run {
  at = 0;
  bytes = 0;
  size = 0;
  count = 0;
  to: Endpoint | undefined;
}

/** Codes that mean: later. */
const LATER = new Set(['EAGAIN', 'ENOBUFS', 'ENOMEM', 'EINTR']);
/** The interface or the kernel cuts no messages. */
const NO_CUTTING = new Set(['EIO', 'EINVAL', 'ENOPROTOOPT', 'EOPNOTSUPP']);

export class Outbox {
  readonly bytes: Uint8Array = new Uint8Array(ROOM);
  calls = 0;
  /** Whether the kernel cuts for us. */
  cuts = true;
  readonly #system: UdpCalls;
  readonly #fds: ReadonlyMap<4 | 6, number>;
  readonly #address: number;
  readonly #call: Uint8Array = new Uint8Array(CALL_SIZE);
  readonly #view: DataView;
  readonly #callAddress: number;
  /** Used over and over. */
  readonly #runs: Run[] = [];
  #count = 0;
  /** The first run that is not sent, and what of it is. */
  #first = 0;
  #done = 0;
  #end = 0;
  #lost = 0;

  constructor(system: UdpCalls, fds: ReadonlyMap<4 | 6, number>) {
    this.#system = system;
    this.#fds = fds;
    this.#address = system.addressOf(this.bytes);
    this.#view = new DataView(this.#call.buffer);
    const base = system.addressOf(this.#call);
    this.#callAddress = base;
    const view = this.#view;
    for (let i = 0; i < MESSAGES; i++) {
      const at = i * Mmsg.size;
      putWord(view, at + Mmsg.name, base + NAMES + i * ADDRESS_SIZE);
      putWord(view, at + Mmsg.vector, base + VECTORS + i * Vector.size);
      putWord(view, at + Mmsg.vectorLength, 1);
      putWord(view, at + Mmsg.control, base + CONTROLS + i * Control.size);
      const control = CONTROLS + i * Control.size;
      putWord(view, control + Control.length, Control.used);
      view.setInt32(control + Control.level, Level.UDP, true);
      view.setInt32(control + Control.type, Option.UDP_SEGMENT, true);
    }
  }

  get empty(): boolean {
    return this.#count === 0;
  }

  /** Where `length` bytes may be written; -1 if there is no room before a flush. */
  reserve(length: number): number {
    return this.#end + length <= ROOM ? this.#end : -1;
  }

  /** True if there is enough for a call: more would only wait, while the other end could begin. */
  commit(length: number, to: Endpoint): boolean {
    const last = this.#count > 0 ? (this.#runs[this.#count - 1] as Run) : undefined;
    const end = this.#end;
    this.#end = end + length;
    if (
      last !== undefined &&
      last.to === to &&
      length <= last.size &&
      last.bytes === last.size * last.count && // none of them was shorter
      last.count < MOST_SEGMENTS &&
      last.bytes + length <= MOST_BYTES &&
      !(this.#count - 1 === this.#first && this.#done > 0)
    ) {
      last.bytes += length;
      last.count++;
      return this.#isEnough();
    }
    const run = this.#runs[this.#count] ?? new Run();
    this.#runs[this.#count++] = run;
    run.at = end;
    run.bytes = length;
    run.size = length;
    run.count = 1;
    run.to = to;
    return this.#isEnough();
  }

  #isEnough(): boolean {
    const from = (this.#runs[this.#first] as Run).at + this.#done; // `commit` has made one
    return this.#end - from >= ENOUGH;
  }

  /** Send what waits. LATER: the kernel takes no more now, and the rest waits on. */
  flush(): Sent {
    while (this.#first < this.#count) {
      const messages = this.#fill();
      const { family } = (this.#runs[this.#first] as Run).to as Endpoint;
      const fd = this.#fds.get(family) as number; // `commit` takes no others
      this.calls++;
      const sent = this.#system.sendmmsg(fd, this.#callAddress, messages, MSG.DONTWAIT);
      if (sent > 0) this.#advance(sent);
      else if (this.#failed(errorName(this.#system.errno()))) return Sent.LATER;
    }
    this.#count = 0;
    this.#first = 0;
    this.#done = 0;
    this.#end = 0;
    return Sent.ALL;
  }

  /** Datagrams that could not be sent since this was asked before. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** Put as many messages as may leave by one call; how many. */
  #fill(): number {
    let messages = 0;
    let skip = this.#done;
    let family = 0;
    for (let i = this.#first; i < this.#count && messages < MESSAGES; i++) {
      const run = this.#runs[i] as Run; // below the count
      const to = run.to as Endpoint; // every run in use has one
      if (family !== 0 && to.family !== family) break;
      family = to.family;
      if (this.cuts) {
        this.#put(messages++, to, run.at + skip, run.bytes - skip, run.size);
      } else {
        for (let at = skip; at < run.bytes && messages < MESSAGES; at += run.size) {
          this.#put(messages++, to, run.at + at, Math.min(run.size, run.bytes - at), run.size);
        }
      }
      skip = 0;
    }
    return messages;
  }

  #put(index: number, to: Endpoint, at: number, length: number, size: number): void {
    const view = this.#view;
    const message = index * Mmsg.size;
    const vector = VECTORS + index * Vector.size;
    view.setUint32(
      message + Mmsg.nameLength,
      putAddress(view, NAMES + index * ADDRESS_SIZE, to),
      true,
    );
    putWord(view, vector + Vector.base, this.#address + at);
    putWord(view, vector + Vector.length, length);
    putWord(view, message + Mmsg.controlLength, length > size ? Control.size : 0);
    view.setUint16(CONTROLS + index * Control.size + Control.data, size, true);
  }

  /** `sent` of the messages that were put have left. */
  #advance(sent: number): void {
    for (let left = sent; left > 0; left--) {
      const run = this.#runs[this.#first] as Run; // there were at least so many
      this.#done = this.cuts ? run.bytes : this.#done + run.size;
      if (this.#done < run.bytes) continue;
      this.#done = 0;
      this.#first++;
    }
  }

  /** What the first message met; true if it is to wait. */
  #failed(code: string): boolean {
    if (LATER.has(code)) return code !== 'EINTR';
    const run = this.#runs[this.#first] as Run;
    if (this.cuts && run.count > 1 && NO_CUTTING.has(code)) {
      this.cuts = false;
      return false;
    }
    // No route, a filter, too long: it is lost, and what follows may go elsewhere.
    this.#lost += this.cuts ? run.count : 1;
    this.#advance(1);
    return false;
  }
}
