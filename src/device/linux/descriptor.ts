/**
 * A device on a descriptor: a TUN or TAP of ours, or any descriptor that gives and takes one packet
 * per call (an inherited TUN, a datagram socket).
 *
 * Reads and writes go through a descriptor of our own; `Watch` has a second one for the event loop.
 * A write that the kernel cannot take now (EAGAIN, ENOBUFS) gives false and is announced again
 * after a millisecond. What the kernel will never take is counted, not retried.
 * @module
 */
import type { Device, DeviceOffload, DeviceUser } from '../device.ts';
import { checkStart, goneError } from '../errors.ts';
import { longestPacket } from '../medium.ts';
import { Gathered } from './gathered.ts';
import {
  checkWithin,
  Errno,
  errnoName,
  GONE,
  LATER,
  type Libc,
  Pinned,
  putVector,
} from './libc.ts';
import { closeOwned } from './owned.ts';
import { PollWatch } from './poll.ts';
import { PLACES, ReadRing } from './read-ring.ts';
import { type Readiness, Watch } from './readiness.ts';
import type { WaitOptions } from './waiting.ts';
import { WriteRing } from './write-ring.ts';

/** What a descriptor lost, and how often it had to wait. */
export interface DescriptorCounters {
  /** Packets that were longer than the room for them. */
  cut: number;
  /** Writes that the kernel will never take: not a packet, or the device is closed. */
  refused: number;
  /** Writes that were lost because the interface is down. */
  down: number;
  /** Writes that had to wait. */
  waits: number;
}

/** A device on a descriptor, as `openTun`, `openTap` and `openFd` give it. */
export interface TunDevice extends Device {
  /** The descriptor; -1 when closed. It belongs to the device. */
  readonly fd: number;
  /** Since it was opened. */
  readonly counters: Readonly<DescriptorCounters>;
  /** Keep the process alive while the device is started (as it does from the beginning). */
  ref(): this;
  /** Let the process end while the device is open. */
  unref(): this;
}

/** What `Descriptor` is told by those who opened it. */
export interface DescriptorTraits {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly headerLength: number;
  readonly hostAddress?: string | undefined;
  readonly hostAddresses?: readonly string[];
  readonly offload: DeviceOffload;
  readonly wait: WaitOptions;
  /** Whether the event loop can be given a descriptor: Node's can. */
  readonly inLoop: boolean;
  /** Whether what is written is taken within the call, as a TUN does: then a batch is one call. */
  readonly batches?: boolean;
  /** Whether there is still a device behind the descriptor. */
  present(): boolean;
  /** Calls `changed` with what the MTU is from then on, until what this gives is called. */
  follow(changed: (mtu: number) => void): () => void;
}

/** More offsets than slots are ever used: the user's are not the same ones over and over. */
const MANY = 65_536;
/** Past the longest vector of 16. */
const SPILL_AT = 256;
/** How long until a write that could not be taken is tried again, in ms. */
const RETRY = 1;

export class Descriptor implements TunDevice {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly headerLength: number;
  readonly hostAddress: string | undefined;
  readonly hostAddresses: readonly string[];
  readonly offload: DeviceOffload;
  readonly counters: DescriptorCounters = { cut: 0, refused: 0, down: 0, waits: 0 };
  readonly #libc: Libc;
  readonly #watch: Readiness;
  readonly #present: () => boolean;
  readonly #follow: DescriptorTraits['follow'];
  #mtu: number;
  #unfollow: () => void = () => {};
  /** The longest packet with its header that should come. */
  #longest: number;
  /** Room for a few struct iovec, and a byte that shows that a packet was longer than its room. */
  readonly #vector: Pinned;
  readonly #gathered: Gathered;
  #fd: number;
  #user: DeviceUser | undefined;
  /** The user's memory: holding it holds the address. */
  #memory: Pinned | undefined;
  /**
   * Addresses by offset: a number of this size is an object to V8, and is better made once a slot
   * than once a call.
   */
  readonly #addresses = new Map<number, number>();
  readonly #batches: boolean;
  #ring: WriteRing | undefined;
  #reads: ReadRing | undefined;
  /** What is gathered may stay where it lies until `flush`. */
  #corked = false;
  /** Packets of a batch that the kernel could not take yet; there are some only while `#retry` is set. */
  #late: Uint8Array[] = [];
  #retry: NodeJS.Timeout | undefined;
  #referenced = true;
  #closing: Promise<void> | undefined;

  constructor(libc: Libc, fd: number, traits: DescriptorTraits) {
    this.name = traits.name;
    this.medium = traits.medium;
    this.headerLength = traits.headerLength;
    this.hostAddress = traits.hostAddress;
    this.hostAddresses = traits.hostAddresses ?? [];
    this.offload = traits.offload;
    this.#libc = libc;
    this.#fd = fd;
    this.#present = traits.present;
    this.#follow = (changed) => traits.follow(changed);
    this.#batches = traits.batches === true;
    this.#mtu = traits.mtu;
    this.#longest = this.headerLength + this.maxPacket;
    this.#vector = new Pinned(libc, new Uint8Array(512));
    this.#gathered = new Gathered(libc, this.#vector);
    const Kind = traits.inLoop ? Watch : PollWatch;
    this.#watch = new Kind(libc, fd, traits.wait);
  }

