/**
 * The headers of packets that leave: the network's of either version, a fragment's, and the device's.
 * RFC 791 §3.1, RFC 6864; RFC 8200 §3 and §4.5, RFC 7739; virtio 1.2 §5.1.6.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';
import * as extension from '../../wire/extension.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio.ts';
import type { SendOptions } from '../ip.ts';
import type { Route } from '../route.ts';
import * as header from '../v4/header.ts';
import { FlowLabels } from '../v6/flow-label.ts';

/** `SendOptions.checksumAt`: none is left to the device. */
export const NO_CHECKSUM = -1;

/** How much more than one an identification goes on by at the most. */
const STEP_MASK = 0xff;

export class Headers {
  readonly #view: DataView;
  readonly #random: Random;
  readonly #labels: FlowLabels;
  // What the fragments of one datagram have in common.
  #id = 0;
  #flow = 0;
  #tos = 0;
  #ttl = 0;
  readonly #defaultTtl: number;

  constructor(view: DataView, random: Random, defaultTtl: number) {
    this.#view = view;
    this.#defaultTtl = defaultTtl;
    this.#random = random;
    this.#labels = new FlowLabels(random);
  }

  /** Before `length` bytes, at `ip`. */
  writeIPv4(
    next: SendOptions,
    route: Route,
    source: Address,
    protocol: number,
    ip: number,
    length: number,
  ): void {
    const fixed = next.dontFragment && !route.fragmentable;
    // RFC 6864 §4.1: what is not fragmented needs no identification.
    const id = fixed ? 0 : identify(route);
    const fragment = fixed ? ipv4.Flag.DF : 0;
    const { tos } = next;
    const ttl = next.ttl || this.#defaultTtl;
    const total = length + route.headerLength;
    const { destination } = route;
    header.write(this.#view, ip, tos, total, id, fragment, ttl, protocol, source, destination);
  }

  /** Before `length` bytes at `at`, at `ip`. */
  writeIPv6(
    next: SendOptions,
    route: Route,
    source: Address,
    protocol: number,
    ip: number,
    at: number,
    length: number,
  ): void {
    const { tos } = next;
    const ttl = next.ttl || route.iface.hopLimit || this.#defaultTtl;
    const { destination } = route;
    const flow = this.#label(source, destination, protocol, at);
    const total = length + route.headerLength;
    ipv6.write(this.#view, ip, tos, flow, total, protocol, ttl, source, destination);
  }

  /** A datagram leaves in fragments, the first of which stands at `at`. */
  beginFragments(
    next: SendOptions,
    route: Route,
    source: Address,
    protocol: number,
    at: number,
  ): void {
    this.#tos = next.tos;
    const said = route.ipv6 ? route.iface.hopLimit : 0;
    this.#ttl = next.ttl || said || this.#defaultTtl;
    this.#id = route.ipv6 ? this.#identify6(route) : identify(route);
    this.#flow = route.ipv6 ? this.#label(source, route.destination, protocol, at) : 0;
  }

  /** Of the piece of `total` bytes at `ip`, headers included, that begins `offset` bytes into the datagram. */
  writeFragment(
    route: Route,
    source: Address,
    protocol: number,
    ip: number,
    total: number,
    offset: number,
    more: boolean,
  ): void {
    const v = this.#view;
    const { destination } = route;
    if (!route.ipv6) {
      const flags = (more ? ipv4.Flag.MF : 0) | (offset >> 3);
      const tos = this.#tos;
      const ttl = this.#ttl;
      header.write(v, ip, tos, total, this.#id, flags, ttl, protocol, source, destination);
      return;
    }
    const { FRAGMENT } = extension.Header;
    ipv6.write(v, ip, this.#tos, this.#flow, total, FRAGMENT, this.#ttl, source, destination);
    extension.writeFragment(v, ip + ipv6.HEADER_LEN, protocol, offset, more, this.#id);
  }

  /** The virtio header of a packet whose transport header is at `at`: what the device is to do. */
  writeDevice(
    { gsoSize, checksumAt }: SendOptions,
    { iface, headerLength, ipv6 }: Route,
    protocol: number,
    at: number,
  ): void {
    const v = this.#view;
    const ip = at - headerLength;
    iface.clearHeader(v, ip);
    if (checksumAt === NO_CHECKSUM) return;
    const isTcp = protocol === Protocol.TCP;
    const gso = gsoSize === 0 ? virtio.Gso.NONE : virtio.gsoOf(ipv6, isTcp);
    const transport = isTcp ? tcp.headerLen(v, at) : udp.HEADER_LEN;
    const needs = virtio.Flag.NEEDS_CSUM;
    const start = iface.lead - iface.headerLength + headerLength;
    const headers = start + transport;
    virtio.write(v, ip - iface.lead, needs, gso, headers, gsoSize, start, checksumAt);
  }

  /** RFC 6437 §3; `at`: the transport header, whose first four bytes are the ports, if it has any. */
  #label(source: Address, destination: Address, protocol: number, at: number): number {
    const ported = protocol === Protocol.TCP || protocol === Protocol.UDP;
    const ports = ported ? this.#view.getInt32(at) : 0;
    return this.#labels.label(source, destination, protocol, ports);
  }

  /** RFC 7739 §5.1: a counter for each destination, which begins anywhere and goes on by no known step. */
  #identify6(route: Route): number {
    const step = 1 + (this.#random.int32() & STEP_MASK);
    route.identification = (route.identification + step) | 0;
    return route.identification;
  }
}

function identify(route: Route): number {
  route.identification = (route.identification + 1) & 0xffff;
  return route.identification;
}
