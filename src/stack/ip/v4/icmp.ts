/**
 * ICMP messages that we take in: echoes answered where they lie, replies given to who asked, errors
 * to the protocol whose packet they are about. RFC 792, RFC 1122 §3.2.2.
 *
 * Redirects and source quenches are dropped: the first are a way to steal traffic, the second are
 * obsolete (RFC 6633).
 * @module
 */
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import { count, Stat } from '../../base/stats.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as numbers from '../../wire/protocol.ts';
import type { Echoes } from '../echo.ts';
import { MAX_ECHO } from '../family.ts';
import type { IcmpError, InternetLayer, Protocol } from '../ip.ts';
import { Check, type Packet } from '../packet.ts';
import { type PathMtus, plateauBelow } from '../path-mtu.ts';
import type { Route } from '../route.ts';
import { countIn, countOut } from './icmp-counts.ts';
import { IncomingError } from './icmp-incoming.ts';

const TIMESTAMP_LEN = 20;
/** RFC 792, "Timestamp": the high bit says that the time is not counted from midnight UT. */
const NOT_UNIVERSAL_TIME = 0x8000_0000;

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly protocols: readonly (Protocol | undefined)[];
  readonly routes: { readonly paths: PathMtus; readonly hints: PathMtus };
}

export class Icmp implements Protocol {
  /** False: echo requests to us go unanswered. */
  answersEcho = true;
  /** True: timestamp requests are answered too. RFC 1122 §3.2.2.8 leaves the choice. */
  answersTimestamp = false;
  /** Shown every message whose checksum is good; what it takes is not handled here. */
  handler: ((packet: Packet) => boolean) | null = null;
  readonly #net: Host;
  readonly #echoes: Echoes;
  readonly #error: IncomingError = new IncomingError();

  constructor(net: Host, echoes: Echoes) {
    this.#net = net;
    this.#echoes = echoes;
  }

  input(packet: Packet): Drop {
    const net = this.#net;
    const { body, bodyLength } = packet;
    const v = net.slots.view;
    count(net.stats, Stat.IcmpInMsgs);
    if (bodyLength < icmp.MIN_LEN) return this.#malformed();
    const verify = packet.check === Check.NEEDED;
    if (verify && !checksums.good(net.checksum.sum(body, bodyLength))) {
      count(net.stats, Stat.IcmpInCsumErrors);
      count(net.stats, Stat.IcmpInErrors);
      return Drop.ICMP_CHECKSUM;
    }
    const type = icmp.type(v, body);
    countIn(net.stats, type);
    if (this.handler?.(packet)) return Drop.NONE;
    switch (type) {
      case icmp.Type.ECHO:
        return this.#answerEcho(packet);
      case icmp.Type.ECHO_REPLY:
        return this.#takeReply(packet);
      case icmp.Type.UNREACHABLE:
        return this.#takeError(packet);
      case icmp.Type.TIME_EXCEEDED:
        return this.#takeError(packet);
      case icmp.Type.PARAMETER_PROBLEM:
        return this.#takeError(packet);
      case icmp.Type.TIMESTAMP:
        return this.#answerTimestamp(packet);
      default:
        return Drop.ICMP_TYPE;
    }
  }

  /** An error about an ICMP message of ours: only echoes are worth telling anyone. */
  error(error: IcmpError): Drop {
    const v = this.#net.slots.view;
    const { body } = error;
    if (icmp.type(v, body) !== icmp.Type.ECHO) return Drop.ICMP_NO_MATCH;
    return this.#echoes.error(error, icmp.id(v, body), icmp.seq(v, body));
  }

  /**
   * Ask for the `length` bytes of `bytes` from `from`, up to `MAX_ECHO`, to come back. TTL, TOS and DF
   * are those of the output's `next`, if they are set just before.
   */
  sendEcho(
    route: Route,
    id: number,
    seq: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): Failure {
    if (length > MAX_ECHO) return Failure.MESSAGE_SIZE;
    return this.send(route, icmp.Type.ECHO, 0, icmp.echoRest(id, seq), bytes, from, length);
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
    icmp.write(v, at, type, code, rest);
    const sum = checksum.sum(at, icmp.MIN_LEN) + checksums.sumBytes(bytes, from, length);
    icmp.setChecksum(v, at, checksums.finish(sum));
    countOut(stats, type);
    const { ICMP } = numbers.Protocol;
    return output.sendLarge(route, route.source, ICMP, at, icmp.MIN_LEN, bytes, from, length);
  }

