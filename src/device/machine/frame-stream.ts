/**
 * A stream of bytes as a device of frames: what a virtual machine's network card is plugged into.
 *
 * What is written in one batch leaves in one write of the stream. Back-pressure goes both ways: the stream is
 * paused while frames are left unread, and a `write` gives false while too much waits for the stream.
 *
 * A stream may be replaced by another one, as a cable may be: what is written meanwhile is lost and counted.
 * @module
 */
import type { Duplex } from 'node:stream';
import { type Device, type DeviceOffload, type DeviceUser, NO_OFFLOAD } from '../device.ts';
import { checkStart, DeviceError } from '../errors.ts';
import { longestPacket } from '../medium.ts';
import { Notice } from '../notice.ts';
import { copy } from '../queue.ts';
import { Deframer, LYING, type Prefix } from './framing.ts';

/** Bytes that wait here to be read before the stream is paused. */
const MOST_PENDING = 512 * 1024;
/** Bytes that the stream was given and has not written before `write` gives false. */
const MOST_UNWRITTEN = 1024 * 1024;
/** Bytes of one write. */
const BATCH = 128 * 1024;
/** Batches that are kept to be filled again. */
const SPARE = 8;

/** What a device of frames lost. */
export interface FrameCounters {
  /** Frames longer than the device carries, in or out, and those after its end. */
  refused: number;
  /** Frames that were written while nobody was connected. */
  down: number;
  /** Streams that ended because a length in them could not be meant. */
  lying: number;
}

export interface FrameStreamTraits {
  readonly name: string;
  readonly mtu: number;
  readonly prefix: Prefix;
  /** Called when somebody is connected, or is no more. */
  readonly onLink?: ((up: boolean, error?: Error) => void) | undefined;
}

/** A device that a virtual machine is plugged into. */
export class FrameStream implements Device {
  readonly name: string;
  readonly medium = 'ethernet' as const;
  readonly mtu: number;
  readonly headerLength = 0;
  readonly maxPacket: number;
  readonly offload: DeviceOffload = NO_OFFLOAD;
  /** Since it was made. */
  readonly counters: FrameCounters = { refused: 0, down: 0, lying: 0 };
  /** Called once when it is closed or has ended. Of whoever made it. */
  onClose: () => void = () => {};
  readonly #prefix: Prefix;
  readonly #onLink: FrameStreamTraits['onLink'];
  readonly #inbound: Deframer;
  readonly #notice: Notice;
  readonly #spare: Buffer[] = [];
  #batch: Buffer | undefined;
  #view: DataView | undefined;
  #filled = 0;
  #unwritten = 0;
  #blocked = false;
  #duplex: Duplex | undefined;
  #user: DeviceUser | undefined;
  #referenced = true;
  #closing: Promise<void> | undefined;

  constructor({ name, mtu, prefix, onLink }: FrameStreamTraits) {
    this.name = name;
    this.mtu = mtu;
    this.maxPacket = longestPacket('ethernet', mtu, NO_OFFLOAD);
    this.#prefix = prefix;
    this.#onLink = onLink;
    this.#inbound = new Deframer(prefix);
    this.#notice = new Notice(setImmediate, () => this.#tell());
  }

  /** Whether somebody is at the other end. */
  get connected(): boolean {
    return this.#duplex !== undefined;
  }

  /** Whether it is to keep the process alive. */
  get referenced(): boolean {
    return this.#referenced;
  }

