/**
 * Echo requests of ours, and who waits for the replies. RFC 792, "Echo or Echo Reply Message";
 * RFC 1122 §3.2.2.6.
 * @module
 */
import { Drop } from '../base/drop.ts';
import { Failure } from '../base/failure.ts';
import { NO_SLOT } from '../memory/slots.ts';
import * as checksums from '../wire/checksum.ts';
import * as icmp from '../wire/icmp.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { Protocol } from '../wire/protocol.ts';
import type { Internet } from './internet/internet.ts';
import type { IcmpError } from './ip.ts';
import type { Packet } from './packet.ts';
import type { Route } from './routes.ts';

/** The longest text of an echo: a packet less its headers. */
export const MAX_ECHO: number = ipv4.MAX_TOTAL_LEN - ipv4.MIN_LEN - icmp.MIN_LEN;

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
  readonly #net: Internet;
  readonly #clients: Map<number, EchoClient> = new Map();

  constructor(net: Internet) {
    this.#net = net;
  }

  /** The identifier under which `client` asks, to be given back with `close`; or `NO_ID`. */
  open(client: EchoClient): number {
    if (this.#clients.size > 0xffff) return NO_ID;
    let id = this.#net.random.int32() & 0xffff;
    while (this.#clients.has(id)) id = (id + 1) & 0xffff;
    this.#clients.set(id, client);
    return id;
  }

  close(id: number): void {
    this.#clients.delete(id);
  }

  /**
   * Ask for the `length` bytes of `bytes` from `from`, up to `MAX_ECHO`, to come back. TTL, TOS and
   * DF are those of the internet layer's `next`, if they are set just before.
   */
  send(
    route: Route,
    id: number,
    seq: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): Failure {
    if (length > MAX_ECHO) return Failure.MESSAGE_SIZE;
    const net = this.#net;
    const at = net.reserve(route);
    if (at === NO_SLOT) return Failure.NO_BUFFERS;
    const v = net.slots.view;
    icmp.write(v, at, icmp.Type.ECHO, 0, icmp.echoRest(id, seq));
    const sum = net.checksum.sum(at, icmp.MIN_LEN) + checksums.sumBytes(bytes, from, length);
    icmp.setChecksum(v, at, checksums.finish(sum));
    net.icmp.countOut(icmp.Type.ECHO);
    const { ICMP } = Protocol;
    return net.sendLarge(route, route.source, ICMP, at, icmp.MIN_LEN, bytes, from, length);
  }

  /** A reply came in. */
  reply(packet: Packet): Drop {
    const v = this.#net.slots.view;
    const client = this.#clients.get(icmp.id(v, packet.body));
    if (client === undefined) return Drop.ICMP_NO_MATCH;
    const text = packet.body + icmp.MIN_LEN;
    client.onReply(packet, icmp.seq(v, packet.body), text, packet.bodyLength - icmp.MIN_LEN);
    return Drop.NONE;
  }

  /** An error came in about an ICMP message of ours. */
  error(error: IcmpError): Drop {
    const v = this.#net.slots.view;
    if (icmp.type(v, error.body) !== icmp.Type.ECHO) return Drop.ICMP_NO_MATCH;
    const client = this.#clients.get(icmp.id(v, error.body));
    if (client === undefined) return Drop.ICMP_NO_MATCH;
    client.onError(error, icmp.seq(v, error.body));
    return Drop.NONE;
  }
}
