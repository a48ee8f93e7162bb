/**
 * How a network stands: what its status line, its last line and its API tell.
 * @module
 */
import type { DhcpLease, DhcpStats } from '../dhcp/server.ts';
import type { DnsStats } from '../dns/forwarder.ts';
import type { GatewayCounters } from '../gateway/gateway.ts';
import type { GuestDrops } from './guests.ts';
import type { Network } from './network.ts';
import type { Published } from './publish.ts';

/** A published port, and what it has carried. */
export interface PublishedLine {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly guest: string;
  readonly guestPort: number;
  readonly source: string;
  readonly flows: number;
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A port of the switch. */
export interface PortLine {
  readonly name: string;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queued: number;
  readonly stations: number;
  /** Stations that were not learned for want of room. */
  readonly notLearned: number;
  /** Frames that were dropped, by reason; those that there were. */
  readonly drops: Readonly<Record<string, number>>;
}

/** A lease, and what its holder has of IPv6, which it has made itself. */
export interface LeaseLine extends DhcpLease {
  /** The one that was heard last comes first; link-local ones are left out. */
  readonly addresses6: readonly string[];
}

/** All of it. */
export interface NetworkStatus {
  readonly leases: readonly LeaseLine[];
  readonly flows: GatewayCounters;
  readonly dhcp: DhcpStats;
  readonly dns: DnsStats;
  readonly guests: GuestDrops;
  readonly ports: readonly PortLine[];
  readonly published: readonly PublishedLine[];
  /** Packets that the gateway's stack dropped, by reason; those that there were. */
  readonly drops: Readonly<Record<string, number>>;
  /** Packets on the network that were not for the gateway, by reason; those that there were. */
  readonly ignored: Readonly<Record<string, number>>;
}

const some = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

/** What a published port has carried. */
export function publishedLine(published: Published): PublishedLine {
  const { options, port, flows, failed, bytesIn, bytesOut } = published;
  const { protocol = 'tcp', host = '127.0.0.1', guest, guestPort, source = 'gateway' } = options;
  return { protocol, host, port, guest, guestPort, source, flows, failed, bytesIn, bytesOut };
}

/** How it stands now. */
export function readStatus(network: Network): NetworkStatus {
  const { drops: dropped, ignored } = network.stack.stats();
  return {
    leases: network.dhcp.leases.map((lease) => ({
      ...lease,
      addresses6: network.guests.addresses6(lease.mac),
    })),
    flows: network.gateway.carried(),
    dhcp: network.dhcp.stats,
    dns: network.dns.stats,
    guests: { ...network.guests.drops },
    ports: network.switch.ports.map((port) => {
      const { drops, ...counts } = port.stats();
      return { name: port.name, ...counts, drops: some(drops) };
    }),
    published: network.published.map(publishedLine),
    drops: some(dropped),
    ignored: some(ignored),
  };
}
