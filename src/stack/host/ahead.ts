/**
 * Packets that were read before they are taken in: several by one call of the device, or one where it lay with who sent it.
 * @module
 */
import type { Device } from '../../device/device.ts';
import { ReadBatch } from '../base/batch.ts';
import { NO_SLOT, type Slots } from '../memory/slots.ts';

/** Packets that may have been read before their turn; a power of two. */
const AHEAD = 64;

export class Ahead {
  readonly #slots: Slots;
  readonly #slot = new Int32Array(AHEAD);
  readonly #length = new Int32Array(AHEAD);
  readonly #batch = new ReadBatch();
  #first = 0;
  #count = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  get count(): number {
    return this.#count;
  }

  /** Read one, with `lead` bytes of room before it; not where there are many, or few slots: it waits with the device. */
  read(device: Device, lead: number): void {
    const slots = this.#slots;
    if (this.#count === AHEAD || !slots.ample) return;
    const slot = slots.acquire();
    const length = device.read(slot + lead, slots.size - lead);
    if (length === 0) {
      slots.release(slot);
      return;
    }
    this.#push(slot, length);
  }

  /**
   * If there is none: read up to `most`, where the device can do so in one call; those of a turn that has had one. False:
   * the device has no more now.
   */
  fill(device: Device, lead: number, most: number): boolean {
    if (this.#count > 0 || device.readMany === undefined) return true;
    const batch = this.#batch;
    if (batch.dry) return false;
    const slots = this.#slots;
    if (!slots.ample) return true;
    const { places, lengths } = batch;
    const count = Math.min(batch.want, most);
    for (let i = 0; i < count; i++) places[i] = slots.acquire() + lead; // there are some: it is ample
    const asked = device.readMany(places, count, slots.size - lead, lengths);
    batch.note(asked);
    for (let i = 0; i < count; i++) {
      const slot = (places[i] as number) - lead; // below the count, as is its length
      const length = i < asked ? (lengths[i] as number) : 0;
      if (length > 0) this.#push(slot, length);
      else slots.release(slot);
    }
    return asked === 0 || this.#count > 0;
  }

  /** A turn begins: what the device had none of, it may have. */
  begin(): void {
    this.#batch.begin();
  }

  #push(slot: number, length: number): void {
    const place = (this.#first + this.#count++) & (AHEAD - 1);
    this.#slot[place] = slot;
    this.#length[place] = length;
  }

  /** The length of the first one, which is to be asked before `shift`; 0 if there is none. */
  get length(): number {
    return this.#count === 0 ? 0 : (this.#length[this.#first] as number); // the mask keeps it inside
  }

  /** The slot of the first one, which is the caller's from now on. */
  shift(): number {
    if (this.#count === 0) return NO_SLOT;
    const slot = this.#slot[this.#first] as number; // likewise
    this.#first = (this.#first + 1) & (AHEAD - 1);
    this.#count--;
    return slot;
  }

  /** The device is gone, and so are they. */
  drop(): void {
    while (this.#count > 0) this.#slots.release(this.shift());
  }
}
