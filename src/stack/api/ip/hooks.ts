/**
 * Hooks for users: functions that see every packet on its way in, through or out, and may drop it or
 * rewrite its addresses and ports. What a firewall or an address translator is made of.
 *
 * `input`: it came in whole and valid, and nobody has decided where it goes. `forward`: it is to leave by
 * another device. `output`: it leaves, whoever made it, in the pieces that the device takes. While
 * there is a hook on input, fragments are put together before it.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Host } from '../../host/host.ts';
import { Verdict } from '../../ip/hooks.ts';
import type { Interface } from '../../ip/interface.ts';
import * as rewrite from '../../ip/internet/rewrite.ts';
import { Packet } from '../../ip/packet.ts';
import { argValueError } from '../door/errors.ts';
import { type AddressLike, toAddress } from '../door/lookup.ts';
import { QuotedPacket } from './quoted-packet.ts';

/** Where a hook stands: on the way in, between devices, or on the way out. */
export type HookPoint = 'input' | 'forward' | 'output';

/** Gives `'drop'` to drop the packet, anything else to let it pass. */
export type HookHandler = (packet: HookPacket) => unknown;

/** A hook that was set. */
export interface Hook {
  /** See no more packets. */
  remove(): void;
}

/** The packet that a hook looks at. One instance for all of them: it is valid during the call only. */
export class HookPacket {
  /** The memory that it lies in: for the accessors of `tunstack/wire`. */
  readonly view: DataView;
  /** The same memory, as bytes. */
  readonly bytes: Uint8Array;
  #packet: Packet = new Packet();
  #out: Interface | null = null;
  readonly #quoted: QuotedPacket;
  #rewritten = false;

  /** Not for use from outside: hooks are handed one. */
  constructor(host: Host) {
    this.view = host.core.slots.view;
    this.bytes = host.core.slots.bytes;
    this.#quoted = new QuotedPacket(this.view);
  }

  /** Of IP. */
  get version(): 4 | 6 {
    return this.#packet.ipv6 ? 6 : 4;
  }
  /** Offset of the network header, and bytes from there on. */
  get at(): number {
    return this.#packet.at;
  }
  /** Bytes from `at` on, the network header included. */
  get length(): number {
    return this.#packet.length;
  }
  /** Offset of what follows the network header, extension headers included. */
  get body(): number {
    return this.#packet.body;
  }
  /** Bytes from `body` on. */
  get bodyLength(): number {
    return this.#packet.bodyLength;
  }
  /** Whom it comes from, as a number; see `rewriteSource` for another. */
  get source(): Address {
    return this.#packet.source;
  }
  /** Whom it is for, as a number. */
  get destination(): Address {
    return this.#packet.destination;
  }
  /** 0 to 255: 1 is ICMP, 6 TCP, 17 UDP, 58 ICMPv6; of IPv6 what stands behind the extension headers. */
  get protocol(): number {
    return this.#packet.protocol;
  }
  /** Hops that it has left. */
  get ttl(): number {
    return this.#packet.ttl;
  }
  /** DSCP in the upper six bits, ECN in the lower two. */
  get tos(): number {
    return this.#packet.tos;
  }
  /** The device that it came in by; in a hook on output, the one that it leaves by. */
  get device(): string {
    return this.#packet.iface.name;
  }
  /** The device that it is to leave by, as its destination is now; undefined on input. */
  get leavesBy(): string | undefined {
    return this.#out?.name;
  }
  /** True if it has ports: it is TCP or UDP, and whole or the first fragment. */
  get hasPorts(): boolean {
    return rewrite.hasPorts(this.#packet);
  }
  /** The identifier of an ICMP echo or timestamp; -1 if it has neither that nor ports. */
  get sourcePort(): number {
    return rewrite.sourcePort(this.view, this.#packet);
  }
  /** Likewise. */
  get destinationPort(): number {
    return rewrite.destinationPort(this.view, this.#packet);
  }
  /** What it quotes if it is an ICMP error, whole, about a packet whose header can be read. */
  get quoted(): QuotedPacket | undefined {
    return this.#quoted.read(this.#packet);
  }

  /**
   * Make it come from elsewhere, checksums brought up to date. Without a port it keeps its own. The
   * identifier of an ICMP echo or timestamp, request or reply, counts as its port (RFC 3022 §4.1).
   */
  setSource(address: AddressLike, port?: number): void {
    rewrite.setSource(this.view, this.#packet, toAddress(address, 'address'), port);
    this.#rewritten = true;
  }

  /** The same for where it goes. On output it still leaves by the same device. */
  setDestination(address: AddressLike, port?: number): void {
    rewrite.setDestination(this.view, this.#packet, toAddress(address, 'address'), port);
    this.#rewritten = true;
  }

  /** The header was changed by hand, its checksum with it: read it again. */
  changed(): void {
    this.#packet.read(this.view);
    this.#rewritten = true;
  }

  /** For the stack: what `handlers` say of `packet`. */
  judge(packet: Packet, out: Interface | null, handlers: readonly HookHandler[]): Verdict {
    this.#packet = packet;
    this.#out = out;
    this.#rewritten = false;
    for (const handler of handlers) if (handler(this) === 'drop') return Verdict.DROP;
    return this.#rewritten ? Verdict.REWRITTEN : Verdict.PASS;
  }
}

const POINTS: readonly HookPoint[] = ['input', 'forward', 'output'];

/** All hooks of one stack. */
export class Hooks {
  readonly #host: Host;
  readonly #handlers: Record<HookPoint, readonly HookHandler[]> = {
    input: [],
    forward: [],
    output: [],
  };

  constructor(host: Host) {
    this.#host = host;
  }

  /** Let `handler` see the packets that pass `point`, after those that were set before. */
  add(point: HookPoint, handler: HookHandler): Hook {
    if (!POINTS.includes(point)) {
      throw argValueError('point', point, "must be one of 'input', 'forward', 'output'");
    }
    const own: HookHandler = (packet) => handler(packet); // the same one may be set twice
    this.#set(point, [...this.#handlers[point], own]);
    return {
      remove: () =>
        this.#set(
          point,
          this.#handlers[point].filter((one) => one !== own),
        ),
    };
  }

  #set(point: HookPoint, handlers: readonly HookHandler[]): void {
    this.#handlers[point] = handlers;
    const { hooks } = this.#host.core.ip;
    if (handlers.length === 0) {
      hooks[point] = null;
      return;
    }
    // One packet a point: what leaves because of a hook on input passes output within its call.
    const view = new HookPacket(this.#host);
    hooks[point] = (packet, out) => {
      try {
        return view.judge(packet, out, handlers);
      } catch (error) {
        this.#host.thrown(error);
        return Verdict.DROP;
      }
    };
  }
}
