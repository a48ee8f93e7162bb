/**
 * `tunstack/services`: what guests of a network expect to find there, written on a stack's own `dgram`.
 * @module
 */
export {
  createDhcpClient,
  type DhcpBinding,
  type DhcpClient,
  type DhcpClientOptions,
  type DhcpState,
} from './services/dhcp/client.ts';
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
export { createGateway, type GatewayOptions } from './services/gateway/create.ts';
export type { DatagramHandler, Datagrams, Dialer } from './services/gateway/dial.ts';
export type { Caller } from './services/gateway/exit.ts';
export type { Gateway, GatewayCounters } from './services/gateway/gateway.ts';
export type {
  FlowLine,
  FlowQuestion,
  FlowWatcher,
  Judge,
  Said,
  Verdict,
} from './services/gateway/judge.ts';
export { type Guest, parseRule, type Rule, sayRules } from './services/gateway/rules.ts';
export type { SocksProxy } from './services/gateway/socks5.ts';
export { Control, type ControlOptions } from './services/network/control.ts';
export type { GuestDrops, Guests } from './services/network/guests.ts';
export {
  createNetwork,
  type Network,
  type NetworkOptions,
} from './services/network/network.ts';
export type {
  Published as PublishedPort,
  PublishOptions as PublishPortOptions,
} from './services/network/publish.ts';
export type { NetworkRecorder } from './services/network/recorded.ts';
export {
  type LeaseLine,
  type NetworkStatus,
  type PortLine,
  type PublishedLine,
  readStatus,
} from './services/network/status.ts';
export type { AuditLine } from './services/policy/audit.ts';
export type { NameRefusal, Policy } from './services/policy/policy.ts';
export type { FlowRequest, OnFlow, PolicyOptions } from './services/policy/read.ts';
export type { NameBounds } from './services/policy/tunnel.ts';
export { Recorder } from './services/replay/recorder.ts';
export { type Replayed, replay } from './services/replay/replay.ts';
export {
  advertiseRouter,
  type RouterAdvertiser,
  type RouterAdvertiserOptions,
} from './services/router/advertiser.ts';
export {
  createDhcpv6Server,
  type Dhcpv6Options,
  type Dhcpv6Server,
} from './services/router/dhcpv6.ts';
export { resolveInside } from './services/socks/names.ts';
export { type Published, type PublishOptions, publish } from './services/socks/publish.ts';
export {
  createSocksServer,
  type SocksCounters,
  type SocksServer,
  type SocksServerOptions,
} from './services/socks/server.ts';
