/**
 * Echo requests of ours, and who waits for the replies. RFC 792, "Echo or Echo Reply Message";
 * RFC 1122 §3.2.2.6.
 * @module
 */
import { Drop } from '../base/drop.ts';
import type { Random } from '../base/random.ts';
import type { IcmpError } from './ip.ts';
import type { Packet } from './packet.ts';

/** Who asks for echoes. */
export interface EchoClient {
  /** A reply: its text is the `length` bytes at `at` of the slots' memory, during the call only. */
  onReply(packet: Packet, seq: number, at: number, length: number): void;
  /** A request of ours was answered with an error. */
  onError(error: IcmpError, seq: number): void;
}

/** All identifiers are taken. */
export const NO_ID = -1;

export class Echoes {
  readonly #random: Random;
  readonly #clients: Map<number, EchoClient> = new Map();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The identifier under which `client` asks, to be given back with `close`; or `NO_ID`. */
  open(client: EchoClient): number {
    if (this.#clients.size > 0xffff) return NO_ID;
    let id = this.#random.int32() & 0xffff;
    while (this.#clients.has(id)) id = (id + 1) & 0xffff;
    this.#clients.set(id, client);
    return id;
  }

  close(id: number): void {
    this.#clients.delete(id);
  }

  /** A reply came in, with `length` bytes of text at `at`. */
  reply(packet: Packet, id: number, seq: number, at: number, length: number): Drop {
    const client = this.#clients.get(id);
    if (client === undefined) return Drop.ICMP_NO_MATCH;
    client.onReply(packet, seq, at, length);
    return Drop.NONE;
  }

  /** An error came in about a request of ours. */
  error(error: IcmpError, id: number, seq: number): Drop {
    const client = this.#clients.get(id);
    if (client === undefined) return Drop.ICMP_NO_MATCH;
    client.onError(error, seq);
    return Drop.NONE;
  }
}
