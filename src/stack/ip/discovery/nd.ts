/**
 * Neighbour Discovery between hosts: who has an address says so, and what others say of themselves is
 * learnt, if it passes every check of RFC 4861 §7.1. Messages of routers go on to `Autoconf`.
 *
 * Only devices with a link layer have neighbours to discover.
 * @module
 */
import {
  type Address,
  ALL_NODES,
  ANY6,
  isLinkLocal,
  isMulticast,
  readIPv6,
  writeIPv6,
} from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import * as nd from '../../wire/nd.ts';
import * as options from '../../wire/nd-options.ts';
import type { Interface, NeighbourTable } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';
import type { Packet } from '../packet.ts';
import type { DuplicateDetection } from './dad.ts';
import { begin, NO_MESSAGE, sendDiscovery, sourceTowards } from './message.ts';
import { solicitedNode } from './solicited.ts';

/** What is said by routers, and who takes it. */
export interface RouterMessages {
  /** A router advertisement that passed RFC 4861 §6.1.2. */
  advertised(packet: Packet): Drop;
  /** A redirect that passed RFC 4861 §8.1, but for who is our router, which it knows. */
  redirected(packet: Packet): Drop;
}

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly forwarding: boolean;
}

/** Who else has a part in it. */
export interface DiscoveryParts {
  readonly dad: DuplicateDetection;
  readonly routers: RouterMessages;
  /** Another station says that it has an address of ours. */
  conflict(iface: Interface, address: Address, hi: number, lo: number): void;
}

export class NeighbourDiscovery {
  readonly #net: Host;
  readonly #parts: DiscoveryParts;

  constructor(net: Host, parts: DiscoveryParts) {
    this.#net = net;
    this.#parts = parts;
  }

  /** Take in an ICMPv6 message of these types whose checksum is right. */
  input(packet: Packet): Drop {
    const { iface, body, bodyLength, ttl, chain } = packet;
    const table = iface.link?.neighbours6;
    if (table === undefined) return Drop.ND_NO_LINK;
    const v = this.#net.slots.view;
    // RFC 4861 §6.1, §7.1, §8.1: what a router passed on has less.
    if (ttl !== nd.HOP_LIMIT || !nd.valid(v, body, bodyLength)) return Drop.ND_MALFORMED;
    // RFC 6980 §5.
    if (chain.fragment >= 0 || packet.transient) return Drop.ND_FRAGMENT;
    switch (nd.type(v, body)) {
      case nd.Type.SOLICIT:
        return this.#solicited(packet, table);
      case nd.Type.ADVERTISE:
        return this.#advertised(packet, table);
      case nd.Type.ADVERTISE_ROUTER:
        if (!isLinkLocal(packet.source)) return Drop.ND_MALFORMED;
        return this.#parts.routers.advertised(packet);
      case nd.Type.REDIRECT:
        if (!isLinkLocal(packet.source)) return Drop.ND_MALFORMED;
        return this.#parts.routers.redirected(packet);
      default:
        return Drop.ND_IGNORED; // RFC 4861 §6.2.6: solicitations are for routers
    }
  }

