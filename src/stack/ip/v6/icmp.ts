/**
 * ICMPv6 messages that we take in: echoes answered where they lie, replies given to who asked, errors
 * to the protocol whose packet they are about. RFC 4443.
 *
 * Neighbour Discovery and Multicast Listener Discovery are handed to whoever speaks them on the packet's
 * interface; where nobody does, as on a TUN, they are counted and dropped without a word.
 * @module
 */
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import { count, Stat } from '../../base/stats.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as numbers from '../../wire/protocol.ts';
import type { Echoes } from '../echo.ts';
import { echoLimit } from '../family.ts';
import type { IcmpError, InternetLayer, Protocol } from '../ip.ts';
import { Check, type Packet } from '../packet.ts';
import type { PathMtus } from '../path-mtu.ts';
import type { Route } from '../route.ts';
import { countIn, countOut } from './icmp-counts.ts';
import { IncomingError6 } from './icmp-incoming.ts';

const { ICMPV6 } = numbers.Protocol;

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly protocols6: readonly (Protocol | undefined)[];
  readonly routes: { readonly paths: PathMtus; readonly hints: PathMtus };
}

/** Who speaks some types of messages: what is given is whole, and its checksum good. */
export type MessageHandler = (packet: Packet, type: number) => Drop;

export class Icmp6 implements Protocol {
  /** False: echo requests to us go unanswered. */
  answersEcho = true;
  /** Shown every message whose checksum is good; what it takes is not handled here. */
  handler: ((packet: Packet) => boolean) | null = null;
  /** Neighbour Discovery (RFC 4861), and Multicast Listener Discovery (RFC 3810). */
  discovery: MessageHandler | null = null;
  listeners: MessageHandler | null = null;
  readonly #net: Host;
  readonly #echoes: Echoes;
  readonly #error: IncomingError6 = new IncomingError6();

  constructor(net: Host, echoes: Echoes) {
    this.#net = net;
    this.#echoes = echoes;
  }

  input(packet: Packet): Drop {
    const net = this.#net;
    const { body, bodyLength } = packet;
    const v = net.slots.view;
    count(net.stats, Stat.Icmp6InMsgs);
    if (bodyLength < icmp6.MIN_LEN) return this.#malformed();
    if (packet.check === Check.NEEDED) {
      const pseudo = packet.pseudo + checksums.lengthTerm(bodyLength);
      if (!checksums.good(pseudo + net.checksum.sum(body, bodyLength))) {
        count(net.stats, Stat.Icmp6InCsumErrors);
        count(net.stats, Stat.Icmp6InErrors);
        return Drop.ICMP_CHECKSUM;
      }
    }
    const type = icmp6.type(v, body);
    countIn(net.stats, type);
    if (this.handler?.(packet)) return Drop.NONE;
    switch (type) {
      case icmp6.Type.ECHO:
        return this.#answerEcho(packet);
      case icmp6.Type.ECHO_REPLY:
        return this.#takeReply(packet);
      case icmp6.Type.UNREACHABLE:
      case icmp6.Type.PACKET_TOO_BIG:
      case icmp6.Type.TIME_EXCEEDED:
      case icmp6.Type.PARAMETER_PROBLEM:
        return this.#takeError(packet);
      case icmp6.Type.ROUTER_SOLICITATION:
      case icmp6.Type.ROUTER_ADVERTISEMENT:
      case icmp6.Type.NEIGHBOUR_SOLICITATION:
      case icmp6.Type.NEIGHBOUR_ADVERTISEMENT:
      case icmp6.Type.REDIRECT:
        return this.discovery?.(packet, type) ?? Drop.ICMP_TYPE;
      case icmp6.Type.LISTENER_QUERY:
      case icmp6.Type.LISTENER_REPORT:
      case icmp6.Type.LISTENER_DONE:
      case icmp6.Type.LISTENER_REPORT_V2:
        return this.listeners?.(packet, type) ?? Drop.ICMP_TYPE;
      default:
        return Drop.ICMP_TYPE;
    }
  }

  /** An error about an ICMPv6 message of ours: only echoes are worth telling anyone. */
  error(error: IcmpError): Drop {
    const v = this.#net.slots.view;
    const { body } = error;
    if (icmp6.type(v, body) !== icmp6.Type.ECHO) return Drop.ICMP_NO_MATCH;
    return this.#echoes.error(error, icmp6.id(v, body), icmp6.seq(v, body));
  }

  /**
   * Ask for the `length` bytes of `bytes` from `from`, up to `echoLimit`, to come back. Hop limit and
   * traffic class are those of the output's `next`, if they are set just before.
   */
  sendEcho(
    route: Route,
    id: number,
    seq: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): Failure {
    if (length > echoLimit(route.destination)) return Failure.MESSAGE_SIZE;
    return this.send(route, icmp6.Type.ECHO, 0, icmp6.echoRest(id, seq), bytes, from, length);
  }

