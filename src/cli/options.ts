/**
 * The command line: what `tunstack` may be told, checked before anything is done.
 *
 * Nothing here acts or prints. What is wrong ends in one line that says which value and why.
 * @module
 */
import { Command, CommanderError } from 'commander';
import {
  type ForwardOptions,
  type ForwardRead,
  forwardOptions,
  withForward,
} from './forward/options.ts';
import { type LabCommand, withLab } from './lab/options.ts';
import {
  type NetworkCommand,
  type NetworkRead,
  networkCommand,
  withNetwork,
} from './network/options.ts';
import { type Read, type TunOptions, tunOptions, withGateway, withTun } from './options-tun.ts';
import { type PageOptions, type PageRead, pageOptions, withPage } from './page.ts';
import { type PlotOptions, withPlot } from './plot/options.ts';
import { addTunnel, type TunnelRequest } from './tunnel/options.ts';
import { countOption, numberFrom } from './values.ts';
import {
  type DumpOptions,
  type NstatOptions,
  type SsOptions,
  type TopOptions,
  withCapture,
  withDump,
  withNstat,
  withSs,
  withTop,
} from './watch/options.ts';

export interface PingOptions extends TunOptions {
  readonly host: string;
  /** How many to send; Infinity until it is stopped. */
  readonly count: number;
  /** Seconds between two. */
  readonly interval: number;
  /** Bytes of data in each. */
  readonly size: number;
  /** Seconds to wait for an answer. */
  readonly wait: number;
}

export interface TracerouteOptions extends TunOptions {
  readonly host: string;
  readonly method: 'udp' | 'icmp';
  readonly maxHops: number;
  /** Probes for each hop. */
  readonly queries: number;
  /** Seconds to wait for the answers of a hop. */
  readonly wait: number;
}

/** What is to be done. */
export type Request =
  | { readonly command: 'serve'; readonly options: TunOptions & PageOptions }
  | { readonly command: 'ping'; readonly options: PingOptions }
  | { readonly command: 'forward'; readonly options: ForwardOptions }
  | { readonly command: 'network'; readonly options: NetworkCommand }
  | { readonly command: 'replay'; readonly file: string; readonly json: boolean }
  | { readonly command: 'traceroute'; readonly options: TracerouteOptions }
  | { readonly command: 'ss'; readonly options: SsOptions }
  | { readonly command: 'nstat'; readonly options: NstatOptions }
  | { readonly command: 'dump'; readonly options: DumpOptions }
  | { readonly command: 'top'; readonly options: TopOptions }
  | { readonly command: 'plot'; readonly options: PlotOptions }
  | { readonly command: 'lab'; readonly options: LabCommand }
  | TunnelRequest
  /** What it means is read by `tuntap.ts`: the words are those of another program. */
  | { readonly command: 'tuntap'; readonly words: readonly string[] }
  /** Say this on standard output and stop: help, version. */
  | { readonly command: 'say'; readonly text: string }
  /** Say this one line on standard error and exit with 2. */
  | { readonly command: 'refuse'; readonly reason: string };

const PING_OVERHEAD = 28; // IPv4 header and ICMP header
const LONGEST_PING = 65_535 - PING_OVERHEAD;

interface TracerouteRead extends Read {
  icmp?: true;
  maxHops: number;
  queries: number;
  wait: number;
}