  /** RFC 4861 §7.2.2: ask who has `target`, everyone who may, or who had it. */
  solicit(iface: Interface, target: Address, everyone: boolean): void {
    const { link } = iface;
    const at = begin(this.#net);
    if (link === null || at === NO_MESSAGE) return;
    const v = this.#net.slots.view;
    const optionsAt = nd.write(v, at, nd.Type.SOLICIT, 0);
    writeIPv6(v, nd.targetAt(at), target);
    const { SOURCE_LINK } = options.Option;
    const end = options.writeLink(v, optionsAt, SOURCE_LINK, link.hi, link.lo);
    const source = sourceTowards(iface, target);
    const to = everyone ? solicitedNode(target) : target;
    sendDiscovery(this.#net, iface, source, to, at, end - at);
  }

  /** RFC 4861 §7.1.1, §7.2.3, §7.2.4. */
  #solicited(packet: Packet, table: NeighbourTable): Drop {
    const { iface, body, bodyLength, source, destination } = packet;
    const net = this.#net;
    const v = net.slots.view;
    const target = readIPv6(v, nd.targetAt(body), iface.index);
    const link = find(v, packet, options.Option.SOURCE_LINK);
    if (isMulticast(target)) return Drop.ND_MALFORMED;
    if (source === ANY6 && (link >= 0 || destination !== solicitedNode(target))) {
      return Drop.ND_MALFORMED;
    }
    const tentative = this.#parts.dad.find(iface, target);
    if (tentative !== undefined) {
      // RFC 4862 §5.4.3: one with a source looks for somebody, and not for us.
      if (source !== ANY6) return Drop.ND_NOT_OURS;
      const at = options.find(v, nd.optionsAt(v, body), body + bodyLength, options.Option.NONCE);
      const hasNonce = at >= 0 && options.isShortNonce(v, at);
      const [hi, lo] = hasNonce ? [options.linkHi(v, at), options.linkLo(v, at)] : [0, 0];
      this.#parts.dad.solicited(tentative, hasNonce, hi, lo);
      return Drop.NONE;
    }
    if (!iface.addresses.some((own) => own.address === target)) return Drop.ND_NOT_OURS;
    if (link >= 0) {
      table.heard(source, options.linkHi(v, link), options.linkLo(v, link), false, true, net.now);
    }
    this.#advertise(iface, target, source);
    return Drop.NONE;
  }

  /** RFC 4861 §7.2.4. `to` is `::` where somebody looks for an address to have: then all are told. */
  #advertise(iface: Interface, target: Address, to: Address): void {
    const { link } = iface;
    const net = this.#net;
    const at = begin(net);
    if (link === null || at === NO_MESSAGE) return;
    const v = net.slots.view;
    const all = to === ANY6;
    const { ROUTER, SOLICITED, OVERRIDE } = nd.Flag;
    const flags = OVERRIDE | (all ? 0 : SOLICITED) | (net.forwarding ? ROUTER : 0);
    const optionsAt = nd.write(v, at, nd.Type.ADVERTISE, flags << 24);
    writeIPv6(v, nd.targetAt(at), target);
    const { TARGET_LINK } = options.Option;
    const end = options.writeLink(v, optionsAt, TARGET_LINK, link.hi, link.lo);
    sendDiscovery(net, iface, target, all ? ALL_NODES : to, at, end - at);
  }

  /** RFC 4861 §7.1.2, §7.2.5. */
  #advertised(packet: Packet, table: NeighbourTable): Drop {
    const { iface, body, destination } = packet;
    const net = this.#net;
    const v = net.slots.view;
    const target = readIPv6(v, nd.targetAt(body), iface.index);
    const flags = nd.flags(v, body);
    const solicited = (flags & nd.Flag.SOLICITED) !== 0;
    if (isMulticast(target) || (solicited && isMulticast(destination))) return Drop.ND_MALFORMED;
    const link = find(v, packet, options.Option.TARGET_LINK);
    const [hi, lo] = link < 0 ? [0, 0] : [options.linkHi(v, link), options.linkLo(v, link)];
    const tentative = this.#parts.dad.find(iface, target);
    if (tentative !== undefined) {
      this.#parts.dad.advertised(tentative);
      return Drop.NONE;
    }
    if (iface.addresses.some((own) => own.address === target)) {
      // RFC 4862 §5.4.4: it may be ours come back; it is kept, and its owner is told.
      if (link >= 0 && (hi !== iface.link?.hi || lo !== iface.link.lo)) {
        this.#parts.conflict(iface, target, hi, lo);
      }
      return Drop.NONE;
    }
    const override = (flags & nd.Flag.OVERRIDE) !== 0;
    const isRouter = (flags & nd.Flag.ROUTER) !== 0;
    table.advertised(target, link >= 0, hi, lo, solicited, override, isRouter, net.now);
    return Drop.NONE;
  }
}

/** A link-layer address of Ethernet among the message's options; -1: none. A group's is none. */
function find(v: DataView, { body, bodyLength }: Packet, kind: number): number {
  const at = options.find(v, nd.optionsAt(v, body), body + bodyLength, kind);
  if (at < 0 || options.length(v, at) !== options.SHORT_LEN) return -1;
  return (options.linkHi(v, at) & 0x0100) === 0 ? at : -1;
}
