/**
 * What is played against a stack on a link of IPv6: the scans of nmap, and floods that scapy makes, most of them of
 * what only IPv6 has. Nothing here has an address that is not the stack's, the kernel's next to it, or made up.
 * @module
 */
import { join } from 'node:path';
import { root } from '../support/root.ts';
import { finds, OPEN, type Storm } from './storms.ts';

/** Where the stack is, and who is beside it. */
export interface Link6 {
  readonly device: string;
  readonly address: string;
  readonly mac: string;
  /** The kernel's address there. */
  readonly peer: string;
}

const SCAN_SECONDS = 60;
const NMAP = ['nmap', '-6', '-n', '-Pn', '-T4', '--max-retries', '1'];
/** Debian's, which has its own scapy. */
const PYTHON = '/usr/bin/python3';
const FLOOD = join(root, 'test/siege/flood6.py');

export function scans6(address: string): Storm[] {
  const scan = (name: string, about: string, args: string[], ...open: string[]): Storm => ({
    ...{ name, about, seconds: SCAN_SECONDS, isFlood: false, judge: finds(...open) },
    words: [...NMAP, ...args, address],
  });
  return [
    scan('nmap -6 -sS', 'SYN to all 65 535 ports', ['-sS', '-p-', '--min-rate', '5000'], ...OPEN),
    scan('nmap -6 -sT', 'the kernel connects to 20 000 ports', ['-sT', '-p1-20000'], ...OPEN),
    scan(
      'nmap -6 -sU',
      'datagrams to 500 ports; unreachables are rationed',
      ['-sU', '-p1-500', '--max-rate', '400'],
      ...['7', '13', '19'],
    ),
    scan(
      'nmap -6 -O',
      'odd segments and echoes, to tell the system',
      ['-O', '-p7,9,13,19,80,81'],
      ...OPEN,
    ),
  ];
}

const FLOODS = [
  ['chain', 'extension headers', 'chains of up to 40, options that nobody knows, routing headers'],
  ['endless', 'IPv6, endless fragments', 'beginnings without ends, from made-up neighbours'],
  ['overlap', 'IPv6, overlapping fragments', 'pieces that lie on one another, and atomic ones'],
  ['router', 'false routers', '500, each with a prefix, a server of names and an MTU'],
  ['advertisement', 'neighbour advertisements', 'that nobody asked for, and claims to our address'],
  ['solicitation', 'neighbour solicitations', 'from 500 stations, all answered'],
  ['too-big', 'packet too big', 'about packets that were never sent, from 0 to 1600 bytes'],
  ['query', 'listener queries', 'of all groups and of single ones'],
  ['syn', 'IPv6, SYN of a whole /64', 'each answer wants a neighbour that is not there'],
  ['echo', 'IPv6, ICMP echo', '56 bytes, all answered'],
  [
    'closed',
    'IPv6, UDP, closed port',
    'half of them without a checksum; unreachables are rationed',
  ],
] as const;

export const floods6 = ({ device, address, mac, peer }: Link6, seconds: number): Storm[] =>
  FLOODS.map(([word, name, about]) => ({
    ...{ name, about, seconds, isFlood: true, prepares: true as const, judge: () => '' },
    words: [PYTHON, FLOOD, word, device, address, mac, peer],
  }));
