/**
 * The options that every command with a TUN shares.
 * @module
 */
import { type Command, InvalidArgumentError } from 'commander';
import ipaddr from 'ipaddr.js';
import {
  asBits,
  asText,
  numberFrom,
  parseAddress,
  parseAddress6,
  parseCidr6,
  parseCidrOrNone,
  parseName,
} from './values.ts';

/** What every command needs that has a TUN of its own. */
export interface TunOptions {
  /** The device's name; undefined lets the kernel choose. */
  readonly tun: string | undefined;
  /** It is a TAP, which carries frames. */
  readonly tap?: true;
  /** The kernel's address on the TUN, with its prefix, and ours in it; undefined: none of IPv4. */
  readonly hostAddress: string | undefined;
  readonly address: string | undefined;
  /** The same of IPv6, the kernel's with its prefix; undefined: none. */
  readonly hostAddress6: string | undefined;
  readonly address6: string | undefined;
  /** Nobody asked for those: where the kernel has no IPv6, there will be none. */
  readonly isDefault6: boolean;
  /** How many bits of prefix those of IPv4 share. */
  readonly prefix: number;
  /** Nobody asked for these addresses: where another device has them, others will do. */
  readonly isDefaultPlace: boolean;
  /** The router for what is elsewhere; false: none; undefined: the kernel. */
  readonly gateway: string | false | undefined;
  readonly mtu: number;
  /** Checksums and segmentation by the kernel: wanted, not wanted, or where it has them. */
  readonly offload: boolean | 'auto';
  /** Where to write what passes. */
  readonly pcap: string | undefined;
  readonly json: boolean;
}

const DEFAULT_HOST_ADDRESS = '10.83.0.1/24';
const DEFAULT_HOST_ADDRESS6 = 'fd83::1/64';
const SMALLEST_MTU = 68; // RFC 791: every link carries 68 bytes whole
const LARGEST_MTU = 65_535;
const LEAST_MTU6 = 1280; // RFC 8200: IPv6 is on no link that carries less

/** The address next to the kernel's: the one above, or the one below at the prefix's end. */
function neighbour(host: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  const last = host - (host % size) + size - 1;
  const highest = prefix === 31 ? last : last - 1; // RFC 3021: a /31 has no broadcast address
  return host < highest ? host + 1 : host - 1;
}

/** What commander has read, under its names. */
export interface Read {
  tun?: string;
  tap?: string;
  hostAddress?: string | false;
  address?: string;
  hostAddress6?: string | false;
  address6?: string;
  gateway?: string | false;
  mtu: number;
  offload?: boolean;
  pcap?: string;
  json?: true;
}

/** Fill in what follows from the rest, and check what only the whole can tell. */
export function tunOptions(read: Read): TunOptions {
  const { tap, gateway, mtu, offload = 'auto', pcap, json = false } = read;
  if (tap !== undefined && read.tun !== undefined) {
    throw new InvalidArgumentError("option '--tap' and option '--tun' name two devices: give one.");
  }
  const place = readIPv4(read);
  const isDefaultPlace = (read.hostAddress ?? read.address ?? gateway) === undefined;
  const six = readIPv6(read, isDefaultPlace || read.hostAddress === false);
  if (place.address === undefined && six.address6 === undefined) {
    throw new InvalidArgumentError(
      "option '--host-address' argument 'none' is invalid. It leaves no address: give one by --host-address6.",
    );
  }
  const device = { tun: tap ?? read.tun, ...(tap !== undefined && { tap: true as const }) };
  return { ...device, ...place, isDefaultPlace, gateway, ...six, mtu, offload, pcap, json };
}

