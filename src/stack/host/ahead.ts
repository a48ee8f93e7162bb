/**
 * Packets that were read before they are taken in: several by one call of the device, or one where it lay with who sent it.
 * @module
 */
import type { Device } from '../../device/device.ts';
import { ReadBatch } from '../base/batch.ts';
import type { Interface } from '../ip/interface.ts';
import { NO_SLOT, type Slots } from '../memory/slots.ts';
import type { Core } from '../stack.ts';
import type { Inflow } from './inflow.ts';
import type { Spares } from './spares.ts';

/** Packets that may have been read before their turn; a power of two. */
const AHEAD = 64;
const NO_BYTES = Buffer.alloc(0);

export class Ahead {
  readonly #slots: Slots;
  readonly #slot = new Int32Array(AHEAD);
  readonly #length = new Int32Array(AHEAD);
  readonly #batch = new ReadBatch();
  /** What was read apart of each; undefined: nothing. */
  readonly #rest: (Buffer | undefined)[] = new Array(AHEAD).fill(undefined);
  readonly #rests: Buffer[] = [];
  readonly #spares: Spares;
  /** Bytes of each packet that are not apart, of those that are in two parts. */
  #head = 0;
  #first = 0;
  #count = 0;

  /** `spares`: for what is read apart. */
  constructor(slots: Slots, spares: Spares) {
    this.#slots = slots;
    this.#spares = spares;
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
    this.#push(slot, length, undefined);
  }

  /**
   * If there is none: read up to `most`, where the device can do so in one call; those of a turn that has had one. What
   * follows the first `head` bytes of each comes apart, unless that is 0. False: the device has no more now.
   */
  fill(device: Device, lead: number, most: number, head = 0): boolean {
    if (this.#count > 0 || device.readMany === undefined) return true;
    const batch = this.#batch;
    if (batch.dry) return false;
    const slots = this.#slots;
    if (!slots.ample) return true;
    const { places, lengths } = batch;
    const count = Math.min(batch.want, most);
    for (let i = 0; i < count; i++) places[i] = slots.acquire() + lead; // there are some: it is ample
    const apart = head > 0 ? this.#readSplit(device, count, head) : 0;
    const asked = apart || device.readMany(places, count, slots.size - lead, lengths);
    batch.note(asked);
    for (let i = 0; i < count; i++) {
      const slot = (places[i] as number) - lead; // below the count, as is its length
      const length = i < asked ? (lengths[i] as number) : 0;
      if (length === 0) slots.release(slot);
      else this.#push(slot, length, apart > 0 ? this.#rests[i] : undefined);
    }
    if (head > 0) this.#rests.fill(NO_BYTES, 0, count); // or the last ones would be held from here
    return asked === 0 || this.#count > 0;
  }

  #readSplit(device: Device, count: number, head: number): number {
    if (device.readSplit === undefined) return 0;
    const { places, lengths } = this.#batch;
    const rests = this.#rests;
    this.#head = head;
    for (let i = 0; i < count; i++) rests[i] = this.#spares.take();
    const asked = device.readSplit(places, count, head, rests, lengths);
    for (let i = 0; i < count; i++) {
      if (i >= asked || lengths[i] === 0) this.#spares.back(rests[i] as Buffer); // below the count
    }
    return asked;
  }

  /** Take in what `shift` gave, whose text was read apart. */
  input(
    core: Core,
    inflow: Inflow,
    iface: Interface,
    at: number,
    length: number,
    rest: Buffer,
  ): void {
    inflow.apart = rest;
    core.inputSplit(iface, at, length, this.#head, rest);
    if (inflow.apart === undefined) return; // somebody keeps it
    inflow.apart = undefined;
    inflow.split.missed();
    this.#spares.back(rest);
  }

  /** A turn begins: what the device had none of, it may have. */
  begin(): void {
    this.#batch.begin();
  }

  #push(slot: number, length: number, rest: Buffer | undefined): void {
    const place = (this.#first + this.#count++) & (AHEAD - 1);
    this.#slot[place] = slot;
    this.#length[place] = length;
    this.#rest[place] = rest;
  }

  /** The length of the first one, which is to be asked before `shift`; 0 if there is none. */
  get length(): number {
    return this.#count === 0 ? 0 : (this.#length[this.#first] as number); // the mask keeps it inside
  }

  /** What was read apart of the first one, likewise; undefined: nothing. */
  get rest(): Buffer | undefined {
    return this.#count === 0 ? undefined : this.#rest[this.#first];
  }

  /** The slot of the first one, which is the caller's from now on. */
  shift(): number {
    if (this.#count === 0) return NO_SLOT;
    const slot = this.#slot[this.#first] as number; // likewise
    this.#rest[this.#first] = undefined;
    this.#first = (this.#first + 1) & (AHEAD - 1);
    this.#count--;
    return slot;
  }

  /** The device is gone, and so are they. */
  drop(): void {
    while (this.#count > 0) this.#slots.release(this.shift());
  }
}
