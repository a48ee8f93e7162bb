/**
 * Who is at a server, found by peer id, by address outside, and by address inside.
 * @module
 */
import type { Instance } from './instance.ts';
import type { Pool } from './pool.ts';

const NOBODY: readonly Instance[] = [];

export class Table {
  readonly #byId: (Instance | undefined)[] = [];
  readonly #most: number;
  readonly #all = new Set<Instance>();
  /** Those at an address: whoever is up first. */
  readonly #places = new Map<string, Instance[]>();
  readonly #inside = new Map<number, Instance>();
  readonly #inside6 = new Map<number, Instance>();
  readonly #pool: Pool;
  #up = 0;

  constructor(most: number, pool: Pool) {
    this.#most = most;
    this.#pool = pool;
  }

  all(): Iterable<Instance> {
    return this.#all;
  }

  counts(): { readonly up: number; readonly coming: number } {
    return { up: this.#up, coming: this.#all.size - this.#up };
  }

  /** The lowest peer id that nobody has; -1 if all are given. */
  freeId(): number {
    for (let id = 0; id < this.#most; id++) if (this.#byId[id] === undefined) return id;
    return -1;
  }

  byId(id: number): Instance | undefined {
    return this.#byId[id];
  }

  at(place: string): readonly Instance[] {
    return this.#places.get(place) ?? NOBODY;
  }

  add(client: Instance): void {
    this.#byId[client.peerId] = client;
    this.#all.add(client);
    this.#settle(client, client.place);
  }

  /** It is up, and has its addresses. */
  lead(client: Instance): void {
    this.#up++;
    const { lease } = client;
    if (lease === undefined) return;
    this.#inside.set(lease.key, client);
    if (lease.key6 >= 0) this.#inside6.set(lease.key6, client);
  }

  /** False if it was not there. */
  remove(client: Instance): boolean {
    if (!this.#all.delete(client)) return false;
    this.#byId[client.peerId] = undefined;
    this.#leave(client);
    if (client.isUp) this.#up--;
    const { lease } = client;
    if (lease === undefined) return true;
    this.#inside.delete(lease.key);
    this.#inside6.delete(lease.key6);
    return true;
  }

  move(client: Instance, place: string): void {
    this.#leave(client);
    this.#settle(client, place);
  }

  /** Whose address the packet is for; the packet has 20 bytes at least. */
  destination(bytes: Uint8Array, at: number, length: number): Instance | undefined {
    return this.#of(bytes, at, length, 16, 24);
  }

  /** Whose address it comes from. */
  source(bytes: Uint8Array, at: number, length: number): Instance | undefined {
    return this.#of(bytes, at, length, 12, 8);
  }

  /** True if it is for more than one: the network's broadcast, or a group. */
  isForAll(bytes: Uint8Array, at: number): boolean {
    if ((bytes[at] as number) >> 4 === 6) return bytes[at + 24] === 0xff;
    const to = u32(bytes, at + 16);
    return to === this.#pool.broadcast || to >>> 28 === 0xe || to === 0xffff_ffff;
  }

  #of(bytes: Uint8Array, at: number, length: number, v4: number, v6: number): Instance | undefined {
    if ((bytes[at] as number) >> 4 === 4) return this.#inside.get(u32(bytes, at + v4));
    const { base6 } = this.#pool;
    if (length < 40 || base6 === undefined) return undefined;
    for (let i = 0; i < 12; i++) if (bytes[at + v6 + i] !== base6[i]) return undefined;
    return this.#inside6.get(u32(bytes, at + v6 + 12));
  }

  #settle(client: Instance, place: string): void {
    client.place = place;
    const there = this.#places.get(place);
    if (there === undefined) this.#places.set(place, [client]);
    else there.push(client);
  }

  #leave(client: Instance): void {
    const there = this.#places.get(client.place)?.filter((other) => other !== client) ?? [];
    if (there.length === 0) this.#places.delete(client.place);
    else this.#places.set(client.place, there);
  }
}

const u32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)) >>>
  0;
