/**
 * Connections to guests that seem to come from the client itself: between the gateway and the guest the client's
 * address and port stand for the gateway's. RFC 3022 §2.2, on the stack's hooks, which see packets only while
 * there is such a connection.
 * @module
 */
import type { Hook, HookPacket, Stack } from '../../index.ts';
import type { Address } from '../../stack/base/address.ts';
import { parseAddress } from '../../wire.ts';

/** A connection whose source is another one's. */
export interface Disguise {
  readonly protocol: 6 | 17;
  /** The gateway's own address and port. */
  readonly own: { readonly address: string; readonly port: number };
  /** The guest's. */
  readonly guest: { readonly address: string; readonly port: number };
  /** What the guest sees. */
  readonly client: { readonly address: string; readonly port: number };
}

interface Entry {
  readonly protocol: number;
  readonly own: Address;
  readonly ownPort: number;
  readonly guest: Address;
  readonly guestPort: number;
  readonly client: Address;
  readonly clientPort: number;
}

/** Entries that share two ports, mostly one: a number is looked up for a packet, and no text is made of it. */
type Table = Map<number, Entry[]>;
const portsOf = (one: number, other: number): number => one * 65_536 + other;

export class Disguises {
  readonly #stack: Stack;
  readonly #out: Table = new Map();
  readonly #in: Table = new Map();
  #hooks: Hook[] = [];

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Disguise a connection until what this gives is called; undefined if another one has that client to that guest. */
  add({ protocol, own, guest, client }: Disguise): (() => void) | undefined {
    const [ours, theirs, its] = [own.address, client.address, guest.address].map(read) as [
      Address,
      Address,
      Address,
    ];
    if (this.#entering(protocol, its, guest.port, theirs, client.port)) return undefined;
    const entry = {
      ...{ protocol, own: ours, ownPort: own.port, guest: its, guestPort: guest.port },
      ...{ client: theirs, clientPort: client.port },
    };
    const out = portsOf(own.port, guest.port);
    const back = portsOf(guest.port, client.port);
    enter(this.#out, out, entry);
    enter(this.#in, back, entry);
    if (this.#hooks.length === 0) this.#watch();
    return () => {
      leave(this.#out, out, entry);
      leave(this.#in, back, entry);
      if (this.#out.size === 0) for (const hook of this.#hooks.splice(0)) hook.remove();
    };
  }

  /** Whose connection a packet to a guest is of. */
  #leaving(
    protocol: number,
    from: Address,
    fromPort: number,
    to: Address,
    toPort: number,
  ): Entry | undefined {
    for (const entry of this.#out.get(portsOf(fromPort, toPort)) ?? NONE) {
      if (entry.protocol === protocol && entry.own === from && entry.guest === to) return entry;
    }
    return undefined;
  }

  /** And one from a guest. */
  #entering(
    protocol: number,
    from: Address,
    fromPort: number,
    to: Address,
    toPort: number,
  ): Entry | undefined {
    for (const entry of this.#in.get(portsOf(fromPort, toPort)) ?? NONE) {
      if (entry.protocol === protocol && entry.guest === from && entry.client === to) return entry;
    }
    return undefined;
  }

  #watch(): void {
    const outward = (p: HookPacket): void => {
      if (!p.hasPorts) return;
      const { protocol, source, sourcePort, destination, destinationPort } = p;
      const entry = this.#leaving(protocol, source, sourcePort, destination, destinationPort);
      if (entry) p.setSource(entry.client, entry.clientPort);
    };
    const inward = (p: HookPacket): void => {
      if (!p.hasPorts) return;
      const { protocol, source, sourcePort, destination, destinationPort } = p;
      const entry = this.#entering(protocol, source, sourcePort, destination, destinationPort);
      if (entry) p.setDestination(entry.own, entry.ownPort);
    };
    this.#hooks = [this.#stack.hook('output', outward), this.#stack.hook('input', inward)];
  }
}

const read = (address: string): Address => parseAddress(address) as Address; // who calls has it from a socket

const NONE: readonly Entry[] = [];

function enter(table: Table, key: number, entry: Entry): void {
  const there = table.get(key);
  if (there === undefined) table.set(key, [entry]);
  else there.push(entry);
}

function leave(table: Table, key: number, entry: Entry): void {
  const left = (table.get(key) ?? []).filter((other) => other !== entry);
  if (left.length === 0) table.delete(key);
  else table.set(key, left);
}
