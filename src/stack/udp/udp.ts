/**
 * UDP: datagrams in, to the sockets they are for. RFC 768, RFC 1122 §4.1, RFC 8200 §8.1.
 * @module
 */
import { type Address, hold, isMulticast } from '../base/address.ts';
import { Drop } from '../base/drop.ts';
import { Failure } from '../base/failure.ts';
import { count, Stat } from '../base/stats.ts';
import { covers } from '../ip/family.ts';
import type { Interface } from '../ip/interface.ts';
import type { IcmpError, Protocol } from '../ip/ip.ts';
import { Check, type Packet } from '../ip/packet.ts';
import * as checksums from '../wire/checksum.ts';
import * as icmp from '../wire/icmp.ts';
import * as numbers from '../wire/protocol.ts';
import * as udp from '../wire/udp.ts';
import type { Network } from './emit.ts';
import type { UdpOwner } from './owner.ts';
import { Ports } from './ports.ts';
import { type UdpHost, UdpSocket } from './socket.ts';

/** What an interceptor says of a datagram that belongs to no socket, other than a socket for it. */
export const Refusal = {
  /** As if there were no interceptor. */
  PASS: 0,
  /** ICMP port unreachable. */
  REFUSE: 1,
  /** Silence. */
  DROP: 2,
  /** ICMP: destination unreachable, administratively prohibited. */
  PROHIBIT: 3,
  /** Silence, because there are too many flows. */
  FULL: 4,
} as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

/**
 * Asked about each datagram that belongs to no flow, before the sockets that are bound to any
 * address. `packet` has the addresses. To take the flow, give a socket made by `openFlow`; it gets
 * the datagram.
 */
export type Interceptor = (packet: Packet, remotePort: number, port: number) => UdpSocket | Refusal;

/** Where datagrams of each version of IP are counted. */
const IPV4 = {
  InDatagrams: Stat.UdpInDatagrams,
  InErrors: Stat.UdpInErrors,
  InCsumErrors: Stat.UdpInCsumErrors,
  NoPorts: Stat.UdpNoPorts,
  IgnoredMulti: Stat.UdpIgnoredMulti,
  RcvbufErrors: Stat.UdpRcvbufErrors,
} as const;
const IPV6 = {
  InDatagrams: Stat.Udp6InDatagrams,
  InErrors: Stat.Udp6InErrors,
  InCsumErrors: Stat.Udp6InCsumErrors,
  NoPorts: Stat.Udp6NoPorts,
  IgnoredMulti: Stat.Udp6IgnoredMulti,
  RcvbufErrors: Stat.Udp6RcvbufErrors,
} as const;

/** How many flows there may be at once. */
export const FLOW_LIMIT = 65_536;

export class Udp implements Protocol, UdpHost {
  readonly ip: Network;
  readonly ports: Ports<UdpSocket>;
  interceptor: Interceptor | null = null;
  flowLimit: number = FLOW_LIMIT;
  /** Sockets whose owners wait for room, each once. */
  readonly #blocked: UdpSocket[] = [];

  /** Makes itself known to `ip`. */
  constructor(ip: Network) {
    this.ip = ip;
    this.ports = new Ports(ip.random);
    ip.setProtocol(numbers.Protocol.UDP, this);
  }

  /** A socket, neither bound nor connected. */
  open(owner: UdpOwner): UdpSocket {
    return new UdpSocket(this, owner);
  }

  /**
   * A socket for the flow between a peer and an address and port that need not be ours; undefined if
   * there are too many, or it exists.
   */
  openFlow(
    owner: UdpOwner,
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
  ): UdpSocket | undefined {
    const { ports } = this;
    if (ports.flows >= this.flowLimit || localPort === 0 || remotePort === 0) return undefined;
    if (ports.flow(local, localPort, remote, remotePort) !== undefined) return undefined;
    const socket = new UdpSocket(this, owner);
    socket.address = local;
    socket.localAddress = hold(local);
    socket.port = localPort;
    socket.remoteAddress = hold(remote);
    socket.remotePort = remotePort;
    ports.addFlow(socket);
    return socket;
  }

  /** True if an owner waits for room. */
  get waiting(): boolean {
    return this.#blocked.length > 0;
  }

  block(socket: UdpSocket, iface: Interface): void {
    if (socket.waitsFor === undefined) this.#blocked.push(socket);
    socket.waitsFor = iface;
  }

  /** The batch ends: owners that waited for room are told, where there is some. */
  flush(): void {
    for (let left = this.#blocked.length; left > 0; left--) {
      const socket = this.#blocked.shift() as UdpSocket; // there were `left` of them
      const { waitsFor } = socket;
      if (socket.closed || waitsFor === undefined) continue;
      if (this.ip.slots.free > 0 && this.ip.output.ready(waitsFor)) {
        socket.waitsFor = undefined;
        socket.owner.onWritable?.();
      } else this.#blocked.push(socket);
    }
  }

  input(packet: Packet): Drop {
    const { ip } = this;
    const v = ip.slots.view;
    const { body } = packet;
    const names = packet.ipv6 ? IPV6 : IPV4;
    if (!udp.valid(v, body, packet.bodyLength)) {
      count(ip.stats, names.InErrors);
      return Drop.UDP_MALFORMED;
    }
    const length = udp.length(v, body);
    // RFC 768: a checksum of 0 says that the sender made none. RFC 8200 §8.1: over IPv6 it must.
    const lacking = udp.checksum(v, body) === 0;
    if (lacking && packet.ipv6 && packet.check !== Check.BEGUN && !this.#takesZero(packet)) {
      count(ip.stats, names.InCsumErrors);
      count(ip.stats, names.InErrors);
      return Drop.UDP_CHECKSUM;
    }
    if (packet.check === Check.NEEDED && !lacking) {
      const sum = packet.pseudo + checksums.lengthTerm(length) + ip.checksum.sum(body, length);
      if (!checksums.good(sum)) {
        count(ip.stats, names.InCsumErrors);
        count(ip.stats, names.InErrors);
        return Drop.UDP_CHECKSUM;
      }
    }
    if (!packet.unicast) return this.#deliverToAll(packet, length);
    const socket = this.#find(packet, udp.srcPort(v, body), udp.dstPort(v, body));
    if (typeof socket !== 'number') return this.#deliver(socket, packet, length);
    count(ip.stats, names.NoPorts);
    return this.#refuse(packet, socket);
  }

