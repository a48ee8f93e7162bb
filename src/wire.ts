/**
 * `tunstack/wire`: the headers, read and written in place, for hooks, raw packets and protocols of one's
 * own.
 *
 * A header is its bytes. An accessor is a function of a `DataView` and the header's offset
 * (`tcp.dstPort(view, at)`); ask `valid(view, at, length)` once, after that none can reach outside the
 * packet. All numbers are as RFCs write them; addresses are numbers that compare with `===`. One that a packet
 * or a callback brings is good until that returns: who keeps it says so with `holdAddress`, and lets go with
 * `dropAddress`. One that `parseAddress` gives stays.
 * @module
 */
export { parseLasting as parseAddress } from './stack/api/door/lookup.ts';
export {
  type Address,
  drop as dropAddress,
  format as formatAddress,
  fromBits,
  fromOctets,
  hold as holdAddress,
} from './stack/base/address.ts';
export * as arp from './stack/wire/arp.ts';
export * as checksum from './stack/wire/checksum.ts';
export { describe } from './stack/wire/describe.ts';
export * as ethernet from './stack/wire/ethernet.ts';
export * as extension from './stack/wire/extension.ts';
export * as icmp from './stack/wire/icmp.ts';
export * as icmp6 from './stack/wire/icmp6.ts';
export * as igmp from './stack/wire/igmp.ts';
export * as ipv4 from './stack/wire/ipv4.ts';
export * as ipv6 from './stack/wire/ipv6.ts';
export * as mld from './stack/wire/mld.ts';
export * as nd from './stack/wire/nd.ts';
export * as ndOptions from './stack/wire/nd-options.ts';
export * as tcp from './stack/wire/tcp.ts';
export * as tcpOptions from './stack/wire/tcp-options.ts';
export * as udp from './stack/wire/udp.ts';
export * as virtio from './stack/wire/virtio.ts';
