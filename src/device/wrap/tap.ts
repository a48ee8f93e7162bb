/**
 * A device whose packets may be watched while it runs, by as many as like to and from when they like.
 *
 * While nobody watches it costs a call and a comparison a packet, and long text is gathered without a copy as the
 * device behind does; so too while all who watch look at headers alone. Others need packets whole, in memory.
 * @module
 */
import type { Device, DeviceUser } from '../device.ts';
import { Direction } from './pcapng.ts';
import { Wrapper } from './wrapper.ts';

/**
 * Sees the packet of `length` bytes at `at`, without the device's own header, which stands in the `header`
 * bytes before it. The bytes are its to read during the call. `direction`: 1 in, 2 out.
 */
export type Watcher = (
  view: DataView,
  at: number,
  length: number,
  header: number,
  direction: number,
) => void;

/** What a watcher needs. */
export interface WatchOptions {
  /**
   * It reads headers alone: IP's, its options or extension headers, and the transport's. Then the text of what is sent
   * may be elsewhere: `length` counts it, but the bytes after the headers need not be the packet's. Default false.
   */
  readonly headersOnly?: boolean;
}

/** So many may watch at once: each is asked about every packet. */
const MOST_WATCHERS = 16;

/** `device`, whose packets may be watched. */
export const tap = (device: Device): TapDevice => new TapDevice(device);

/** A device whose packets may be watched; see `tap`. */
export class TapDevice extends Wrapper {
  /** Where the device behind has it; not taken while somebody watches who needs the text. */
  readonly gather?: (bytes: Uint8Array, from: number, length: number) => boolean;
  readonly cork?: () => void;
  /** Likewise; not while anybody watches. */
  readonly readMany?: NonNullable<Device['readMany']>;
  readonly readSplit?: NonNullable<Device['readSplit']>;
  #watchers: readonly { readonly watcher: Watcher }[] = [];
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** How many of them need the text. */
  #readers = 0;
  /** Bytes that follow those of the next write. */
  #elsewhere = 0;

  constructor(device: Device) {
    super(device);
    if (device.readMany !== undefined) {
      this.readMany = (places, count, room, lengths) =>
        this.#watchers.length > 0 ? 0 : (device.readMany?.(places, count, room, lengths) ?? 0);
    }
    if (device.readSplit !== undefined) {
      this.readSplit = (places, count, head, rests, lengths) =>
        this.#watchers.length > 0
          ? 0
          : (device.readSplit?.(places, count, head, rests, lengths) ?? 0);
    }
    if (device.cork !== undefined) this.cork = () => device.cork?.();
    if (device.gather === undefined) return;
    this.gather = (bytes, from, length) => {
      const taken = this.#readers === 0 && device.gather?.(bytes, from, length) === true;
      this.#elsewhere = taken ? this.#elsewhere + length : 0;
      return taken;
    };
  }

  /** How many watch. */
  get watchers(): number {
    return this.#watchers.length;
  }

  /** Show `watcher` what passes from now on; the function that is given ends it. Throws past 16. */
  watch(watcher: Watcher, { headersOnly = false }: WatchOptions = {}): () => void {
    if (this.#watchers.length >= MOST_WATCHERS) {
      throw new Error(`${MOST_WATCHERS} watch ${this.name} already`);
    }
    const shown = { watcher };
    this.#watchers = [...this.#watchers, shown];
    if (!headersOnly) this.#readers++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#watchers = this.#watchers.filter((other) => other !== shown);
      if (!headersOnly) this.#readers--;
    };
  }

  override start(user: DeviceUser): void {
    super.start(user);
    const { buffer, byteOffset, byteLength } = user.memory;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  override read(at: number, room: number): number {
    const length = super.read(at, room);
    if (this.#watchers.length > 0 && length <= room) this.#show(at, length, Direction.IN);
    return length;
  }

  override write(at: number, length: number): boolean {
    const elsewhere = this.#elsewhere;
    this.#elsewhere = 0; // whatever it gives, the device forgets them
    const taken = super.write(at, length);
    if (taken && this.#watchers.length > 0) this.#show(at, length + elsewhere, Direction.OUT);
    return taken;
  }

  #show(at: number, length: number, direction: number): void {
    const header = this.headerLength;
    if (length <= header) return;
    for (const { watcher } of this.#watchers) {
      watcher(this.#view, at + header, length - header, header, direction);
    }
  }
}
