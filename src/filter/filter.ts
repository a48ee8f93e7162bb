/**
 * Which packets are meant, in the language of tcpdump: `tcp port 80 and not host 10.83.0.1`.
 * pcap-filter(7), of which this is what names hosts, networks, ports, protocols and lengths.
 *
 * As there, `not` binds closest, and `and` and `or` bind alike and from the left; what follows them
 * without a qualifier has that of what stands before: `port 80 or 443`.
 * @module
 */
import { Facts } from './facts.ts';
import { readFilter } from './grammar.ts';
import type { Term } from './terms.ts';

/** A filter that was read. It may be asked of any number of packets, and makes nothing for them. */
export class PacketFilter {
  /** As it was given. */
  readonly text: string;
  readonly #term: Term;
  readonly #facts: Facts = new Facts();

  /** See `packetFilter`. */
  constructor(text: string, term: Term) {
    this.text = text;
    this.#term = term;
  }

  /**
   * Whether the packet of `length` bytes at `at` is meant; `isFrame`: it begins with an Ethernet header.
   * Any bytes will do: of what is cut short or is no IP nothing is known but its length.
   */
  matches(view: DataView, at: number, length: number, isFrame = false): boolean {
    this.#facts.read(view, at, length, isFrame);
    return this.#term(this.#facts);
  }
}

/**
 * Read a filter. The empty one means every packet. Throws a `SyntaxError` that says which word is
 * wrong, and what may stand there.
 */
export const packetFilter = (text: string): PacketFilter =>
  new PacketFilter(text, readFilter(text));
