/**
 * A device whose frames are shown, both ways, without what the device itself puts before them.
 * @module
 */
import { type Device, type DeviceUser, endingBy } from '../../device/device.ts';
import { Wrapper } from '../../device/wrap/wrapper.ts';

/** Gets what passes: a view that holds during the call only. */
export interface Tap {
  read(frame: Uint8Array): void;
  written(frame: Uint8Array): void;
  closed(): void;
}

export class TappedDevice extends Wrapper {
  readonly #tap: Tap;
  #memory: Uint8Array = new Uint8Array(0);

  constructor(device: Device, tap: Tap) {
    super(device);
    this.#tap = tap;
  }

  override start(user: DeviceUser): void {
    this.#memory = user.memory;
    const ending = endingBy(user, (error) => {
      this.#tap.closed();
      user.closed(error);
    });
    super.start(ending);
  }

  override read(at: number, room: number): number {
    const length = super.read(at, room);
    if (length > 0 && length <= room) {
      this.#tap.read(this.#memory.subarray(at + this.headerLength, at + length));
    }
    return length;
  }

  override write(at: number, length: number): boolean {
    const taken = super.write(at, length);
    if (taken) this.#tap.written(this.#memory.subarray(at + this.headerLength, at + length));
    return taken;
  }
}
