/**
 * ICMPv6 messages that are sent beside the transports' way out, as they must have another hop limit, come from
 * no address, or carry a router alert: those of Neighbour Discovery and MLD. RFC 4861 §4, RFC 3810 §5.
 * @module
 */
import { type Address, ANY6, inPrefix, isIPv6, isLinkLocal } from '../../base/address.ts';
import { Stat } from '../../base/stats.ts';
import { HEADROOM, NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import { Header, ROUTER_ALERT_LEN, writeRouterAlert } from '../../wire/extension.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import type { Interface } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';

/** `begin`: no packet is free. */
export const NO_MESSAGE: number = NO_SLOT;

/** Where to write a message of up to 1200 bytes that `sendDiscovery` or `sendReport` sends; `NO_MESSAGE`. */
export function begin(net: InternetLayer): number {
  const slot = net.slots.acquire();
  return slot === NO_SLOT ? NO_MESSAGE : slot + HEADROOM + ipv6.HEADER_LEN + ROUTER_ALERT_LEN;
}

/** Send the `length` bytes at `at`, which `begin` gave, with hop limit 255. Takes the slot. */
export function sendDiscovery(
  net: InternetLayer,
  iface: Interface,
  source: Address,
  destination: Address,
  at: number,
  length: number,
): void {
  seal(net, source, destination, at, length);
  const ip = at - ipv6.HEADER_LEN;
  const total = ipv6.HEADER_LEN + length;
  ipv6.write(net.slots.view, ip, 0, 0, total, Protocol.ICMPV6, 255, source, destination);
  transmit(net, iface, destination, ip, total);
}

/** The same with hop limit 1 and a router alert. RFC 3810 §5. */
export function sendReport(
  net: InternetLayer,
  iface: Interface,
  source: Address,
  destination: Address,
  at: number,
  length: number,
): void {
  const v = net.slots.view;
  seal(net, source, destination, at, length);
  const ip = at - ROUTER_ALERT_LEN - ipv6.HEADER_LEN;
  const total = ipv6.HEADER_LEN + ROUTER_ALERT_LEN + length;
  writeRouterAlert(v, at - ROUTER_ALERT_LEN, Protocol.ICMPV6);
  ipv6.write(v, ip, 0, 0, total, Header.HOP_BY_HOP, 1, source, destination);
  transmit(net, iface, destination, ip, total);
}

/** RFC 4443 §2.3. */
function seal(
  net: InternetLayer,
  source: Address,
  destination: Address,
  at: number,
  length: number,
): void {
  const v = net.slots.view;
  icmp6.setChecksum(v, at, 0);
  const pseudo = checksums.pseudo(source, destination, Protocol.ICMPV6);
  const sum = pseudo + checksums.lengthTerm(length) + net.checksum.sum(at, length);
  icmp6.setChecksum(v, at, checksums.finish(sum));
  count(net, icmp6.type(v, at));
}

function transmit(
  net: InternetLayer,
  iface: Interface,
  destination: Address,
  ip: number,
  length: number,
): void {
  iface.clearHeader(net.slots.view, ip);
  net.output.transmit(iface, destination, ip, length);
}

const COUNTERS: ReadonlyMap<number, Stat> = new Map<number, Stat>([
  [icmp6.Type.LISTENER_REPORT, Stat.Icmp6OutGroupMembResponses],
  [icmp6.Type.LISTENER_DONE, Stat.Icmp6OutGroupMembReductions],
  [icmp6.Type.LISTENER_REPORT_V2, Stat.Icmp6OutMLDv2Reports],
  [icmp6.Type.ROUTER_SOLICITATION, Stat.Icmp6OutRouterSolicits],
  [icmp6.Type.NEIGHBOUR_SOLICITATION, Stat.Icmp6OutNeighborSolicits],
  [icmp6.Type.NEIGHBOUR_ADVERTISEMENT, Stat.Icmp6OutNeighborAdvertisements],
  [icmp6.Type.REDIRECT, Stat.Icmp6OutRedirects],
]);

function count({ stats }: InternetLayer, type: number): void {
  for (const stat of [Stat.Icmp6OutMsgs, COUNTERS.get(type)]) {
    if (stat !== undefined) stats[stat] = (stats[stat] as number) + 1; // a counter's index
  }
}

/** The link-local address of `iface`, `::` while it has none: where such messages come from. */
export function linkLocalOf(iface: Interface): Address {
  for (const { address } of iface.addresses) if (isLinkLocal(address)) return address;
  return ANY6;
}

/** RFC 4861 §7.2.2: one of ours on `target`'s network, else the link-local one, to ask for it from. */
export function sourceTowards(iface: Interface, target: Address): Address {
  for (const p of iface.addresses) {
    if (isIPv6(p.address) && inPrefix(target, p.address, p.bits)) return p.address;
  }
  return linkLocalOf(iface);
}
