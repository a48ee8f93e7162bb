/**
 * One line for a packet, much as tcpdump prints it: for people, traces and failing tests.
 *
 * It takes any bytes whatever and never throws; it allocates, and is not for the hot path.
 * @module
 */
import { formatOctets } from '../base/address-text.ts';
import * as extension from './extension.ts';
import * as icmp from './icmp.ts';
import * as icmp6 from './icmp6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { Protocol } from './protocol.ts';
import * as tcp from './tcp.ts';
import * as options from './tcp-options.ts';
import * as udp from './udp.ts';

const FLAG_LETTERS = 'FSRP.UEW'; // from bit 0 on, as tcpdump has them

/** What lies in the `len` bytes at `at`, an IP packet or not. */
export function describe(v: DataView, at: number, len: number): string {
  const room = Math.max(0, Math.min(len, v.byteLength - at));
  if (room === 0) return 'no packet';
  const version = ipv4.version(v, at);
  if (version === ipv6.VERSION) return describe6(v, at, room);
  if (version !== ipv4.VERSION) return `IP version ${version}, ${room} bytes`;
  if (!ipv4.valid(v, at, room)) return `malformed IPv4, ${room} bytes`;
  const protocol = ipv4.protocol(v, at);
  const header = ipv4.headerLen(v, at);
  const length = ipv4.totalLen(v, at) - header;
  if (ipv4.isFragment(v, at)) return `${hosts(v, at)}: ${fragment(v, at, protocol, length)}`;
  switch (protocol) {
    case Protocol.TCP:
      return describeTcp(v, at, at + header, length);
    case Protocol.UDP:
      return describeUdp(v, at, at + header, length);
    case Protocol.ICMP:
      return `${hosts(v, at)}: ICMP ${describeIcmp(v, at + header, length)}`;
    default:
      return `${hosts(v, at)}: ${protocolName(protocol)} len ${length}`;
  }
}

/** A packet of IPv6, past its extension headers: as far as they hold together. */
function describe6(v: DataView, at: number, room: number): string {
  if (!ipv6.valid(v, at, room)) return `malformed IPv6, ${room} bytes`;
  const end = at + ipv6.totalLen(v, at);
  const chain = new extension.Chain();
  const found = extension.walk(v, at, end, chain);
  if (found === extension.Found.FRAGMENT) {
    return `${hosts(v, at)}: ${fragment6(v, chain.fragment, end)}`;
  }
  if (found !== extension.Found.UPPER) return `${hosts(v, at)}: ${BROKEN[found] ?? 'malformed'}`;
  const length = end - chain.body;
  switch (chain.next) {
    case Protocol.TCP:
      return describeTcp(v, at, chain.body, length);
    case Protocol.UDP:
      return describeUdp(v, at, chain.body, length);
    case Protocol.ICMPV6:
      return `${hosts(v, at)}: ICMPv6 ${describeIcmp6(v, chain.body, length)}`;
    case extension.Header.NONE:
      return `${hosts(v, at)}: no next header`;
    default:
      return `${hosts(v, at)}: ${protocolName(chain.next)} len ${length}`;
  }
}

/** Why a chain of extension headers is not walked to its end. */
const BROKEN: Readonly<Record<number, string>> = {
  [extension.Found.MALFORMED]: 'malformed extension header',
  [extension.Found.LIMIT]: 'too many extension headers or options',
  [extension.Found.REFUSED]: 'an unknown option that asks to be dropped',
  [extension.Found.PROBLEM]: 'an extension header or option that is not known',
};

function fragment6(v: DataView, at: number, end: number): string {
  const more = extension.moreFragments(v, at) ? ' more' : ' last';
  const id = extension.identification(v, at) >>> 0;
  const where = `id ${id} offset ${extension.fragmentOffset(v, at)}`;
  const length = end - at - extension.FRAGMENT_LEN;
  return `${protocolName(extension.nextHeader(v, at))} fragment ${where} len ${length}${more}`;
}