  /**
   * Send a message: its header, `rest` being the 32 bits after the checksum, and `length` bytes of
   * `bytes` from `from`. The output's `next` may be set just before.
   */
  send(
    route: Route,
    type: number,
    code: number,
    rest: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): Failure {
    const { slots, checksum, output, stats } = this.#net;
    const at = output.reserve(route);
    if (at === NO_SLOT) return Failure.NO_BUFFERS;
    const v = slots.view;
    icmp6.write(v, at, type, code, rest);
    const pseudo = checksums.pseudo(route.source, route.destination, ICMPV6);
    const all = icmp6.MIN_LEN + length;
    const head = pseudo + checksums.lengthTerm(all) + checksum.sum(at, icmp6.MIN_LEN);
    icmp6.setChecksum(v, at, checksums.finish(head + checksums.sumBytes(bytes, from, length)));
    countOut(stats, type);
    return output.sendLarge(route, route.source, ICMPV6, at, icmp6.MIN_LEN, bytes, from, length);
  }

  #takeReply(packet: Packet): Drop {
    const v = this.#net.slots.view;
    const { body, bodyLength } = packet;
    const text = body + icmp6.MIN_LEN;
    const size = bodyLength - icmp6.MIN_LEN;
    return this.#echoes.reply(packet, icmp6.id(v, body), icmp6.seq(v, body), text, size);
  }

  /** RFC 4443 §4.2: the data comes back as it was. */
  #answerEcho(packet: Packet): Drop {
    const { body } = packet;
    // RFC 4443 §4.2 allows an answer, and every flood amplifier is an argument for none.
    if (!packet.unicast) return Drop.ICMP_BROADCAST;
    if (!this.answersEcho) return Drop.ICMP_TYPE;
    const v = this.#net.slots.view;
    const old = icmp6.checksum(v, body);
    const { ECHO, ECHO_REPLY } = icmp6.Type;
    icmp6.setType(v, body, ECHO_REPLY);
    icmp6.setChecksum(v, body, checksums.update16(old, ECHO << 8, ECHO_REPLY << 8));
    return this.#sendBack(packet, ECHO_REPLY);
  }

  /** Send the message at `packet.body` to where it came from, out of the slot it came in. */
  #sendBack(packet: Packet, type: number): Drop {
    const net = this.#net;
    const { slots, output } = net;
    const { body, bodyLength, tos } = packet;
    const route = net.route(packet.source, packet.destination);
    if (route === undefined) {
      count(net.stats, Stat.Ip6OutNoRoutes);
      return Drop.IP_NO_ROUTE;
    }
    countOut(net.stats, type);
    const from = packet.destination;
    if (!packet.transient) {
      slots.retain(slots.slotOf(body));
      output.next.tos = tos;
      output.send(route, from, ICMPV6, body, bodyLength);
      return Drop.NONE;
    }
    const reserved = output.reserve(route);
    if (reserved === NO_SLOT) return Drop.NONE; // the reply is lost, and counted where it was
    output.next.tos = tos;
    output.sendLarge(route, from, ICMPV6, reserved, 0, slots.bytes, body, bodyLength);
    return Drop.NONE;
  }

  /** RFC 4443 §2.4 (d): hand the error to the protocol of the packet that it quotes. */
  #takeError(packet: Packet): Drop {
    const net = this.#net;
    const error = this.#error;
    if (!error.read(net.slots.view, packet)) return this.#malformed();
    // Only packets that we sent come back, and only to where they came from.
    if (error.source !== packet.destination || error.fragmentOffset !== 0) {
      return Drop.ICMP_NO_MATCH;
    }
    const protocol = net.protocols6[error.protocol];
    if (protocol === undefined) return Drop.ICMP_NO_MATCH;
    // RFC 8201 §4: no path is narrower, whatever a message says.
    if (error.tooBig && error.mtu < ipv6.MIN_MTU) return Drop.ICMP_NO_MATCH;
    const drop = protocol.error(error);
    // RFC 5927 §7: believed only after the protocol has found the packet among those it sent.
    if (drop === Drop.NONE && error.tooBig) {
      const { paths, hints } = net.routes;
      const known = protocol.checksErrors ? paths : hints;
      known.reduce(error.destination, error.mtu, net.now);
    }
    return drop;
  }

  #malformed(): Drop {
    count(this.#net.stats, Stat.Icmp6InErrors);
    return Drop.ICMP_MALFORMED;
  }
}
