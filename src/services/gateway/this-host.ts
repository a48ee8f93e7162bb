/**
 * The addresses that lead to this host itself, as the kernel routes them: those of all its interfaces, and
 * whatever else its tables call local.
 *
 * `os.networkInterfaces()` leaves out interfaces without a carrier (an idle bridge of containers, say),
 * whose addresses can be reached all the same; `/proc/net/fib_trie` and `/proc/net/ipv6_route` have them.
 * @module
 */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type Block, blockOf, blockOfOne } from '../block.ts';

/** How long what was read is believed, in ms. */
const FRESH = 1000;
/** A router with the whole of the Internet's routes: reading them every second would be all it does. */
const LONGEST_TABLE = 4 << 20;
const TABLE = '/proc/self/net/fib_trie';
const TABLE6 = '/proc/self/net/ipv6_route';
/** Flags of a route of IPv6: to this host, or to all routers of a link, which this host may be. linux/ipv6_route.h */
const RTF_LOCAL_OR_ANYCAST = 0x8010_0000;

/** What a table says is local: below each address, a line for each of its prefixes. */
export function localBlocks(table: string): Block[] {
  const found = new Map<string, Block>();
  let address = '';
  for (const line of table.split('\n')) {
    address = /\|-- (\S+)$/.exec(line)?.[1] ?? address;
    const [, bits] = /^\s*\/(\d+) \S+ LOCAL$/.exec(line) ?? [];
    if (bits === undefined) continue;
    const block = blockOf(address, Number(bits));
    // The table stands in there twice where no rule sets its halves apart.
    if (block) found.set(`${address}/${bits}`, block);
  }
  return [...found.values()];
}

/** The same of IPv6: a line for each route, its destination and prefix in front, flags and interface at the end. */
export function localBlocks6(table: string): Block[] {
  const found = new Map<string, Block>();
  for (const line of table.split('\n')) {
    const [digits = '', bits = '', , , , , , , flags = ''] = line.split(/\s+/);
    if ((Number.parseInt(flags, 16) & RTF_LOCAL_OR_ANYCAST) === 0) continue;
    const address = digits.replace(/(.{4})(?!$)/g, '$1:');
    const block = blockOf(address, Number.parseInt(bits, 16));
    if (block) found.set(`${digits}/${bits}`, block);
  }
  return [...found.values()];
}

function readTable(path: string, read: (table: string) => Block[]): Block[] {
  try {
    const table = readFileSync(path, 'latin1');
    return table.length > LONGEST_TABLE ? [] : read(table);
  } catch {
    return []; // not Linux, no /proc, or no IPv6
  }
}

function readAll(): Block[] {
  const listed = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .map(({ address }) => blockOfOne('address', address));
  return [...listed, ...readTable(TABLE, localBlocks), ...readTable(TABLE6, localBlocks6)];
}

/** What leads to this host now, read anew when it is asked for after a second. */
export function makeThisHost(
  read: () => readonly Block[] = readAll,
  now: () => number = () => performance.now(),
): () => readonly Block[] {
  let blocks: readonly Block[] = [];
  let until = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() >= until) {
      blocks = read();
      until = now() + FRESH;
    }
    return blocks;
  };
}