  /** Plug `duplex` in, in place of what was; `ended` is called when it is out again. */
  connect(duplex: Duplex, ended: (error: Error | undefined) => void): void {
    if (this.#closing !== undefined) {
      duplex.destroy();
      return;
    }
    this.#duplex?.destroy();
    this.#inbound.clear();
    this.#unwritten = 0;
    this.#filled = 0;
    this.#duplex = duplex;
    let failure: Error | undefined;
    duplex.on('error', (error) => {
      failure ??= error;
    });
    const gone = (): void => {
      if (this.#duplex !== duplex) return;
      this.#duplex = undefined;
      duplex.destroy();
      this.#unblock(); // what waits is lost rather than late
      this.#onLink?.(false, failure);
      ended(failure);
    };
    duplex.on('end', gone);
    duplex.on('close', gone);
    if (this.#user !== undefined) this.#listen(duplex);
    if (!this.#referenced) hold(duplex, false);
    this.#unblock();
    this.#onLink?.(true);
  }

  start(user: DeviceUser): void {
    const ended = this.#closing !== undefined;
    checkStart(this.name, ended, this.#user !== undefined, 'open another one');
    this.#user = user;
    if (this.#duplex !== undefined) this.#listen(this.#duplex);
  }

  read(at: number, room: number): number {
    for (;;) {
      const length = this.#inbound.next();
      if (length === 0 || this.#closing !== undefined) return 0;
      if (length === LYING) {
        this.#lied();
        return 0;
      }
      if (length > this.maxPacket) {
        this.counters.refused++;
        this.#inbound.skip();
        this.#resume();
        continue;
      }
      const { memory } = this.#user as DeviceUser; // who reads has started it
      this.#inbound.take(memory, at, room);
      this.#resume();
      this.#notice.took();
      return length;
    }
  }

  write(at: number, length: number): boolean {
    if (this.#closing !== undefined || length > this.maxPacket) {
      this.counters.refused++;
      return true;
    }
    if (this.#duplex === undefined) {
      this.counters.down++;
      return true;
    }
    if (this.#unwritten + this.#filled >= MOST_UNWRITTEN) {
      this.#blocked = true;
      return false;
    }
    const { size } = this.#prefix;
    if (this.#filled + size + length > BATCH) this.flush();
    const batch = this.#open();
    this.#prefix.write(this.#view as DataView, this.#filled, length); // of the batch
    const { memory } = this.#user as DeviceUser; // who writes has started it
    copy(memory, at, batch, this.#filled + size, length);
    this.#filled += size + length;
    return true;
  }

  flush(): void {
    const batch = this.#batch;
    const duplex = this.#duplex;
    const filled = this.#filled;
    if (batch === undefined || filled === 0 || duplex === undefined) return;
    this.#batch = undefined;
    this.#filled = 0;
    this.#unwritten += filled;
    duplex.write(batch.subarray(0, filled), () => {
      if (this.#spare.length < SPARE) this.#spare.push(batch);
      if (this.#duplex !== duplex) return;
      this.#unwritten -= filled;
      if (this.#unwritten <= MOST_UNWRITTEN / 2) this.#unblock();
    });
  }

  ref(): this {
    return this.#reference(true);
  }

  unref(): this {
    return this.#reference(false);
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut(undefined);
    return this.#closing;
  }

  /** End it for good, with the reason: nobody will connect any more. */
  end(error: Error | undefined): void {
    const why = error?.message ?? 'the other end has closed it';
    this.#closing ??= this.#shut(
      new DeviceError('ENODEV', `the device ${this.name} has ended: ${why}`, undefined, error),
    );
  }

  #reference(on: boolean): this {
    this.#referenced = on;
    if (this.#duplex !== undefined) hold(this.#duplex, on);
    return this;
  }

  #open(): Buffer {
    if (this.#batch === undefined) {
      this.#batch = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BATCH);
      this.#view = new DataView(this.#batch.buffer);
    }
    return this.#batch;
  }

  #listen(duplex: Duplex): void {
    duplex.on('data', (chunk: unknown) => this.#take(duplex, chunk));
    duplex.resume(); // who has read something off it before may have paused it, and then no listener starts it
  }

  #take(duplex: Duplex, chunk: unknown): void {
    if (this.#duplex !== duplex || !(chunk instanceof Uint8Array)) return;
    this.#inbound.push(chunk);
    if (this.#inbound.pending >= MOST_PENDING) duplex.pause();
    const length = this.#inbound.next();
    if (length === LYING) this.#lied();
    else if (length > 0) this.#notice.came();
  }

  #resume(): void {
    if (this.#inbound.pending < MOST_PENDING / 2 && this.#duplex?.isPaused()) this.#duplex.resume();
  }

  #lied(): void {
    this.counters.lying++;
    this.#inbound.clear();
    const what = `the length of a frame in the stream of ${this.name} cannot be meant`;
    this.#duplex?.destroy(new DeviceError('EPROTO', what));
  }

  #tell(): boolean {
    if (this.#closing !== undefined) return false;
    this.#user?.readable();
    return this.#inbound.next() > 0;
  }

  #unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    if (this.#closing === undefined) this.#user?.writable();
  }

  async #shut(error: Error | undefined): Promise<void> {
    const duplex = this.#duplex;
    if (error === undefined) this.flush();
    this.onClose();
    this.#duplex = undefined;
    this.#inbound.clear();
    if (duplex !== undefined && !duplex.closed) await ended(duplex);
    await Promise.resolve();
    this.#user?.closed(error);
  }
}

/** Let what was written leave, for a moment, and close. */
function ended(duplex: Duplex): Promise<void> {
  return new Promise((resolve) => {
    duplex.once('close', () => resolve());
    // Not every stream says that it is closed, and the other end may read no more.
    setTimeout(() => duplex.destroy(), 100).unref();
    setTimeout(resolve, 200).unref();
    duplex.end(() => duplex.destroy());
  });
}

/** Streams of sockets hold the process; others know of no such thing. */
function hold(duplex: Duplex, on: boolean): void {
  const held = duplex as { ref?: () => unknown; unref?: () => unknown };
  if (on) held.ref?.();
  else held.unref?.();
}
