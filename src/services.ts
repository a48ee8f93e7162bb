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
