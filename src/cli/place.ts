/**
 * Whose networks are in use on this host, so that a command neither takes one that another device has nor
 * leaves people without a reason: two devices with one network, and every packet goes to the first.
 *
 * `/proc/net/route`: a line for each route of the main table, addresses in the machine's own byte order.
 * @module
 */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import type { TunOptions } from './options-tun.ts';
import { asBits, asText } from './values.ts';

/** A route of the kernel's. */
export interface KernelRoute {
  readonly device: string;
  readonly first: number;
  readonly bits: number;
}

const TABLE = '/proc/net/route';
const LITTLE = endianness() === 'LE';

function fromHex(hex: string): number {
  const bytes = Buffer.from(hex, 'hex');
  return LITTLE ? bytes.readUInt32LE() : bytes.readUInt32BE();
}

const onesIn = (mask: number): number => mask.toString(2).replaceAll('0', '').length;

/** The routes in the text of the table; of what is no such text none. */
export function readRoutes(table: string): KernelRoute[] {
  return table.split('\n').flatMap((line) => {
    const [device = '', destination = '', , , , , , mask = ''] = line.trim().split(/\s+/);
    if (!/^[\dA-F]{8}$/i.test(destination) || !/^[\dA-F]{8}$/i.test(mask)) return [];
    return [{ device, first: fromHex(destination), bits: onesIn(fromHex(mask)) }];
  });
}

function kernelRoutes(): KernelRoute[] {
  try {
    return readRoutes(readFileSync(TABLE, 'latin1'));
  } catch {
    return []; // not Linux, or no /proc: then nobody can tell
  }
}

const sizeOf = (bits: number): number => 2 ** (32 - bits);

/**
 * The route that takes what is for `address` away from a device of ours with a network of `prefix` bits:
 * one that is as narrow, of another device than `ours`.
 */
export function takenBy(
  routes: readonly KernelRoute[],
  address: string,
  prefix: number,
  ours: string | undefined,
): KernelRoute | undefined {
  const bits = asBits(address);
  return routes.find(
    (route) =>
      route.device !== ours &&
      route.bits >= prefix &&
      bits >= route.first &&
      bits < route.first + sizeOf(route.bits),
  );
}

/** Networks after the default one that are tried in turn. */
const TRIES = 255;

/** Where a command is to be: what it was told, or the next network that is free where it was told nothing. */
export interface Place {
  /** Of IPv4; undefined: none. */
  readonly hostAddress: string | undefined;
  readonly address: string | undefined;
  /** Of IPv6; undefined: none. */
  readonly hostAddress6?: string | undefined;
  readonly address6?: string | undefined;
  /** What people should know of the choice. */
  readonly note?: string;
}

/** Where to be. Throws where what was asked for is taken, with the device that has it and what to give. */
export function choosePlace(
  options: TunOptions,
  routes: readonly KernelRoute[] = kernelRoutes(),
): Place {
  const { hostAddress, address, prefix, tun, isDefaultPlace } = options;
  const { hostAddress6, address6 } = options;
  const asked = { hostAddress, address, hostAddress6, address6 };
  if (hostAddress === undefined || address === undefined) return asked;
  const taken = takenBy(routes, address, prefix, tun);
  if (!taken) return asked;
  const [host = ''] = hostAddress.split('/');
  const network = `${asText(taken.first)}/${taken.bits}`;
  for (let i = 1; i <= TRIES; i++) {
    const by = i * sizeOf(prefix);
    const last = asBits(host) - (asBits(host) % sizeOf(prefix)) + by + sizeOf(prefix) - 1;
    if (last >= 2 ** 32) break;
    const next = {
      hostAddress: `${asText(asBits(host) + by)}/${prefix}`,
      address: asText(asBits(address) + by),
    };
    if (takenBy(routes, next.address, prefix, tun)) continue;
    if (!isDefaultPlace) {
      throw new Error(
        `${taken.device} has ${network} already: give another network, such as --host-address ${next.hostAddress}`,
      );
    }
    const note = `${taken.device} has ${network} already, so this is on ${next.hostAddress}; --host-address chooses`;
    return { ...next, ...beside(options, i), note };
  }
  throw new Error(`${taken.device} has ${network} already: give another network by --host-address`);
}

/** The network of IPv6 that goes with the one after `i` others: fd83::/64 is followed by fd84::/64. */
function beside(options: TunOptions, i: number): Pick<Place, 'hostAddress6' | 'address6'> {
  const { hostAddress6, address6, isDefault6 } = options;
  if (!isDefault6) return { hostAddress6, address6 };
  const first = (0xfd83 + i).toString(16);
  return { hostAddress6: `${first}::1/64`, address6: `${first}::2` };
}

/** Why a host beyond the kernel does not answer, where that can be told: the kernel passes nothing on. */
export function whySilent(
  host: string,
  { address, prefix }: { readonly address: string | undefined; readonly prefix: number },
  read: () => string = () => readFileSync('/proc/sys/net/ipv4/ip_forward', 'latin1'),
): string | undefined {
  if (address === undefined || host.includes(':')) return undefined;
  const network = (text: string): number => Math.floor(asBits(text) / sizeOf(prefix));
  if (network(host) === network(address)) return undefined;
  try {
    if (read().trim() !== '0') return undefined;
  } catch {
    return undefined;
  }
  const way = 'sysctl -w net.ipv4.ip_forward=1, and let answers find back (a route, or NAT)';
  return `${host} is beyond this host, which does not forward: ${way}`;
}