function describeIcmp6(v: DataView, at: number, len: number): string {
  if (!icmp6.valid(v, at, len)) return `malformed, ${len} bytes`;
  const type = icmp6.type(v, at);
  const code = icmp6.code(v, at);
  const text = len - icmp6.MIN_LEN;
  if (icmp6.isQuery(type)) {
    const what = type === icmp6.Type.ECHO ? 'echo' : 'echo reply';
    return `${what} id ${icmp6.id(v, at)} seq ${icmp6.seq(v, at)} len ${text}`;
  }
  const name = `${wordFor(icmp6.Type, type) ?? `type ${type}`} ${codeName6(type, code)}`;
  if (!icmp6.isError(type)) return `${name} len ${text}`;
  const mtu = type === icmp6.Type.PACKET_TOO_BIG ? ` mtu ${icmp6.mtu(v, at)}` : '';
  return `${name}${mtu} ${describeQuote(v, icmp6.quotedAt(at), text)}`;
}

function codeName6(type: number, code: number): string {
  const tables: Readonly<Record<number, Readonly<Record<string, number>>>> = {
    [icmp6.Type.UNREACHABLE]: icmp6.Code,
    [icmp6.Type.TIME_EXCEEDED]: icmp6.TimeExceeded,
    [icmp6.Type.PARAMETER_PROBLEM]: icmp6.Problem,
  };
  return wordFor(tables[type] ?? {}, code) ?? `code ${code}`;
}

/** The two addresses of a header of either version, as text: read from the octets, whatever they are. */
function addresses(v: DataView, ip: number): readonly [source: string, destination: string] {
  const octets = new Uint8Array(v.buffer, v.byteOffset + ip, v.byteLength - ip);
  if (ipv4.version(v, ip) === ipv6.VERSION) {
    return [formatOctets(octets, ipv6.SOURCE_AT), formatOctets(octets, ipv6.DESTINATION_AT)];
  }
  return [octets.subarray(12, 16).join('.'), octets.subarray(16, 20).join('.')];
}

const hosts = (v: DataView, ip: number): string => addresses(v, ip).join(' > ');

/** With the ports, which stand at the same place in every transport that has them. */
function ends(v: DataView, ip: number, at: number): string {
  const [source, destination] = addresses(v, ip);
  return `${source}.${udp.srcPort(v, at)} > ${destination}.${udp.dstPort(v, at)}`;
}

function fragment(v: DataView, ip: number, protocol: number, length: number): string {
  const more = ipv4.moreFragments(v, ip) ? ' more' : ' last';
  const where = `id ${ipv4.id(v, ip)} offset ${ipv4.fragmentOffset(v, ip)}`;
  return `${protocolName(protocol)} fragment ${where} len ${length}${more}`;
}

function describeTcp(v: DataView, ip: number, at: number, len: number): string {
  if (!tcp.valid(v, at, len)) return `${hosts(v, ip)}: TCP malformed, ${len} bytes`;
  const flags = tcp.flags(v, at);
  const header = tcp.headerLen(v, at);
  const parts = [`TCP ${flagLetters(flags)} seq ${tcp.seq(v, at) >>> 0}`];
  if (flags & tcp.Flag.ACK) parts.push(`ack ${tcp.ack(v, at) >>> 0}`);
  parts.push(`win ${tcp.window(v, at)}`);
  if (flags & tcp.Flag.URG) parts.push(`urg ${tcp.urgent(v, at)}`);
  parts.push(`len ${len - header}`);
  if (header > tcp.MIN_LEN) {
    parts.push(`[${describeOptions(v, at + tcp.MIN_LEN, header - tcp.MIN_LEN)}]`);
  }
  return `${ends(v, ip, at)}: ${parts.join(' ')}`;
}

function flagLetters(flags: number): string {
  let letters = '';
  for (let bit = 0; bit < FLAG_LETTERS.length; bit++) {
    if (flags & (1 << bit)) letters += FLAG_LETTERS[bit];
  }
  return letters === '' ? 'none' : letters;
}

