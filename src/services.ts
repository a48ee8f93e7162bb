/**
 * `tunstack/services`: what guests of a network expect to find there, written on a stack's own `dgram`.
 * @module
 */
export {
  createDhcpServer,
  type DhcpLease,
  type DhcpServer,
  type DhcpServerOptions,
  type DhcpStats,
} from './services/dhcp/server.ts';
export {
  createDnsForwarder,
  type DnsAnswer,
  type DnsForwarder,
  type DnsForwarderOptions,
  type DnsQuestion,
  type DnsStats,
} from './services/dns/forwarder.ts';
export type { DnsZone, NamedGuest, Names } from './services/dns/names.ts';