  /** RFC 6935 §5: the socket at this port has said that it knows what comes without a checksum. */
  #takesZero({ destination, body }: Packet): boolean {
    const port = udp.dstPort(this.ip.slots.view, body);
    return this.ports.listening(destination, port)?.zeroChecksum === true;
  }

  #refuse(packet: Packet, refusal: Refusal): Drop {
    if (refusal === Refusal.FULL) return Drop.UDP_FLOW_LIMIT;
    if (refusal === Refusal.DROP) return Drop.UDP_REFUSED;
    const { PORT, PROHIBITED } = icmp.Code;
    this.ip.errors.unreachable(packet, refusal === Refusal.PROHIBIT ? PROHIBITED : PORT);
    return refusal === Refusal.PASS ? Drop.UDP_NO_PORT : Drop.UDP_REFUSED;
  }

  /** RFC 1122 §4.1.3.3: pass errors up, to the socket whose datagram is quoted. */
  error(error: IcmpError): Drop {
    const v = this.ip.slots.view;
    const port = udp.srcPort(v, error.body);
    const remotePort = udp.dstPort(v, error.body);
    const { source, destination } = error;
    const flow = this.ports.flow(source, port, destination, remotePort);
    const socket = flow ?? this.ports.listening(source, port);
    if (socket === undefined) return Drop.ICMP_NO_MATCH;
    const lasting = flow !== undefined && lasts(error, socket);
    if (socket.receiveErrors || lasting) {
      const tooBig = error.mtu !== 0 && socket.dontFragment;
      socket.owner.onError(tooBig ? Failure.MESSAGE_SIZE : error.failure, error);
    }
    return Drop.NONE;
  }

  #find(packet: Packet, remotePort: number, port: number): UdpSocket | Refusal {
    const { ports, ip, interceptor } = this;
    const { source, destination } = packet;
    const flow = ports.flows > 0 ? ports.flow(destination, port, source, remotePort) : undefined;
    if (flow !== undefined) return flow;
    const bound = ports.listening(destination, port);
    // A server on any address is for our addresses; others are first the interceptor's.
    if (interceptor === null || (bound !== undefined && ip.isOurs(destination))) {
      return bound ?? Refusal.PASS;
    }
    const answer = interceptor(packet, remotePort, port);
    return answer === Refusal.PASS ? (bound ?? Refusal.PASS) : answer;
  }

  #deliver(socket: UdpSocket, packet: Packet, length: number): Drop {
    const { ip } = this;
    const { gsoSize, source } = packet;
    const { bytes, view } = ip.slots;
    const names = packet.ipv6 ? IPV6 : IPV4;
    const port = udp.srcPort(view, packet.body);
    const text = packet.body + udp.HEADER_LEN;
    const size = length - udp.HEADER_LEN;
    const piece = gsoSize === 0 ? size : gsoSize; // with offload, one packet is many datagrams
    let drop: Drop = Drop.NONE;
    let at = 0;
    do {
      const n = Math.min(piece, size - at);
      const result = socket.owner.onMessage(bytes, text + at, n, source, port, packet);
      count(ip.stats, result === Drop.NONE ? names.InDatagrams : names.InErrors);
      if (result === Drop.UDP_QUEUE_FULL) count(ip.stats, names.RcvbufErrors);
      if (result !== Drop.NONE) drop = result;
      at += n;
    } while (at < size && !socket.closed);
    return drop;
  }

  /** RFC 1122 §4.1.3.6 leaves it open; as elsewhere, everyone who can hear gets a broadcast. */
  #deliverToAll(packet: Packet, length: number): Drop {
    const v = this.ip.slots.view;
    const port = udp.dstPort(v, packet.body);
    const sourcePort = udp.srcPort(v, packet.body);
    let drop: Drop = Drop.UDP_IGNORED_MULTI;
    for (let s = this.ports.onPort(port); s !== undefined; ) {
      const next: UdpSocket | undefined = s.nextOnPort; // the owner may close it
      if (hears(s, packet, sourcePort)) {
        const result = this.#deliver(s, packet, length);
        if (drop !== Drop.NONE) drop = result;
      }
      s = next;
    }
    if (drop === Drop.UDP_IGNORED_MULTI) {
      count(this.ip.stats, (packet.ipv6 ? IPV6 : IPV4).IgnoredMulti);
    }
    return drop;
  }
}

/** True if a broadcast or multicast in `packet` is for `socket`. */
function hears(socket: UdpSocket, packet: Packet, sourcePort: number): boolean {
  const { destination, iface } = packet;
  if (!covers(socket.address, socket.ipv6Only, destination)) return false;
  if (socket.connected) {
    if (socket.remoteAddress !== packet.source || socket.remotePort !== sourcePort) return false;
  }
  return !isMulticast(destination) || socket.isMember(destination, iface);
}

/** True if a connected socket's owner should know: the error will not pass by itself. */
const lasts = (error: IcmpError, socket: UdpSocket): boolean =>
  error.mtu === 0 ? error.lasting : socket.dontFragment;
