/**
 * A packet whose next hop does not answer: who sent it is told that the host is unreachable, by ICMP where
 * that was somebody else, and without a packet where it was us. RFC 1122 §2.3.2.2, §3.2.2.1; RFC 1812
 * §4.3.3.1.
 * @module
 */
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { Interface } from '../interface.ts';
import type { IcmpError, InternetLayer, Protocol } from '../ip.ts';
import { Packet } from '../packet.ts';

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly protocols: readonly (Protocol | undefined)[];
}

/** Tell whoever sent the packet of `length` bytes at `ip`, which was to leave by `iface`. Takes its slot. */
export function reportUnresolved(net: Host, iface: Interface, ip: number, length: number): void {
  const v = net.slots.view;
  const source = ipv4.source(v, ip);
  if (net.isOurs(source)) tellProtocol(net, ip, length);
  else {
    const packet = new Packet();
    packet.iface = iface;
    packet.at = ip;
    packet.readDeviceHeader(v, iface);
    packet.read(v);
    net.errors.unreachable(packet, icmp.Code.HOST);
  }
  net.slots.release(net.slots.slotOf(ip));
}

function tellProtocol(net: Host, ip: number, length: number): Drop {
  const v = net.slots.view;
  if (ipv4.fragmentOffset(v, ip) !== 0) return Drop.ICMP_NO_MATCH;
  const protocol = net.protocols[ipv4.protocol(v, ip)];
  const headerLen = ipv4.headerLen(v, ip);
  const error: IcmpError = {
    type: icmp.Type.UNREACHABLE,
    code: icmp.Code.HOST,
    failure: Failure.HOST_UNREACHABLE,
    hard: false,
    lasting: false,
    mtu: 0,
    reporter: ipv4.source(v, ip),
    source: ipv4.source(v, ip),
    destination: ipv4.destination(v, ip),
    body: ip + headerLen,
    bodyLength: length - headerLen,
  };
  return protocol?.error(error) ?? Drop.ICMP_NO_MATCH;
}
