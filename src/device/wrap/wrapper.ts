/**
 * What stands before another device, and hands everything on. Who extends it changes what it is for.
 *
 * A wrapper has no `gather`: it is to see whole packets, in the memory of its user.
 * @module
 */
import type { Device, DeviceOffload, DeviceUser } from '../device.ts';

/** Room for the longest packet with its headers. */
export const PIECE = 131_072;
/** Bytes that go one way before others have their turn: packets may be of 64 KiB. */
const TURN = 512 * 1024;

export abstract class Wrapper implements Device {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly headerLength: number;
  readonly hostAddress: string | undefined;
  readonly hostAddresses: readonly string[] | undefined;
  readonly offload: DeviceOffload;
  /** What stands behind this one, and ends with it. */
  protected readonly device: Device;

  constructor(device: Device) {
    this.name = device.name;
    this.medium = device.medium ?? 'ip';
    this.headerLength = device.headerLength;
    this.hostAddress = device.hostAddress;
    this.hostAddresses = device.hostAddresses;
    this.offload = device.offload;
    this.device = device;
  }

  get mtu(): number {
    return this.device.mtu;
  }

  get maxPacket(): number {
    return this.device.maxPacket;
  }

  /** The device behind refuses a second user, and one that comes too late. */
  start(user: DeviceUser): void {
    this.device.start(user);
  }

  read(at: number, room: number): number {
    return this.device.read(at, room);
  }

  write(at: number, length: number): boolean {
    return this.device.write(at, length);
  }

  flush(): void {
    this.device.flush();
  }

  ref(): this {
    this.device.ref?.();
    return this;
  }

  unref(): this {
    this.device.unref?.();
    return this;
  }

  close(): Promise<void> {
    return this.device.close();
  }
}

/** Hands packets to a device from one place in its memory; one that it cannot take waits there. */
export class Outlet {
  readonly #to: Device;
  readonly #at: number;
  readonly #next: () => number;
  /** Length of the packet that the device could not take; 0: none. */
  #stuck = 0;

  /** `next` puts a packet at `at` and gives its length, or 0 if there is none. */
  constructor(to: Device, at: number, next: () => number) {
    this.#to = to;
    this.#at = at;
    this.#next = next;
  }

  /** Whether the device asked to wait, and will say `writable`. */
  get waits(): boolean {
    return this.#stuck > 0;
  }

  /** Hand on what there is, up to `budget` packets and as much as one turn may take; how many the device took. */
  run(budget: number): number {
    let count = 0;
    let bytes = 0;
    while (count < budget && bytes < TURN) {
      const length = this.#stuck || this.#next();
      if (length === 0) break;
      this.#stuck = this.#to.write(this.#at, length) ? 0 : length;
      if (this.#stuck > 0) break; // `writable` comes here again
      count++;
      bytes += length;
    }
    if (count > 0) this.#to.flush();
    return count;
  }
}

/** The next packet of a device that is whole, in a piece at `at`; 0 if there is none. */
export function readWhole(from: Device, at: number): number {
  for (;;) {
    const length = from.read(at, PIECE);
    if (length <= PIECE) return length;
  }
}
