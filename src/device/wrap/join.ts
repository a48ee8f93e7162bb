/**
 * Two devices joined: what comes out of one goes into the other, as by a cable.
 *
 * With one of them impaired this is a link between two TUNs, or between a TUN and a stack's pipe.
 * @module
 */
import type { Device, DeviceUser } from '../device.ts';
import { invalid } from '../errors.ts';
import type { Medium } from '../medium.ts';
import { Outlet, PIECE, readWhole } from './wrapper.ts';

/** Packets that go one way in one turn. */
const BUDGET = 256;

/** Two devices that were joined. */
export interface Joint {
  /** Packets that went from the first to the second. */
  readonly forth: number;
  /** Packets that went from the second to the first. */
  readonly back: number;
  /** Settles when both are closed: with the error that ended it, or with none after `close`. */
  readonly ended: Promise<Error | undefined>;
  /** Part the devices and close both. Settles when they are released. */
  close(): Promise<void>;
}

const mediumOf = ({ medium = 'ip' }: Device): Medium => medium;

/** Join two devices with the same kind of packets before the same kind of header. */
export function joinDevices(first: Device, second: Device): Joint {
  if (mediumOf(first) !== mediumOf(second) || first.headerLength !== second.headerLength) {
    const of = (one: Device): string =>
      `${one.name} (${mediumOf(one)}, header of ${one.headerLength})`;
    throw invalid('devices', `${of(first)} and ${of(second)}`, 'both must be of the same kind');
  }
  return new Cable(first, second);
}

class Cable implements Joint {
  readonly ended: Promise<Error | undefined>;
  readonly #ways: readonly [Way, Way];
  readonly #devices: readonly Device[];
  #error: Error | undefined;
  #open = 2;
  #settle: (error: Error | undefined) => void = () => {};

  constructor(first: Device, second: Device) {
    const memory = new Uint8Array(2 * PIECE);
    const forth = new Way(first, second, 0);
    const back = new Way(second, first, PIECE);
    this.#ways = [forth, back];
    this.#devices = [first, second];
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const user = (inward: Way, outward: Way): DeviceUser => ({
      memory,
      readable: () => {
        // A kernel answers an echo or a segment while it is written to: its answer need not wait for the next turn.
        if (inward.run() > 0 && !outward.waits) outward.run();
      },
      writable: () => outward.run(),
      closed: (error) => this.#closed(error),
    });
    first.start(user(forth, back));
    try {
      second.start(user(back, forth));
    } catch (error) {
      void first.close(); // it has a user that will never be one
      throw error;
    }
  }

  get forth(): number {
    return this.#ways[0].count;
  }

  get back(): number {
    return this.#ways[1].count;
  }

  async close(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()));
  }

  #closed(error: Error | undefined): void {
    this.#error ??= error;
    this.#open--;
    if (this.#open === 0) this.#settle(this.#error);
    else void this.close();
  }
}

/** One direction. */
class Way {
  count = 0;
  readonly #outlet: Outlet;

  constructor(from: Device, to: Device, at: number) {
    this.#outlet = new Outlet(to, at, () => readWhole(from, at));
  }

  /** Whether `to` asked to wait, and will say `writable`. */
  get waits(): boolean {
    return this.#outlet.waits;
  }

  /** How many packets went. */
  run(): number {
    const moved = this.#outlet.run(BUDGET);
    this.count += moved;
    return moved;
  }
}
