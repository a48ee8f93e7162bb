/**
 * The addresses that lead to this host itself, as the kernel routes them: those of all its interfaces, and
 * whatever else its tables call local.
 *
 * `os.networkInterfaces()` leaves out interfaces without a carrier (an idle bridge of containers, say),
 * whose addresses can be reached all the same; `/proc/net/fib_trie` has them.
 * @module
 */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import { asBits, type Range } from '../address.ts';

/** How long what was read is believed, in ms. */
const FRESH = 1000;
/** A router with the whole of the Internet's routes: reading them every second would be all it does. */
const LONGEST_TABLE = 4 << 20;
const TABLE = '/proc/self/net/fib_trie';

const one = (address: string): Range => ({ first: asBits(address), last: asBits(address) });

/** What a table says is local: below each address, a line for each of its prefixes. */
export function localRanges(table: string): Range[] {
  const found = new Map<string, Range>();
  let address = '';
  for (const line of table.split('\n')) {
    address = /\|-- (\S+)$/.exec(line)?.[1] ?? address;
    const [, bits] = /^\s*\/(\d+) \S+ LOCAL$/.exec(line) ?? [];
    if (bits === undefined) continue;
    const first = asBits(address);
    // The table stands in there twice where no rule sets its halves apart.
    found.set(`${address}/${bits}`, { first, last: first + 2 ** (32 - Number(bits)) - 1 });
  }
  return [...found.values()];
}

function readAll(): Range[] {
  const listed = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => one(address));
  try {
    const table = readFileSync(TABLE, 'latin1');
    return table.length > LONGEST_TABLE ? listed : [...listed, ...localRanges(table)];
  } catch {
    return listed; // not Linux, or no /proc
  }
}

/** What leads to this host now, read anew when it is asked for after a second. */
export function makeThisHost(
  read: () => readonly Range[] = readAll,
  now: () => number = () => performance.now(),
): () => readonly Range[] {
  let ranges: readonly Range[] = [];
  let until = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() >= until) {
      ranges = read();
      until = now() + FRESH;
    }
    return ranges;
  };
}