/** The addresses of IPv4; none, where that was asked for. */
function readIPv4(read: Read): Pick<TunOptions, 'hostAddress' | 'address' | 'prefix'> {
  const { hostAddress = DEFAULT_HOST_ADDRESS } = read;
  if (hostAddress === false) {
    const name = typeof read.gateway === 'string' ? 'gateway' : 'address';
    const text = read.address ?? (read.gateway || undefined);
    if (text !== undefined) {
      throw new InvalidArgumentError(
        `option '--${name}' argument '${text}' is invalid. It is of IPv4, and there is none: see --host-address.`,
      );
    }
    return { hostAddress: undefined, address: undefined, prefix: 0 };
  }
  const [host = '', bits = ''] = hostAddress.split('/');
  const prefix = Number(bits);
  const size = 2 ** (32 - prefix);
  const base = asBits(host) - (asBits(host) % size);
  const isEdge = (address: number): boolean =>
    prefix < 31 && (address === base || address === base + size - 1);
  if (isEdge(asBits(host))) {
    throw new InvalidArgumentError(
      `option '--host-address' argument '${hostAddress}' is invalid. ` +
        `It is the network's own or its broadcast address; take ${asText(base + 1)}/${prefix}.`,
    );
  }
  const address = read.address ?? asText(neighbour(asBits(host), prefix));
  const ours = asBits(address);
  const wrong = (why: string): InvalidArgumentError =>
    new InvalidArgumentError(`option '--address' argument '${address}' is invalid. ${why}`);
  if (ours === asBits(host)) throw wrong("It is the kernel's, see --host-address.");
  if (ours - (ours % size) !== base) {
    throw wrong(`It is outside ${asText(base)}/${prefix}, see --host-address.`);
  }
  if (isEdge(ours)) throw wrong("It is the network's own or its broadcast address.");
  return { hostAddress, address, prefix };
}

/** The addresses of IPv6: asked for, or those that go with the default ones of IPv4, which are for who names none. */
function readIPv6(
  read: Read,
  isDefaultPlace: boolean,
): Pick<TunOptions, 'hostAddress6' | 'address6' | 'isDefault6'> {
  const { hostAddress6: given, address6 } = read;
  const isDefault6 = given === undefined && address6 === undefined;
  const isWished = isDefaultPlace && read.mtu >= LEAST_MTU6;
  if (given === false || (isDefault6 && !isWished)) {
    return { hostAddress6: undefined, address6: undefined, isDefault6 };
  }
  const hostAddress6 = given ?? DEFAULT_HOST_ADDRESS6;
  const [host = '', bits = ''] = hostAddress6.split('/');
  const ours = address6 ?? neighbour6(host);
  const wrong = (why: string): InvalidArgumentError =>
    new InvalidArgumentError(`option '--address6' argument '${ours}' is invalid. ${why}`);
  const [kernel, own] = [ipaddr.IPv6.parse(host), ipaddr.IPv6.parse(ours)];
  if (kernel.toNormalizedString() === own.toNormalizedString()) {
    throw wrong("It is the kernel's, see --host-address6.");
  }
  if (!own.match(kernel, Number(bits))) {
    throw wrong(`It is outside ${hostAddress6}, see --host-address6.`);
  }
  return { hostAddress6, address6: ours, isDefault6 };
}

/** The address next to the kernel's: the last bit but one is another, so that it stays in every prefix. */
function neighbour6(host: string): string {
  const octets = ipaddr.IPv6.parse(host).toByteArray();
  octets[15] = (octets[15] as number) ^ 3; // 16 octets
  return new ipaddr.IPv6(octets).toString();
}

const parseGateway = (text: string): string | false => text !== 'none' && parseAddress(text);

/** Add what commands have that reach hosts beyond the kernel. */
export function withGateway(command: Command): Command {
  return command.option(
    '--gateway <ip>',
    'the router for what is elsewhere, or none (default: the kernel)',
    parseGateway,
  );
}

/** The options that every command with a TUN shares. */
export function withTun(command: Command): Command {
  return command
    .option('--tun <name>', "the device's name (default: the kernel names it)", parseName)
    .option('--tap <name>', 'a TAP of this name instead: frames, with ARP', parseName)
    .option(
      '--host-address <cidr>',
      `the kernel's address, or none: IPv6 alone (default: ${DEFAULT_HOST_ADDRESS}, or the next network that is free)`,
      parseCidrOrNone,
    )
    .option(
      '--address <ip>',
      "the stack's address (default: the kernel's plus 1: 10.83.0.2)",
      parseAddress,
    )
    .option(
      '--host-address6 <cidr>',
      `the kernel's address of IPv6, or none (default: ${DEFAULT_HOST_ADDRESS6}, beside the default of IPv4)`,
      parseCidr6,
    )
    .option('--address6 <ip>', "the stack's address of IPv6 (default: fd83::2)", parseAddress6)
    .option(
      '--mtu <bytes>',
      'the longest packet',
      (text) => numberFrom(text, SMALLEST_MTU, LARGEST_MTU, true),
      1500,
    )
    .option('--offload', 'let the kernel cut and sum segments, or fail (default: where it can)')
    .option('--no-offload', 'cut and sum them here')
    .option('--pcap <file>', 'write what passes to this file, for Wireshark')
    .option('--json', 'say everything as JSON, one object a line');
}