  get mtu(): number {
    return this.#mtu;
  }

  get maxPacket(): number {
    return longestPacket(this.medium, this.#mtu, this.offload);
  }

  get fd(): number {
    return this.#fd;
  }

  start(user: DeviceUser): void {
    checkStart(
      this.name,
      this.#closing !== undefined,
      this.#user !== undefined,
      'open another one',
    );
    this.#memory = new Pinned(this.#libc, user.memory);
    this.#watch.start(
      () => user.readable(),
      (errno) => this.#fail(errno, 'read'),
    );
    this.#user = user;
    if (this.#batches) {
      this.#ring = WriteRing.open(this.#libc, this.#fd);
      this.#reads = ReadRing.open(this.#libc, this.#fd, this.#memory);
    }
    this.#unfollow = this.#follow((mtu) => this.#resize(mtu));
  }

  /** Cheapest with `room` for at least one byte more than `headerLength + maxPacket`. */
  read(at: number, room: number): number {
    if (this.#watch.held > 0) return this.#readFirst(at, room);
    if (this.#memory === undefined || this.#fd < 0) return 0;
    const exact = room <= this.#longest;
    for (;;) {
      const length = exact
        ? this.#readCounting(at, room)
        : this.#libc.read(this.#fd, this.#address(at, room), room);
      if (length > 0)
        return length < room || (exact && length === room) ? length : this.#cut(room + 1);
      const errno = length === 0 ? Errno.EAGAIN : this.#libc.errno();
      if (errno === Errno.EINTR) continue;
      if (errno !== Errno.EAGAIN) this.#fail(errno, 'read');
      return 0;
    }
  }

  readMany(places: Int32Array, count: number, room: number, lengths: Int32Array): number {
    const reads = this.#reads;
    if (reads === undefined || this.#watch.held > 0 || room <= this.#longest || count < 1) return 0;
    const asked = Math.min(count, PLACES);
    const good = reads.read(places, asked, room, lengths);
    for (let i = 0; i < asked; i++)
      if ((lengths[i] as number) === room) lengths[i] = this.#cut(room + 1);
    if (!good) this.#endReads(); // `read` finds what it was
    return asked;
  }

  readonly readSplit: NonNullable<Device['readSplit']> = (places, count, head, rests, lengths) => {
    const reads = this.#reads;
    if (reads === undefined || this.#watch.held > 0 || count < 1) return 0;
    const asked = Math.min(count, PLACES);
    if (!reads.readSplit(places, asked, head, rests, lengths)) this.#endReads();
    return asked;
  };

  gather(bytes: Uint8Array, from: number, length: number): boolean {
    if (this.#fd >= 0) return this.#gathered.add(bytes, from, length);
    this.#gathered.forget();
    return false;
  }

  cork(): void {
    this.#corked = true;
  }

  write(at: number, length: number): boolean {
    if (this.#ring !== undefined && this.#fd >= 0) {
      if (this.#late.length > 0) return this.#wait();
      const mayWait = this.#corked || this.#gathered.count === 0;
      if (mayWait && this.#put(this.#ring, at, length)) return true;
      this.#submit(); // what came before goes before
      if (this.#late.length > 0) return this.#wait();
    }
    if (this.#gathered.count > 0) return this.#writeAll(at, length);
    return this.#writeOne(this.#address(at, length), length);
  }

  flush(): void {
    this.#corked = false;
    this.#submit();
    this.#watch.touch();
  }

  #writeOne(address: number, length: number): boolean {
    if (this.#libc.write(this.#fd, address, length) === length) return true;
    return this.#unwritten(this.#libc.errno());
  }

  /** Others wait to be tried again, so this one has to. */
  #wait(): boolean {
    this.#gathered.forget();
    return this.#unwritten(Errno.EAGAIN);
  }

  #put(ring: WriteRing, at: number, length: number): boolean {
    checkWithin(at, length, this.#memory);
    const { bytes } = this.#memory as Pinned; // there is a ring only after `start`
    const gathered = this.#gathered;
    let taken = ring.put(bytes, at, length, gathered);
    if (!taken && ring.count > 0) {
      this.#submit();
      taken = this.#late.length === 0 && this.#ring?.put(bytes, at, length, gathered) === true;
    }
    if (taken) gathered.forget();
    return taken;
  }

  /** Write what waits for the end of the batch. */
  #submit(): void {
    const ring = this.#ring;
    if (ring === undefined || ring.count === 0 || this.#fd < 0) return;
    if (ring.count === 1) {
      const good = ring.writeFirst(this.#fd) === ring.lengthOf(0);
      if (!good && !this.#unwritten(this.#libc.errno())) this.#late.push(ring.packet(0));
      ring.clear(false);
      return;
    }
    const whole = ring.submit();
    for (let i = 0; i < ring.count && this.#fd >= 0; i++) {
      const result = ring.result(i);
      if (result === ring.lengthOf(i)) continue;
      if (!this.#unwritten(result < 0 ? -result : Errno.EAGAIN)) this.#late.push(ring.packet(i));
    }
    ring.clear(true);
    if (whole || this.#ring !== ring) return;
    ring.close();
    this.#ring = undefined;
  }

  /** Try again what the kernel could not take. */
  #writeLate(): void {
    const late = this.#late;
    this.#late = [];
    for (const [i, packet] of late.entries()) {
      if (this.#fd < 0) return;
      if (this.#writeOne(this.#libc.addressOf(packet), packet.length)) continue;
      this.#late = late.slice(i);
      return;
    }
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

  #resize(mtu: number): void {
    this.#mtu = mtu;
    this.#longest = this.headerLength + this.maxPacket;
    this.#user?.mtuChanged?.();
  }

  #reference(on: boolean): this {
    this.#referenced = on;
    this.#watch.reference(on);
    if (on) this.#retry?.ref();
    else this.#retry?.unref();
    return this;
  }

  /** Of a place in the user's memory; the kernel must not be let past its end. */
  #address(at: number, length: number): number {
    checkWithin(at, length, this.#memory);
    const known = this.#addresses.get(at);
    if (known !== undefined) return known;
    if (this.#addresses.size >= MANY) this.#addresses.clear();
    const address = (this.#memory as Pinned).address + at; // its size is not 0
    this.#addresses.set(at, address);
    return address;
  }

  /** The packet that libuv has read, copied without making a view. */
  #readFirst(at: number, room: number): number {
    const { first, held } = this.#watch;
    const length = Math.min(held, room);
    const memory = this.#memory as Pinned; // held is above 0 only after `start`
    if (length > 256) {
      this.#libc.memmove(this.#address(at, length), first.address, length);
    } else {
      for (let i = 0; i < length; i++) memory.bytes[at + i] = first.bytes[i] as number;
    }
    this.#watch.take();
    return held > room ? this.#cut(held) : held;
  }

  /** `read` cuts a packet and does not tell, so give it one byte more than there is room for. */
  #readCounting(at: number, room: number): number {
    const spill = this.#vector.address + SPILL_AT;
    putVector(this.#vector, 0, this.#address(at, room), room);
    putVector(this.#vector, 1, spill, 1);
    return this.#libc.readv(this.#fd, this.#vector.address, 2);
  }

  #cut(length: number): number {
    this.counters.cut++;
    return length;
  }

  /** The bytes at `at`, and the pieces after them. */
  #writeAll(at: number, length: number): boolean {
    this.#gathered.head(this.#address(at, length), length);
    const whole = length + this.#gathered.bytes;
    const count = this.#gathered.count + 1;
    const sent = this.#libc.writev(this.#fd, this.#vector.address, count);
    const errno = sent === whole ? 0 : this.#libc.errno();
    this.#gathered.forget();
    return sent === whole || this.#unwritten(errno);
  }

  /** Whether a packet that the kernel did not take is to be kept by the user (false) or is lost. */
  #unwritten(errno: number): boolean {
    const code = errnoName(errno);
    if (LATER.has(code) && this.#fd >= 0) {
      this.counters.waits++;
      this.#retry ??= setTimeout(this.#again, RETRY);
      if (!this.#referenced) this.#retry.unref();
      return false;
    }
    if (this.#fd >= 0 && (GONE.has(code) || !this.#present())) this.#fail(errno, 'write');
    else if (code === 'EIO') this.counters.down++;
    else this.counters.refused++;
    return true;
  }

  readonly #again = (): void => {
    this.#retry = undefined;
    this.#writeLate();
    if (this.#late.length === 0) this.#user?.writable();
  };

  #endReads(): void {
    this.#reads?.close();
    this.#reads = undefined;
  }

  #fail(errno: number, syscall: string): void {
    if (this.#closing !== undefined) return;
    const code = this.#present() ? errnoName(errno) : 'ENODEV';
    this.#closing = this.#shut(goneError(this.name, code, syscall));
  }

  async #shut(error: Error | undefined): Promise<void> {
    if (error === undefined) this.#submit();
    this.#ring?.close();
    this.#ring = undefined;
    this.#endReads();
    this.#late = [];
    const fd = this.#fd;
    this.#fd = -1;
    this.#gathered.end();
    clearTimeout(this.#retry);
    this.#unfollow();
    const stopped = this.#watch.stop();
    if (fd >= 0) closeOwned(fd);
    await stopped; // so `closed` is never said from within a call of the user's
    this.#user?.closed(error);
  }
}
