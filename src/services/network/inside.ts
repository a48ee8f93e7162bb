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
  readonly own: Address;
  readonly ownPort: number;
  readonly client: Address;
  readonly clientPort: number;
}

/** A string a packet, but only of packets from and to guests while a port is published so. */
const key = (protocol: number, ...rest: readonly number[]): string =>
  `${protocol} ${rest.join(' ')}`;

export class Disguises {
  readonly #stack: Stack;
  readonly #out: Map<string, Entry> = new Map();
  readonly #in: Map<string, Entry> = new Map();
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
    const out = key(protocol, ours, own.port, its, guest.port);
    const back = key(protocol, its, guest.port, theirs, client.port);
    if (this.#in.has(back)) return undefined;
    const entry = { own: ours, ownPort: own.port, client: theirs, clientPort: client.port };
    this.#out.set(out, entry);
    this.#in.set(back, entry);
    if (this.#hooks.length === 0) this.#watch();
    return () => {
      this.#out.delete(out);
      this.#in.delete(back);
      if (this.#out.size === 0) for (const hook of this.#hooks.splice(0)) hook.remove();
    };
  }

  #watch(): void {
    const leave = (p: HookPacket): void => {
      if (!p.hasPorts) return;
      const { protocol, source, sourcePort, destination, destinationPort } = p;
      const entry = this.#out.get(key(protocol, source, sourcePort, destination, destinationPort));
      if (entry) p.setSource(entry.client, entry.clientPort);
    };
    const enter = (p: HookPacket): void => {
      if (!p.hasPorts) return;
      const { protocol, source, sourcePort, destination, destinationPort } = p;
      const entry = this.#in.get(key(protocol, source, sourcePort, destination, destinationPort));
      if (entry) p.setDestination(entry.own, entry.ownPort);
    };
    this.#hooks = [this.#stack.hook('output', leave), this.#stack.hook('input', enter)];
  }
}

const read = (address: string): Address => parseAddress(address) as Address; // who calls has it from a socket
