/**
 * Several devices as one: what any of them gives goes the same way, what comes back goes to the one
 * that has the address. So two senders share a link.
 * @module
 */
import {
  type Device,
  type DeviceOffload,
  type DeviceUser,
  NO_OFFLOAD,
} from '../../src/device/device.ts';

/** Where an IPv4 packet's destination ends: the byte that tells hosts of a /24 apart. */
const HOST_AT = 19;

export interface Branch {
  readonly device: Device;
  /** The last byte of its address. */
  readonly host: number;
}

export class Mux implements Device {
  readonly name = 'mux';
  readonly medium = 'ip';
  readonly mtu: number;
  readonly headerLength = 0;
  readonly maxPacket: number;
  readonly offload: DeviceOffload = NO_OFFLOAD;
  readonly #branches: readonly Branch[];
  #memory: Uint8Array = new Uint8Array(0);
  #turn = 0;

  constructor(branches: readonly Branch[]) {
    this.#branches = branches;
    this.mtu = Math.min(...branches.map(({ device }) => device.mtu));
    this.maxPacket = Math.max(...branches.map(({ device }) => device.maxPacket));
  }

  start(user: DeviceUser): void {
    this.#memory = user.memory;
    let open = this.#branches.length;
    for (const { device } of this.#branches) {
      device.start({
        memory: user.memory,
        readable: () => user.readable(),
        writable: () => user.writable(),
        closed: (error) => {
          if (--open === 0) user.closed(error);
        },
      });
    }
  }

  /** A packet of each in turn. */
  read(at: number, room: number): number {
    const { length } = this.#branches;
    for (let i = 0; i < length; i++) {
      this.#turn = (this.#turn + 1) % length;
      const got = this.#branches[this.#turn]?.device.read(at, room) ?? 0;
      if (got > 0) return got;
    }
    return 0;
  }

  write(at: number, length: number): boolean {
    const host = this.#memory[at + HOST_AT];
    const branch = this.#branches.find((one) => one.host === host);
    return branch?.device.write(at, length) ?? true;
  }

  flush(): void {
    for (const { device } of this.#branches) device.flush();
  }

  async close(): Promise<void> {
    await Promise.all(this.#branches.map(({ device }) => device.close()));
  }
}
