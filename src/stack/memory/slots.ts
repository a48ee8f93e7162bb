/**
 * Packet slots: equal pieces of one `WebAssembly.Memory`, counted references, no allocation.
 *
 * One memory, because then one `Uint8Array`, one `DataView` and one checksum kernel serve every
 * packet, a packet passes from one device to another without a copy, and system calls can write into
 * it (it never moves, and it is sized once: `grow` would detach every view).
 *
 * A slot is named by the byte offset at which it begins. A packet's network header always stands
 * `HEADROOM` bytes into its slot: what a device or a link puts before it (10 or 12 bytes of virtio
 * header, 14 of Ethernet) grows downwards from there, so no layer moves the packet.
 * @module
 */

import { type WasmMemory, wasm } from '../base/wasm.ts';

/** Bytes before the network header; a multiple of 16, so that headers stay aligned. */
export const HEADROOM = 48;

/** No slot was free. */
export const NO_SLOT = -1;

const PAGE = 65_536;
/** Room for the longest packet that is put together: an IPv6 header does not count in its length, RFC 8200 §3. */
const SCRATCH = (40 + 65_535 + 63) & ~63;
const POISON = 0xdb;
/** One in so many stays free for packets, however much is kept by those who took it in. */
const FREE_PART = 4;

export interface SlotsOptions {
  /** How many, 4 to 1 048 576. */
  count: number;
  /** Bytes of network packet that one must hold, 576 to 65 535 (the MTU, or more with offload). */
  packetSize: number;
  /** Overwrite a slot when it is released, so that a view kept too long is seen at once. */
  poison?: boolean;
}

export class Slots {
  /** Bytes from one slot to the next, headroom included; a multiple of 64. */
  readonly size: number;
  readonly count: number;
  readonly memory: WasmMemory;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Bytes at the start of the memory that belong to no slot: scratch for kernels and system calls. */
  readonly scratchSize: number;
  readonly #poison: boolean;
  readonly #references: Uint16Array;
  readonly #stack: Int32Array;
  #free: number;

  constructor({ count, packetSize, poison = false }: SlotsOptions) {
    this.count = count;
    this.size = (packetSize + HEADROOM + 63) & ~63;
    this.scratchSize = SCRATCH;
    const pages = Math.ceil((this.scratchSize + count * this.size) / PAGE);
    this.memory = new wasm.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.#poison = poison;
    this.#references = new Uint16Array(count);
    // A stack, not a queue: the slot released last is the one that is still in the cache.
    this.#stack = new Int32Array(count);
    for (let i = 0; i < count; i++) this.#stack[i] = count - 1 - i;
    this.#free = count;
  }

  /** How many are free now. */
  get free(): number {
    return this.#free;
  }

  /** True while few enough are taken that one may be held for longer than its packet's turn. */
  get ample(): boolean {
    return this.#free * FREE_PART > this.count;
  }

  /** The offset of a slot with one reference, or `NO_SLOT`. */
  acquire(): number {
    if (this.#free === 0) return NO_SLOT;
    const index = this.#stack[--this.#free] as number; // below `count` while `#free` was above 0
    this.#references[index] = 1;
    return this.scratchSize + index * this.size;
  }

  /** The slot in which the byte at `offset` lies. */
  slotOf(offset: number): number {
    return offset - ((offset - this.scratchSize) % this.size);
  }

  /** One more holder of the slot. */
  retain(slot: number): void {
    const index = this.#index(slot);
    this.#references[index] = (this.#references[index] as number) + 1;
  }

  /** One holder less; the slot is free when the last one lets go. Throws if it was free already. */
  release(slot: number): void {
    const index = this.#index(slot);
    const left = (this.#references[index] as number) - 1;
    if (left < 0) throw new Error(`packet slot ${index} was released twice`);
    this.#references[index] = left;
    if (left > 0) return;
    if (this.#poison) this.bytes.fill(POISON, slot, slot + this.size);
    this.#stack[this.#free++] = index;
  }

  #index(slot: number): number {
    return ((slot - this.scratchSize) / this.size) | 0;
  }
}