  #takeReply(packet: Packet): Drop {
    const v = this.#net.slots.view;
    const { body, bodyLength } = packet;
    const text = body + icmp.MIN_LEN;
    const size = bodyLength - icmp.MIN_LEN;
    return this.#echoes.reply(packet, icmp.id(v, body), icmp.seq(v, body), text, size);
  }

  /** RFC 1122 §3.2.2.6: the data comes back as it was, with the same TOS. */
  #answerEcho(packet: Packet): Drop {
    const { body } = packet;
    const { slots } = this.#net;
    // RFC 1122 §3.2.2.6 allows it, and every flood amplifier is an argument for it.
    if (!packet.unicast) return Drop.ICMP_BROADCAST;
    if (!this.answersEcho) return Drop.ICMP_TYPE;
    const v = slots.view;
    const old = icmp.checksum(v, body);
    const { ECHO, ECHO_REPLY } = icmp.Type;
    icmp.setType(v, body, ECHO_REPLY);
    icmp.setChecksum(v, body, checksums.update16(old, ECHO << 8, ECHO_REPLY << 8));
    return this.#sendBack(packet, ECHO_REPLY);
  }

  #answerTimestamp(packet: Packet): Drop {
    if (!packet.unicast) return Drop.ICMP_BROADCAST;
    if (!this.answersTimestamp) return Drop.ICMP_TYPE;
    if (packet.bodyLength < TIMESTAMP_LEN) return this.#malformed();
    const { slots, checksum, now } = this.#net;
    const { body, bodyLength } = packet;
    const v = slots.view;
    const time = ((now / 1000) & 0x7fff_ffff) | NOT_UNIVERSAL_TIME;
    icmp.setType(v, body, icmp.Type.TIMESTAMP_REPLY);
    icmp.setChecksum(v, body, 0);
    v.setInt32(body + 12, time); // received
    v.setInt32(body + 16, time); // transmitted
    icmp.setChecksum(v, body, checksums.finish(checksum.sum(body, bodyLength)));
    return this.#sendBack(packet, icmp.Type.TIMESTAMP_REPLY);
  }

  /** Send the message at `packet.body` to where it came from, out of the slot it came in. */
  #sendBack(packet: Packet, type: number): Drop {
    const net = this.#net;
    const { slots, output } = net;
    const { body, bodyLength, tos } = packet;
    const route = net.route(packet.source, packet.destination);
    if (route === undefined) {
      count(net.stats, Stat.IpOutNoRoutes);
      return Drop.IP_NO_ROUTE;
    }
    countOut(net.stats, type);
    const from = packet.destination;
    if (!packet.transient) {
      slots.retain(slots.slotOf(body));
      output.next.tos = tos;
      output.send(route, from, numbers.Protocol.ICMP, body, bodyLength);
      return Drop.NONE;
    }
    const at = output.reserve(route);
    if (at === NO_SLOT) return Drop.NONE; // the reply is lost, and counted where it was
    output.next.tos = tos;
    output.sendLarge(route, from, numbers.Protocol.ICMP, at, 0, slots.bytes, body, bodyLength);
    return Drop.NONE;
  }

  /** RFC 1122 §3.2.2: hand the error to the protocol of the packet that it quotes. */
  #takeError(packet: Packet): Drop {
    const net = this.#net;
    const error = this.#error;
    if (!error.read(net.slots.view, packet)) return this.#malformed();
    // Only packets that we sent come back, and only to where they came from.
    if (error.source !== packet.destination || error.fragmentOffset !== 0) {
      return Drop.ICMP_NO_MATCH;
    }
    const protocol = net.protocols[error.protocol];
    if (protocol === undefined) return Drop.ICMP_NO_MATCH;
    if (error.tooBig) {
      // RFC 1191 §5: a router that does not say is answered with the next lower plateau.
      if (error.mtu === 0 || error.mtu >= error.totalLength) {
        error.mtu = plateauBelow(error.totalLength);
      }
    }
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
    count(this.#net.stats, Stat.IcmpInErrors);
    return Drop.ICMP_MALFORMED;
  }
}
