/**
 * `struct sockaddr_in` and `sockaddr_in6`: an endpoint as the kernel has it. ip(7), ipv6(7).
 * @module
 */
import { networkInterfaces } from 'node:os';
import type { Endpoint } from '../endpoint.ts';
import { AF } from './system.ts';

/** In `sockaddr_in6`; the family (2) and the port (2) stand first in both. */
const At = { port: 2, four: 4, flow: 4, six: 8, scope: 24 } as const;
const IPV4_LENGTH = 16;
const IPV6_LENGTH = 28;

/** Write `to` at `at`; how long it is. */
export function putAddress(view: DataView, at: number, to: Endpoint): number {
  const { octets } = to;
  view.setUint16(at, to.family === 4 ? AF.INET : AF.INET6, true);
  view.setUint16(at + At.port, to.port);
  if (to.family === 4) {
    for (let i = 0; i < 4; i++) view.setUint8(at + At.four + i, octets[i] as number);
    return IPV4_LENGTH;
  }
  view.setUint32(at + At.flow, 0);
  for (let i = 0; i < 16; i++) view.setUint8(at + At.six + i, octets[i] as number);
  const zone = to.address.split('%')[1];
  view.setUint32(at + At.scope, zone === undefined ? 0 : scopeOf(zone), true);
  return IPV6_LENGTH;
}

/** The number of the interface that a zone names, RFC 4007 §11.2. */
function scopeOf(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  const addresses = networkInterfaces()[zone] ?? [];
  for (const address of addresses)
    if (address.family === 'IPv6' && address.scopeid) return address.scopeid;
  return 0;
}

/** The port in what stands at `at`. */
export const portAt = (view: DataView, at: number): number => view.getUint16(at + At.port);

/** The address in what stands at `at`, as Node writes it. */
export function addressAt(view: DataView, at: number): string {
  if (view.getUint16(at, true) === AF.INET) {
    const bits = view.getUint32(at + At.four);
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  }
  const words = Array.from({ length: 8 }, (_, i) =>
    view.getUint16(at + At.six + 2 * i).toString(16),
  );
  const scope = view.getUint32(at + At.scope, true);
  const bare = shorten(words);
  return scope === 0 || !bare.startsWith('fe80') ? bare : `${bare}%${zoneOf(scope)}`;
}

/** RFC 5952 §4.2: the longest run of two zeros or more is left out, the first of equals. */
function shorten(words: readonly string[]): string {
  let best = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && words[i + run] === '0') run++;
    if (run > longest) {
      longest = run;
      best = i;
    }
  }
  if (best < 0) return words.join(':');
  return `${words.slice(0, best).join(':')}::${words.slice(best + longest).join(':')}`;
}

function zoneOf(scope: number): string {
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (addresses.some((address) => address.family === 'IPv6' && address.scopeid === scope)) {
      return name;
    }
  }
  return `${scope}`;
}

/** A key of what stands at `at`: equal for equal places. False: it is another than `key` holds, which now holds it. */
export function isKnown(view: DataView, at: number, key: Int32Array): boolean {
  let same = true;
  const words = view.getUint16(at, true) === AF.INET ? 2 : 7;
  for (let i = 0; i < words; i++) {
    const word = view.getInt32(at + 4 * i, true);
    if (key[i] !== word) same = false;
    key[i] = word;
  }
  return same;
}