function describeOptions(v: DataView, at: number, len: number): string {
  const found = new options.Options();
  const whole = options.read(v, at, len, found);
  const parts: string[] = [];
  if (found.mss > 0) parts.push(`mss ${found.mss}`);
  if (found.windowScale >= 0) parts.push(`ws ${found.windowScale}`);
  if (found.sackPermitted) parts.push('sackOK');
  if (found.hasTimestamps) parts.push(`ts ${found.tsVal >>> 0}/${found.tsEcr >>> 0}`);
  for (let i = 0; i < found.sackCount; i++) {
    const left = found.sackLeft[i] as number; // sackCount is at most their length
    const right = found.sackRight[i] as number;
    parts.push(`sack ${left >>> 0}-${right >>> 0}`);
  }
  if (!whole) parts.push('malformed');
  return parts.join(' ');
}

function describeUdp(v: DataView, ip: number, at: number, len: number): string {
  if (!udp.valid(v, at, len)) return `${hosts(v, ip)}: UDP malformed, ${len} bytes`;
  return `${ends(v, ip, at)}: UDP len ${udp.length(v, at) - udp.HEADER_LEN}`;
}

function describeIcmp(v: DataView, at: number, len: number): string {
  if (!icmp.valid(v, at, len)) return `malformed, ${len} bytes`;
  const type = icmp.type(v, at);
  const code = icmp.code(v, at);
  if (type === icmp.Type.ECHO || type === icmp.Type.ECHO_REPLY) {
    const what = type === icmp.Type.ECHO ? 'echo' : 'echo reply';
    return `${what} id ${icmp.id(v, at)} seq ${icmp.seq(v, at)} len ${len - icmp.MIN_LEN}`;
  }
  const name = `${wordFor(icmp.Type, type) ?? `type ${type}`} ${codeName(type, code)}`;
  if (!icmp.isError(type)) return `${name} len ${len - icmp.MIN_LEN}`;
  const needed = type === icmp.Type.UNREACHABLE && code === icmp.Code.FRAGMENTATION_NEEDED;
  const mtu = needed ? ` mtu ${icmp.mtu(v, at)}` : '';
  return `${name}${mtu} ${describeQuote(v, icmp.quotedAt(at), len - icmp.MIN_LEN)}`;
}

/** The packet that an error is about, of which perhaps only the beginning is here. */
function describeQuote(v: DataView, at: number, len: number): string {
  if (len >= ipv6.HEADER_LEN && ipv4.version(v, at) === ipv6.VERSION) {
    const chain = new extension.Chain();
    const found = extension.walk(v, at, at + len, chain);
    const known = found === extension.Found.UPPER && chain.body + 4 <= at + len;
    const ported = known && (chain.next === Protocol.TCP || chain.next === Protocol.UDP);
    const between = ported ? ends(v, at, chain.body) : hosts(v, at);
    return `(about ${between} ${protocolName(chain.next)})`;
  }
  if (len < ipv4.MIN_LEN || ipv4.version(v, at) !== ipv4.VERSION) return '(about nothing readable)';
  const protocol = ipv4.protocol(v, at);
  const header = ipv4.headerLen(v, at);
  const ported = protocol === Protocol.TCP || protocol === Protocol.UDP;
  const between =
    ported && header >= ipv4.MIN_LEN && header + 4 <= len ? ends(v, at, at + header) : hosts(v, at);
  return `(about ${between} ${protocolName(protocol)})`;
}

const protocolName = (protocol: number): string =>
  wordFor(Protocol, protocol)?.toUpperCase() ?? `protocol ${protocol}`;

function codeName(type: number, code: number): string {
  const table =
    type === icmp.Type.UNREACHABLE
      ? icmp.Code
      : type === icmp.Type.TIME_EXCEEDED
        ? icmp.TimeExceeded
        : {};
  return wordFor(table, code) ?? `code ${code}`;
}

/** The key of `value` in a table of constants, in words. */
function wordFor(table: Readonly<Record<string, number>>, value: number): string | undefined {
  const found = Object.entries(table).find(([, number]) => number === value);
  return found?.[0].toLowerCase().replaceAll('_', ' ');
}
