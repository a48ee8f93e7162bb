/**
 * Protocols of the user's own over IP, of both versions: a handler for what comes in under a protocol number, and a
 * way to send. RFC 791 §3.2, "Protocol"; RFC 3692 keeps 253 and 254 for experiments.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { Failure, failureCode } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import type { IcmpError, Protocol } from '../../ip/ip.ts';
import type { Packet } from '../../ip/packet.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import { transport } from '../../wire/checksum.ts';
import * as numbers from '../../wire/protocol.ts';
import { checkBytes, checkFunction, checkInteger } from '../door/checks.ts';
import { coded, systemError } from '../door/errors.ts';
import { checkText, textOf } from '../door/text.ts';
import { type IcmpReport, makeReport } from './icmp-report.ts';

/** A packet of a protocol of one's own. */
export interface RawPacket {
  /** As text: dotted decimal, or RFC 5952's form. */
  readonly source: string;
  /** Likewise. */
  readonly destination: string;
  /** 0 to 255. */
  readonly protocol: number;
  /** Hops that it had left; the hop limit of IPv6. */
  readonly ttl: number;
  /** Traffic class: DSCP in the upper six bits, ECN in the lower two. */
  readonly tos: number;
  /** What follows the IP header; yours to keep. */
  readonly data: Buffer;
}

/** How a packet of one's own protocol leaves. */
export interface RawSendOptions extends SendOptions {
  /**
   * Where in the data a checksum of 16 bits stands: it is made over the data and a pseudo-header of
   * addresses, protocol and length, as that of UDP (without its exception for 0).
   */
  readonly checksumAt?: number;
}

/** How a packet leaves. */
export interface SendOptions {
  /** An address of ours to send from; the route's unless told. */
  readonly source?: string;
  /** 1 to 255; default the stack's. */
  readonly ttl?: number;
  /** 0 to 255. */
  readonly tos?: number;
  /** Fail with `EMSGSIZE` rather than fragment. */
  readonly dontFragment?: boolean;
}

/**
 * Told of ICMP errors about packets of a protocol of one's own. Gives true if the packet that is quoted
 * was one that was sent: only then is what is said of the path's MTU believed. RFC 5927 §7.
 */
export type RawErrorHandler = (report: IcmpReport) => unknown;

/** TCP, UDP and ICMP of both versions are the stack's. */
const TAKEN: readonly number[] = [
  numbers.Protocol.ICMP,
  numbers.Protocol.ICMPV6,
  numbers.Protocol.TCP,
  numbers.Protocol.UDP,
];

/** One protocol, until `close`. */
export class RawProtocol implements Protocol {
  /** 0 to 255. */
  readonly number: number;
  readonly #host: Host;
  readonly #handler: (packet: RawPacket) => void;
  readonly #onError: RawErrorHandler | undefined;
  #closed = false;

  /** Not for use from outside: `stack.protocol` makes these. */
  constructor(
    host: Host,
    number: number,
    handler: (packet: RawPacket) => void,
    onError?: RawErrorHandler,
  ) {
    checkInteger(number, 'number', 0, 255);
    checkFunction(handler, 'handler');
    if (onError !== undefined) checkFunction(onError, 'onError');
    const { ip } = host.core;
    if ((ip.protocols[number] ?? ip.protocols6[number]) !== undefined) {
      const whose = TAKEN.includes(number) ? 'the stack itself' : 'another handler';
      const message = `protocol ${number} belongs to ${whose}: close that, or take another number`;
      throw coded(Error, 'EADDRINUSE', message);
    }
    this.number = number;
    this.#host = host;
    this.#handler = handler;
    this.#onError = onError;
    ip.setProtocol(number, this);
    host.hold();
    host.open.add(this);
  }

  /** Send `data` (up to 65 515 bytes) to an address. Throws a system error if it cannot leave. */
  send(data: Uint8Array, destination: string, options: RawSendOptions = {}): void {
    checkBytes(data, 'data');
    const { ip } = this.#host.core;
    const to = checkText(ip, destination, 'destination');
    const from = options.source === undefined ? ANY : checkText(ip, options.source, 'source');
    const route = ip.route(to, from);
    const place = { address: destination };
    const { checksumAt } = options;
    if (checksumAt !== undefined) {
      checkInteger(checksumAt, 'options.checksumAt', 0, data.length - 2);
    }
    if (!route) throw systemError('ENETUNREACH', 'send', place);
    const { output } = ip;
    const at = output.reserve(route);
    if (at === NO_SLOT) throw systemError('ENOBUFS', 'send', place);
    const { next } = output;
    if (options.ttl !== undefined) next.ttl = options.ttl;
    if (options.tos !== undefined) next.tos = options.tos;
    if (options.dontFragment) next.dontFragment = true;
    const source = from === ANY ? route.source : from;
    const bytes = checksumAt === undefined ? data : this.#sealed(data, source, to, checksumAt);
    const failure = output.sendLarge(route, source, this.number, at, 0, bytes, 0, bytes.length);
    if (failure !== Failure.NONE) throw systemError(failureCode(failure), 'send', place);
  }

  #sealed(data: Uint8Array, source: Address, destination: Address, at: number): Uint8Array {
    const bytes = Uint8Array.from(data);
    const view = new DataView(bytes.buffer);
    view.setUint16(at, 0);
    view.setUint16(at, transport(source, destination, this.number, bytes));
    return bytes;
  }

  /** @internal */
  input(packet: Packet): Drop {
    const { ip, slots } = this.#host.core;
    const { bytes } = slots;
    const { body, bodyLength } = packet;
    try {
      this.#handler({
        source: textOf(ip, packet.source),
        destination: textOf(ip, packet.destination),
        protocol: packet.protocol,
        ttl: packet.ttl,
        tos: packet.tos,
        data: Buffer.from(bytes.subarray(body, body + bodyLength)),
      });
    } catch (error) {
      this.#host.thrown(error);
    }
    return Drop.NONE;
  }

  /** @internal */
  error(error: IcmpError): Drop {
    try {
      if (this.#onError?.(makeReport(this.#host, error)) === true) return Drop.NONE;
    } catch (thrown) {
      this.#host.thrown(thrown);
    }
    // RFC 5927 §7: what nobody finds among what was sent must not narrow a path that others use too.
    return Drop.ICMP_NO_MATCH;
  }

  /** Take no more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.open.delete(this);
    this.#host.core.ip.setProtocol(this.number, undefined);
    this.#host.letGo();
  }
}
