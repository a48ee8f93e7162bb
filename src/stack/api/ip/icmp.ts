/**
 * `stack.icmp` and `stack.icmp6`: what the stack answers by itself, messages for those who want to see them, and
 * a way to send one. RFC 792, RFC 1122 §3.2.2; RFC 4443.
 * @module
 */
import { ANY, isIPv6 } from '../../base/address.ts';
import { Failure, failureCode } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import type { Packet } from '../../ip/packet.ts';
import type { Icmp } from '../../ip/v4/icmp.ts';
import type { Icmp6 } from '../../ip/v6/icmp.ts';
import * as icmp from '../../wire/icmp.ts';
import { checkBytes, checkFunction, checkInteger } from '../door/checks.ts';
import { ipError, systemError } from '../door/errors.ts';
import { checkText, textOf } from '../door/text.ts';
import type { SendOptions } from './protocol.ts';

/** A message that came in, its checksum good. */
export interface IcmpMessage {
  /** As text: dotted decimal, or RFC 5952's form, a link-local one with its device: `fe80::1%tun0`. */
  readonly source: string;
  /** Likewise. */
  readonly destination: string;
  /** Hops that it had left. */
  readonly ttl: number;
  /** RFC 792's numbers: 3 is "destination unreachable", 8 an echo request. Of ICMPv6 RFC 4443's: 1 and 128. */
  readonly type: number;
  /** What the type means more closely. */
  readonly code: number;
  /** The four bytes after the checksum, as one number: identifier and sequence number in an echo. */
  readonly rest: number;
  /** What follows them; yours to keep. */
  readonly data: Buffer;
}

/** What is to be sent. */
export interface IcmpSend {
  /** 0 to 255, RFC 792 or RFC 4443. */
  readonly type: number;
  /** 0 unless told. */
  readonly code?: number;
  /** 0 unless told. */
  readonly rest?: number;
  /** What follows the eight bytes of the header; none unless told. */
  readonly data?: Uint8Array;
}

/** Gives true to take the message: the stack does nothing with it then. */
export type IcmpHandler = (message: IcmpMessage) => unknown;

const EMPTY = new Uint8Array(0);

/** ICMP messages of one version of IP, in and out. */
class Messages {
  /** @internal */
  protected readonly host: Host;
  readonly #ipv6: boolean;
  readonly #handlers: Set<IcmpHandler> = new Set();

  /** Not for use from outside: it is `stack.icmp` or `stack.icmp6`. */
  constructor(host: Host, ipv6: boolean) {
    this.host = host;
    this.#ipv6 = ipv6;
  }

  /** Whether echo requests are answered; true unless set. */
  get answersEcho(): boolean {
    return this.#core.answersEcho;
  }

  set answersEcho(on: boolean) {
    this.#core.answersEcho = on;
  }

  get #core(): Icmp | Icmp6 {
    const { ip } = this.host.core;
    return this.#ipv6 ? ip.icmp6 : ip.icmp;
  }

  /** Show every message to `handler`, until `remove`. */
  handle(handler: IcmpHandler): { remove(): void } {
    checkFunction(handler, 'handler');
    const own: IcmpHandler = (message) => handler(message);
    this.#handlers.add(own);
    this.#core.handler = (packet) => this.#show(packet);
    return {
      remove: () => {
        this.#handlers.delete(own);
        if (this.#handlers.size === 0) this.#core.handler = null;
      },
    };
  }

  #show(packet: Packet): boolean {
    const { ip, slots } = this.host.core;
    const { bytes, view } = slots;
    const { body, bodyLength } = packet;
    const message: IcmpMessage = {
      source: textOf(ip, packet.source),
      destination: textOf(ip, packet.destination),
      ttl: packet.ttl,
      type: icmp.type(view, body),
      code: icmp.code(view, body),
      rest: view.getUint32(body + 4),
      data: Buffer.from(bytes.subarray(body + icmp.MIN_LEN, body + bodyLength)),
    };
    for (const handler of this.#handlers) {
      try {
        if (handler(message) === true) return true;
      } catch (error) {
        this.host.thrown(error);
      }
    }
    return false;
  }

  /** Send a message. Throws a system error if it cannot leave. */
  send(message: IcmpSend, destination: string, options: SendOptions = {}): void {
    const { type, code = 0, rest = 0, data = EMPTY } = message;
    checkInteger(type, 'message.type', 0, 255);
    checkInteger(code, 'message.code', 0, 255);
    checkInteger(rest, 'message.rest', 0, 0xffff_ffff);
    checkBytes(data, 'message.data');
    const { ip } = this.host.core;
    const to = checkText(ip, destination, 'destination');
    if (isIPv6(to) !== this.#ipv6) throw ipError(destination);
    const from =
      options.source === undefined ? ANY : checkText(ip, options.source, 'options.source');
    const place = { address: destination };
    const route = ip.route(to, from);
    if (!route) throw systemError('ENETUNREACH', 'send', place);
    const { next } = ip.output;
    if (options.ttl !== undefined) next.ttl = options.ttl;
    if (options.tos !== undefined) next.tos = options.tos;
    if (options.dontFragment) next.dontFragment = true;
    const failure = this.#core.send(route, type, code, rest, data, 0, data.length);
    if (failure !== Failure.NONE) throw systemError(failureCode(failure), 'send', place);
  }
}

/** What `stack.icmp` is: ICMP messages, in and out. RFC 792. */
export class StackIcmp extends Messages {
  /** Not for use from outside: it is `stack.icmp`. */
  constructor(host: Host) {
    super(host, false);
  }

  /** Whether timestamp requests are answered; false unless set. */
  get answersTimestamp(): boolean {
    return this.host.core.ip.icmp.answersTimestamp;
  }

  set answersTimestamp(on: boolean) {
    this.host.core.ip.icmp.answersTimestamp = on;
  }
}

/** What `stack.icmp6` is: ICMPv6 messages, in and out. RFC 4443. */
export class StackIcmp6 extends Messages {
  /** Not for use from outside: it is `stack.icmp6`. */
  constructor(host: Host) {
    super(host, true);
  }
}
