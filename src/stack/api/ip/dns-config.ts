/**
 * What routers of IPv6 say of DNS, as a stack shows it. RFC 8106 §5.
 * @module
 */
import type { Core } from '../../stack.ts';
import { textOf } from '../door/text.ts';

/** Who knows names on the links of a stack. RFC 8106. */
export interface DnsConfig {
  /** Addresses of servers as RFC 5952 has them, the first heard of first; a link-local one with its device: `fe80::1%tap0`. */
  readonly servers: readonly string[];
  /** Domains to look names up in, `example.org`, the first heard of first. */
  readonly domains: readonly string[];
}

/** What holds at the moment. */
export function readDnsConfig({ ip }: Core): DnsConfig {
  const { servers, domains } = ip.discovery.autoconf.dns;
  return { servers: servers.map((server) => textOf(ip, server)), domains };
}
