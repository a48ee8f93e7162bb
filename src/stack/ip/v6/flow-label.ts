/**
 * Flow labels: 20 bits by which routers tell flows apart, the same for every packet of a flow and not to be
 * guessed. RFC 6437 §3: a hash, under a key of this stack's, of addresses, protocol and ports.
 * @module
 */
import { type Address, ANY, digest } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';

const MASK = 0xf_ffff;

export class FlowLabels {
  readonly #key: number;
  readonly #multiplier: number;
  // The last one, and of which flow: the packets of a batch follow one another.
  #source: Address = ANY;
  #destination: Address = ANY;
  #ports = 0;
  #protocol = 0;
  #label = 0;

  constructor(random: Random) {
    this.#key = random.int32();
    this.#multiplier = random.int32() | 1;
  }

  /** Of the flow between two ends. `ports`: 32 bits that all its packets have, or 0. Never 0. */
  label(source: Address, destination: Address, protocol: number, ports: number): number {
    if (
      ports === this.#ports &&
      destination === this.#destination &&
      source === this.#source &&
      protocol === this.#protocol
    ) {
      return this.#label;
    }
    this.#source = source;
    this.#destination = destination;
    this.#ports = ports;
    this.#protocol = protocol;
    this.#label = this.#make(source, destination, protocol, ports);
    return this.#label;
  }

  #make(source: Address, destination: Address, protocol: number, ports: number): number {
    let h = Math.imul(digest(destination) ^ this.#key, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ ports, this.#multiplier);
    h = Math.imul(h ^ (h >>> 13) ^ digest(source), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 16) ^ protocol, 0xc2b2ae35);
    // RFC 6437 §2: 0 says that there is none.
    return (h >>> 12) & MASK || 1;
  }
}
