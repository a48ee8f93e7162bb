/**
 * What is played against a stack: the scans of nmap, and the floods of hping3. Nothing here has an
 * address that is not the stack's, the kernel's next to it, or made up inside of the namespace.
 * @module
 */

/** A program that is run against the stack at `address`. */
export interface Storm {
  /** As the table has it; short. */
  readonly name: string;
  /** What it is there to show. */
  readonly about: string;
  readonly words: readonly string[];
  /** How long it may take; a flood is stopped then, a scan has failed. Seconds. */
  readonly seconds: number;
  readonly isFlood: boolean;
  /** It says a line when it is ready, and begins by SIGUSR1. */
  readonly prepares?: true;
  /** Says what is wrong with what a scan has found; '' if nothing is. */
  judge(output: string): string;
}

/** The TCP ports that `tunstack serve` listens on. */
export const OPEN: readonly string[] = ['7', '9', '13', '19', '80'];
/** Of the UDP services echo, daytime and chargen answer anything; discard never does. */
const SCAN_SECONDS = 60;
const NMAP = ['nmap', '-n', '-Pn', '-T4', '--max-retries', '1'];
/** hping3 stops by itself after so many packets, should nobody stop it. */
const MOST_PACKETS = '50000000';
/** Of the network on the TUN, and nobody's: what is sent there is lost in the kernel. */
const NOBODY = '10.83.0.99';

/** The ports that nmap calls open, from lines such as `7/tcp open echo`. */
function openPorts(output: string): string[] {
  return [...output.matchAll(/^(\d+)(?:\/\w+)?\s+open\s/gm)].map((match) => match[1] ?? '');
}

/** A judge who wants to see exactly these called open. */
export const finds =
  (...wanted: readonly string[]) =>
  (output: string): string => {
    const found = openPorts(output);
    return found.join() === wanted.join() ? '' : `found ${found.join()}, not ${wanted.join()}`;
  };

function scan(
  name: string,
  about: string,
  args: readonly string[],
  judge: (output: string) => string,
): Storm {
  return { name, about, words: [...NMAP, ...args], seconds: SCAN_SECONDS, isFlood: false, judge };
}

export function scans(address: string): Storm[] {
  return [
    scan(
      'nmap -sS',
      'SYN to all 65 535 ports, reset where one is open',
      ['-sS', '-p-', '--min-rate', '5000', address],
      finds(...OPEN),
    ),
    scan(
      'nmap -sT',
      'the kernel connects to 20 000 ports',
      ['-sT', '-p1-20000', address],
      finds(...OPEN),
    ),
    scan(
      'nmap -sU',
      'datagrams to 500 ports; unreachables are rationed to 100 a second for each host',
      ['-sU', '-p1-500', '--max-rate', '90', address],
      finds('7', '13', '19'),
    ),
    scan(
      'nmap -O',
      'odd segments, options and echoes, to tell the system',
      ['-O', '-p7,9,13,19,80,81', address],
      finds(...OPEN),
    ),
    scan(
      'nmap -sO',
      'each of the 256 protocols; unreachables are rationed',
      ['-sO', '--max-rate', '100', address],
      finds('1', '6', '17'),
    ),
  ];
}

export function floods(address: string, seconds: number): Storm[] {
  const flood = (name: string, about: string, ...args: readonly string[]): Storm => ({
    ...{ name, about, seconds, isFlood: true, judge: () => '' },
    words: ['hping3', '--flood', '-q', '-n', '-c', MOST_PACKETS, ...args, address],
  });
  return [
    flood(
      'SYN',
      'from a host that never answers: half-open ones, then cookies',
      ...[...['-S', '-p', '80', '-a', NOBODY]],
    ),
    flood('SYN, reset', 'from the kernel, which resets each answer', '-S', '-p', '80'),
    flood('SYN, any source', 'from random addresses', '-S', '-p', '80', '--rand-source'),
    flood('SYN, own address', 'from the address it goes to', '-S', '-p', '80', '-a', address),
    flood('ACK', 'to a listener; resets are rationed', '-A', '-p', '80', '-a', NOBODY),
    flood('xmas', 'FIN, PSH and URG to a closed port', '-F', '-P', '-U', '-p', '81'),
    flood('UDP, open port', '100 bytes to echo', '--udp', '-p', '7', '-d', '100', '-a', NOBODY),
    flood('UDP, closed port', 'unreachables are rationed', '--udp', '-p', '99'),
    flood('ICMP echo', '56 bytes, all answered', '--icmp', '-d', '56', '-a', NOBODY),
    flood('ICMP, any source', 'from random addresses', '--icmp', '-d', '56', '--rand-source'),
    flood('fragments', 'echoes of 4000 bytes in pieces', '--icmp', '-d', '4000', '-a', NOBODY),
    flood(
      'tiny fragments',
      'datagrams in pieces of 16 bytes',
      ...[...['--udp', '-p', '7', '-d', '200', '-f', '-a', NOBODY]],
    ),
    flood(
      'endless fragments',
      'beginnings without ends, from random addresses',
      ...[...['--udp', '-p', '7', '-d', '1000', '-x', '--rand-source']],
    ),
    flood('unknown protocol', 'protocol 99', '--rawip', '-H', '99', '-d', '64', '-a', NOBODY),
  ];
}
