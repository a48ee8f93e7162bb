/**
 * Asking the guests' link who has an address, so that its holder says so: ARP (RFC 826, RFC 5227 §2.1), or a
 * neighbour solicitation as of one who wants to have it (RFC 4861 §4.3, RFC 6620 §3.2.3).
 * @module
 */
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Stack } from '../../index.ts';

const SOLICITATION = 135;
const HOP_LIMIT = 255;
const SOURCE_LINK = 1;

/** Ask, and do not wait: an answer is a frame as any other. */
export function askWhose(stack: Stack, address: string): void {
  if (isIPv4(address)) {
    stack.probe(address).catch(() => {}); // many are asked for: later, then
    return;
  }
  const target = ipaddr.IPv6.parse(address).toByteArray();
  const mac = stack.hardwareAddress() ?? '';
  const own = stack.addresses.find((one) => /^fe[89ab]/i.test(one)) ?? '';
  const [, device = ''] = own.split('%');
  const option = [SOURCE_LINK, 1, ...mac.split(':').map((octet) => Number.parseInt(octet, 16))];
  // RFC 4291 §2.7.1: the group of all whose addresses end so.
  const group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...target.slice(13)];
  const to = `${ipaddr.fromByteArray(group).toString()}%${device}`;
  const data = Uint8Array.from([...target, ...option]);
  try {
    stack.icmp6.send({ type: SOLICITATION, data }, to, { source: own, ttl: HOP_LIMIT });
  } catch {
    // The device is going, or full: it is asked again when it is claimed again.
  }
}
