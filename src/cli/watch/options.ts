/**
 * The options of the commands that look at a running one, with the letters of those they are named after.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Target } from '../control/client.ts';
import { countOption, numberFrom } from '../values.ts';

export interface SsOptions extends Target {
  readonly tcp: boolean;
  readonly udp: boolean;
  readonly all: boolean;
  readonly listening: boolean;
  readonly info: boolean;
  readonly timers: boolean;
  readonly header: boolean;
  readonly json: boolean;
  readonly version: 4 | 6 | undefined;
  /** The words of `ss`'s own filter. */
  readonly filter: readonly string[];
}

export interface NstatOptions extends Target {
  readonly absolute: boolean;
  readonly zeros: boolean;
  readonly reset: boolean;
  /** Whether what was shown counts as seen. */
  readonly update: boolean;
  readonly json: boolean;
  readonly patterns: readonly string[];
}

export interface DumpOptions extends Target {
  /** In the language of tcpdump. */
  readonly filter: string;
  /** Packets, then it ends. */
  readonly count: number;
  /** A file to read, instead of a running command. */
  readonly read: string | undefined;
  /** A file to write, instead of lines; `-`: standard output. */
  readonly write: string | undefined;
}

export interface TopOptions extends Target {
  /** Seconds between rounds. */
  readonly interval: number;
  readonly rounds: number;
  readonly batch: boolean;
  readonly sort: Order;
}

/** What rows of `top` may be sorted by, and the key that asks for it. */
export const ORDERS = { rate: 'b', rtt: 'r', cwnd: 'w', retrans: 'x', queue: 's' } as const;
export type Order = keyof typeof ORDERS;

const MOST_PID = 2 ** 22;

/** Which running command is meant. */
function withTarget(command: Command): Command {
  return command
    .option('--pid <n>', 'the process that is meant (default: the only one)', (text) =>
      numberFrom(text, 1, MOST_PID, true),
    )
    .option('--control <path>', 'its control socket');
}

const target = ({ pid, control }: Target): Target => ({
  ...(pid !== undefined && { pid }),
  ...(control !== undefined && { control }),
});

interface SsRead extends Target {
  tcp?: true;
  udp?: true;
  all?: true;
  listening?: true;
  info?: true;
  options?: true;
  header: boolean;
  noHeader?: true;
  json?: true;
  ipv4?: true;
  ipv6?: true;
}

/** Add the command; `done` is given what was asked. */
export function withSs(command: Command, done: (options: SsOptions) => void): void {
  withTarget(command)
    .description('the sockets of a running tunstack, as ss shows them')
    .option('-t, --tcp', 'connections and listeners')
    .option('-u, --udp', 'UDP sockets')
    .option('-a, --all', 'those that listen or wait as well')
    .option('-l, --listening', 'only those that listen')
    .option('-i, --info', 'what is known of each connection')
    .option('-o, --options', 'timers')
    .option('-4, --ipv4', 'only IPv4')
    .option('-6, --ipv6', 'only IPv6')
    .option('-n, --numeric', 'as it always is: numbers for names')
    .option('-e, --extended', 'as -io')
    .option('-H, --no-header', 'without the first line')
    .option('-j, --json', 'as JSON')
    .argument('[filter...]', "state, exclude, src, dst, sport, dport: ss's own words")
    .action((filter: string[], read: SsRead & { extended?: true }) => {
      done({
        ...target(read),
        ...{ tcp: read.tcp === true, udp: read.udp === true, filter },
        ...{ all: read.all === true, listening: read.listening === true },
        info: read.info === true || read.extended === true,
        timers: read.options === true || read.extended === true,
        ...{ header: read.header, json: read.json === true },
        version: read.ipv4 ? 4 : read.ipv6 ? 6 : undefined,
      });
    });
}

interface NstatRead extends Target {
  ignoreHistory?: true;
  zeros?: true;
  reset?: true;
  update: boolean;
  json?: true;
}

export function withNstat(command: Command, done: (options: NstatOptions) => void): void {
  withTarget(command)
    .description('the counters of a running tunstack: what moved since it was last asked')
    .option('-a, --ignore-history', 'all that was counted, not only what is new')
    .option('-z, --zeros', 'those at 0 as well')
    .option('-r, --reset', 'as -a, and begin anew')
    .option('-s, --no-update', 'look without counting it as seen')
    .option('-j, --json', 'as JSON')
    .argument('[patterns...]', 'names, with * and ?')
    .action((patterns: string[], read: NstatRead) => {
      done({
        ...target(read),
        ...{ absolute: read.ignoreHistory === true, zeros: read.zeros === true },
        ...{ reset: read.reset === true, update: read.update, json: read.json === true, patterns },
      });
    });
}

interface DumpRead extends Target {
  count: number;
  read?: string;
  write?: string;
}

export function withDump(command: Command, done: (options: DumpOptions) => void): void {
  withTarget(command)
    .description('the packets of a running tunstack, one a line, as tcpdump prints them')
    .addOption(countOption('-c, --count <n>', 'stop after so many', 1e12))
    .option('-r, --read <file>', 'those of a pcap or pcapng file instead')
    .option('-w, --write <file>', 'write them to a pcapng file instead; - is standard output')
    .argument('[filter...]', 'tcp port 80 and not host 10.83.0.1')
    .action((words: string[], read: DumpRead) => {
      if (read.read !== undefined && read.write !== undefined) {
        throw new InvalidArgumentError("option '--read' and option '--write': give one.");
      }
      const { count, read: from, write } = read;
      done({ ...target(read), filter: words.join(' '), count, read: from, write });
    });
}

export function withCapture(command: Command, done: (options: DumpOptions) => void): void {
  withTarget(command)
    .description('write the packets of a running tunstack to a pcapng file, until it is stopped')
    .argument('<file>', 'a new file, or - for standard output: wireshark -k -i -')
    .argument('[filter...]', 'tcp port 80 and not host 10.83.0.1')
    .action((write: string, words: string[], read: Target) => {
      const filter = words.join(' ');
      done({ ...target(read), filter, write, read: undefined, count: Number.POSITIVE_INFINITY });
    });
}

interface TopRead extends Target {
  interval: number;
  iterations: number;
  batch?: true;
  sort: Order;
}

export function withTop(command: Command, done: (options: TopOptions) => void): void {
  const orders = Object.keys(ORDERS);
  const keys = Object.entries(ORDERS).map(([order, key]) => `${key} ${order}`);
  withTarget(command)
    .description('what passes through a running tunstack, live')
    .option(
      '-d, --interval <seconds>',
      'between two looks',
      (text) => numberFrom(text, 0.1, 3600, false),
      1,
    )
    .addOption(countOption('-n, --iterations <n>', 'looks, then it ends', 1e9))
    .option('-b, --batch', 'one below the other, for files')
    .addOption(
      new Option('-o, --sort <column>', `what comes first; keys: ${keys.join(', ')}, q ends`)
        .choices(orders)
        .default('rate'),
    )
    .action((read: TopRead) => {
      const { interval, iterations, batch, sort } = read;
      done({ ...target(read), interval, rounds: iterations, batch: batch === true, sort });
    });
}
