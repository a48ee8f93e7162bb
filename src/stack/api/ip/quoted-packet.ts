/**
 * What a hook is shown of the packet that an ICMP error quotes, so that it can be translated as the
 * packet itself was. RFC 5508 §4.
 * @module
 */
import type { Address } from '../../base/address.ts';
import { Quoted } from '../../ip/internet/quoted.ts';
import type { Packet } from '../../ip/packet.ts';
import { type AddressLike, toAddress } from '../door/lookup.ts';

/** The packet that an ICMP error quotes. One instance for all of them, as `HookPacket`. */
export class QuotedPacket {
  readonly #quoted: Quoted = new Quoted();
  readonly #view: DataView;

  /** Not for use from outside: it is `packet.quoted`. */
  constructor(view: DataView) {
    this.#view = view;
  }

  /** 0 to 255: 1 is ICMP, 6 TCP, 17 UDP. */
  get protocol(): number {
    return this.#quoted.protocol;
  }
  /** Who sent it, as a number. */
  get source(): Address {
    return this.#quoted.source;
  }
  /** Whom it was for, as a number. */
  get destination(): Address {
    return this.#quoted.destination;
  }
  /** As `HookPacket` has it: -1 if it has none. */
  get sourcePort(): number {
    return this.#quoted.sourcePort;
  }
  /** As `HookPacket` has it: -1 if it has none. */
  get destinationPort(): number {
    return this.#quoted.destinationPort;
  }

  /** Let it have come from elsewhere. All checksums are brought up to date, the error's too. */
  setSource(address: AddressLike, port?: number): void {
    this.#quoted.setSource(this.#view, toAddress(address, 'address'), port);
  }

  /** Let it have been for elsewhere, likewise. */
  setDestination(address: AddressLike, port?: number): void {
    this.#quoted.setDestination(this.#view, toAddress(address, 'address'), port);
  }

  /** @internal */
  read(packet: Packet): this | undefined {
    return this.#quoted.read(this.#view, packet) ? this : undefined;
  }
}
