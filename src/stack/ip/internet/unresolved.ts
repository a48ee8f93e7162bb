/**
 * A packet whose next hop does not answer: who sent it is told that the host is unreachable, by ICMP where
 * that was somebody else, and without a packet where it was us. RFC 1122 §2.3.2.2, §3.2.2.1; RFC 1812
 * §4.3.3.1; RFC 4861 §7.2.2.
 * @module
 */
import { Drop } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import type { Interface } from '../interface.ts';
import type { IcmpError, InternetLayer, Protocol } from '../ip.ts';
import { Packet } from '../packet.ts';

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly protocols: readonly (Protocol | undefined)[];
  readonly protocols6: readonly (Protocol | undefined)[];
}

/** Tell whoever sent the packet at `ip`, which was to leave by `iface`. Takes its slot. */
export function reportUnresolved(net: Host, iface: Interface, ip: number): void {
  const v = net.slots.view;
  const packet = new Packet();
  packet.iface = iface;
  packet.at = ip;
  packet.readDeviceHeader(v, iface);
  packet.read(v);
  if (net.isOurs(packet.source)) tellProtocol(net, packet);
  else net.errors.unreachable(packet, icmp.Code.HOST);
  net.slots.release(net.slots.slotOf(ip));
}

function tellProtocol(net: Host, packet: Packet): Drop {
  if (packet.fragmentOffset !== 0) return Drop.ICMP_NO_MATCH;
  const { ipv6, source, destination, body, bodyLength } = packet;
  const protocols = ipv6 ? net.protocols6 : net.protocols;
  const error: IcmpError = {
    type: ipv6 ? icmp6.Type.UNREACHABLE : icmp.Type.UNREACHABLE,
    code: ipv6 ? icmp6.Code.ADDRESS : icmp.Code.HOST,
    failure: Failure.HOST_UNREACHABLE,
    hard: false,
    lasting: false,
    mtu: 0,
    reporter: source,
    source,
    destination,
    body,
    bodyLength,
  };
  return protocols[packet.protocol]?.error(error) ?? Drop.ICMP_NO_MATCH;
}
