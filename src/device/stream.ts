/**
 * Any packet Duplex as a device: in object mode or one chunk a packet, such as a `tuntap2` object.
 *
 * Back-pressure goes both ways: the stream is paused while the user leaves packets unread, and a
 * `write` gives false while the stream asks to wait for its `drain`.
 * @module
 */
import type { Duplex } from 'node:stream';
import type { Device, DeviceOffload, DeviceUser } from './device.ts';
import { NO_OFFLOAD } from './device.ts';
import { checkInteger, checkStart, DeviceError, invalid } from './errors.ts';
import { longestPacket } from './medium.ts';
import { Notice } from './notice.ts';
import { checkMtu } from './options.ts';

/** What the stream's packets are like. */
export interface DuplexOptions {
  /** What to call it; default the stream's own `name`, or `stream`. */
  name?: string;
  /** The longest IP packet; default the stream's own `mtu`, or 1500. */
  mtu?: number;
  /** What stands in a chunk; default `ip`. */
  medium?: 'ip' | 'ethernet';
  /** Bytes of virtio header before each packet; default 0. */
  headerLength?: 0 | 10 | 12;
  /** What the other end of the stream does for us; needs `headerLength`. Default nothing. */
  offload?: DeviceOffload;
  /** Packets that wait for the user before the stream is paused; default 256. */
  limit?: number;
}

/** `duplex` as a device. It belongs to the device from now on, and ends with it. */
export function fromDuplex(duplex: Duplex, options: DuplexOptions = {}): StreamDevice {
  return new StreamDevice(duplex, options);
}

/** A packet Duplex as a device. */
export class StreamDevice implements Device {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly headerLength: number;
  readonly maxPacket: number;
  readonly offload: DeviceOffload;
  /** Chunks that were no packets, and packets too long or too late to be sent. */
  refused = 0;
  readonly #duplex: Duplex;
  readonly #limit: number;
  readonly #inbound: Uint8Array[] = [];
  readonly #notice: Notice;
  /** Index of the first packet in `#inbound` that was not read. */
  #first = 0;
  #user: DeviceUser | undefined;
  #closing: Promise<void> | undefined;
  /** The stream wants no more before its `drain`. */
  #full = false;
  /** A write of ours gave false. */
  #blocked = false;

  constructor(duplex: Duplex, options: DuplexOptions) {
    const own = duplex as { name?: unknown; mtu?: unknown };
    const { medium = 'ip', headerLength = 0, offload = NO_OFFLOAD, limit = 256 } = options;
    const mtu = options.mtu ?? (typeof own.mtu === 'number' ? own.mtu : 1500);
    checkMtu(mtu);
    checkInteger('limit', limit, 1, 1_000_000);
    if (offload.checksum && headerLength === 0) {
      throw invalid('headerLength', headerLength, 'offload needs a virtio header of 10 or 12');
    }
    this.name = options.name ?? (typeof own.name === 'string' ? own.name : 'stream');
    this.medium = medium;
    this.mtu = mtu;
    this.headerLength = headerLength;
    this.maxPacket = longestPacket(medium, mtu, offload);
    this.offload = offload;
    this.#duplex = duplex;
    this.#limit = limit;
    this.#notice = new Notice(setImmediate, () => this.#tell());
    duplex.on('error', (error) => this.#gone(error));
    duplex.on('end', () => this.#gone(ended(this.name)));
    duplex.on('close', () => this.#gone(ended(this.name)));
    duplex.on('drain', () => this.#drain());
  }

  start(user: DeviceUser): void {
    checkStart(
      this.name,
      this.#closing !== undefined,
      this.#user !== undefined,
      'open another one',
    );
    this.#user = user;
    this.#duplex.on('data', (chunk: unknown) => this.#take(chunk));
  }

  read(at: number, room: number): number {
    const packet = this.#inbound[this.#first];
    if (packet === undefined) return 0;
    this.#first++;
    if (this.#first === this.#inbound.length) {
      this.#inbound.length = 0;
      this.#first = 0;
      if (this.#duplex.isPaused()) this.#duplex.resume();
    } else if (this.#first >= this.#limit) {
      this.#inbound.splice(0, this.#first);
      this.#first = 0;
    }
    this.#notice.took();
    const { memory } = this.#user as DeviceUser; // packets are kept only after `start`
    memory.set(packet.length > room ? packet.subarray(0, room) : packet, at);
    return packet.length;
  }

  write(at: number, length: number): boolean {
    if (this.#closing !== undefined || length > this.headerLength + this.maxPacket) {
      this.refused++;
      return true;
    }
    if (this.#full) {
      this.#blocked = true;
      return false;
    }
    const { memory } = this.#user as DeviceUser; // who writes has started it
    // A copy: the stream may keep the chunk as long as it likes.
    const chunk = Buffer.from(memory.subarray(at, at + length));
    this.#full = !this.#duplex.write(chunk);
    return true;
  }

  flush(): void {}

  close(): Promise<void> {
    this.#closing ??= this.#shut(undefined);
    return this.#closing;
  }

  #take(chunk: unknown): void {
    if (this.#closing !== undefined) return;
    if (!(chunk instanceof Uint8Array) || chunk.length === 0) {
      this.refused++;
      return;
    }
    this.#inbound.push(chunk);
    if (this.#inbound.length - this.#first >= this.#limit) this.#duplex.pause();
    this.#notice.came();
  }

  #tell(): boolean {
    if (this.#closing !== undefined) return false;
    this.#user?.readable();
    return this.#inbound.length > 0;
  }

  #drain(): void {
    this.#full = false;
    if (!this.#blocked || this.#closing !== undefined) return;
    this.#blocked = false;
    this.#user?.writable();
  }

  #gone(error: Error): void {
    this.#closing ??= this.#shut(error);
  }

  async #shut(error: Error | undefined): Promise<void> {
    this.#inbound.length = 0;
    this.#first = 0;
    const duplex = this.#duplex;
    if (!duplex.closed) {
      await new Promise<void>((resolve) => {
        duplex.once('close', () => resolve());
        // Not every stream says that it is closed.
        setTimeout(resolve, 1000).unref();
        duplex.destroy();
      });
    }
    await Promise.resolve();
    this.#user?.closed(error);
  }
}

function ended(name: string): DeviceError {
  return new DeviceError('ENODEV', `the stream of the device ${name} has ended: open it again`);
}