/** Read the arguments: those after `tunstack`. */
export function parse(args: readonly string[], version: string): Request {
  let request: Request | undefined;
  let text = '';
  const program = new Command('tunstack')
    .enablePositionalOptions()
    .description('A TCP/IP stack in TypeScript, on a TUN device of its own.')
    .version(version, '-V, --version', 'say the version')
    .helpOption('-h, --help', 'say what there is')
    .helpCommand(false)
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (out) => {
        text += out;
      },
      writeErr: () => {},
    })
    .exitOverride();
  // Commands made by `command` inherit how their parent ends and prints.
  withPage(withGateway(withTun(program.command('serve'))))
    .description('echo, discard, daytime and chargen over TCP and UDP, and a page on port 80')
    .action((read: Read & PageRead) => {
      request = { command: 'serve', options: { ...tunOptions(read), ...pageOptions(read) } };
    });
  withGateway(withTun(program.command('ping')))
    .description('ask a host for echo replies')
    .argument('<host>', 'its name or address')
    .addOption(countOption('-c, --count <n>', 'stop after so many', 1e9))
    .option('-i, --interval <seconds>', 'between two', (s) => numberFrom(s, 0, 3600, false), 1)
    .option('-s, --size <bytes>', 'data in each', (s) => numberFrom(s, 0, LONGEST_PING, true), 56)
    .option('-W, --wait <seconds>', 'for an answer', (s) => numberFrom(s, 0.001, 3600, false), 2)
    .action((host: string, read: Read & Omit<PingOptions, keyof TunOptions | 'host'>) => {
      const { count, interval, size, wait } = read;
      request = {
        command: 'ping',
        options: { ...tunOptions(read), host, count, interval, size, wait },
      };
    });
  withForward(withTun(program.command('forward')))
    .description('carry every flow of a TUN out through sockets of this host')
    .action((read: ForwardRead) => {
      request = { command: 'forward', options: forwardOptions(read) };
    });
  withNetwork(program.command('network'))
    .description(
      'a switch for machines, with addresses, names and a way out for them, without root',
    )
    .action((read: NetworkRead) => {
      request = { command: 'network', options: networkCommand(read) };
    });
  program
    .command('replay')
    .description(
      'play a recording of `network --record` against the gateway again, in virtual time',
    )
    .argument('<file>', 'the recording')
    .option('--json', 'say everything as JSON')
    .action((file: string, { json = false }: { json?: boolean }) => {
      request = { command: 'replay', file, json };
    });
  withGateway(withTun(program.command('traceroute')))
    .description('who is on the way to a host')
    .argument('<host>', 'its name or address')
    .option('-I, --icmp', 'by echo requests')
    .option('-U, --udp', 'by datagrams to ports that nobody listens on (default)')
    .option('-m, --max-hops <n>', 'so many at most', (n) => numberFrom(n, 1, 255, true), 30)
    .option('-q, --queries <n>', 'probes for each hop', (n) => numberFrom(n, 1, 10, true), 3)
    .option('-w, --wait <seconds>', 'for a hop', (s) => numberFrom(s, 0.001, 3600, false), 3)
    .action((host: string, read: TracerouteRead) => {
      const { icmp, maxHops, queries, wait } = read;
      const method = icmp ? 'icmp' : 'udp';
      const options = { ...tunOptions(read), host, method, maxHops, queries, wait } as const;
      request = { command: 'traceroute', options };
    });
  program
    .command('tuntap')
    .description('make, remove and list persistent TUN and TAP interfaces, as `ip tuntap` does')
    .argument('[words...]', 'add, del, show, or help, which says the rest')
    .allowUnknownOption()
    .passThroughOptions()
    .action((words: string[]) => {
      request = { command: 'tuntap', words };
    });
  withSs(program.command('ss'), (options) => {
    request = { command: 'ss', options };
  });
  withNstat(program.command('nstat'), (options) => {
    request = { command: 'nstat', options };
  });
  withTop(program.command('top'), (options) => {
    request = { command: 'top', options };
  });
  withDump(program.command('dump'), (options) => {
    request = { command: 'dump', options };
  });
  withCapture(program.command('capture'), (options) => {
    request = { command: 'dump', options };
  });
  withPlot(program.command('plot'), (options) => {
    request = { command: 'plot', options };
  });
  withLab(program.command('lab'), (options) => {
    request = { command: 'lab', options };
  });
  addTunnel(program, (found) => {
    request = found;
  });
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { command: 'say', text };
    if (error.code === 'commander.help') return { command: 'refuse', reason: MISSING };
    return {
      command: 'refuse',
      reason: error.message.replace(/^error: /, '').replace(/\s+/g, ' '),
    };
  }
  return request ?? { command: 'refuse', reason: MISSING };
}

const MISSING =
  'what shall it do? serve, ping, forward, network, replay, plot, lab, traceroute, tuntap, tunnel, wg, ' +
  'or of one that runs: ss, nstat, top, dump, capture; see tunstack --help';
