/**
 * What `tunstack tunnel` and `tunstack wg` may be told.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type PageOptions, type PageRead, pageOptions, withPage } from '../page.ts';
import { numberFrom, parseName } from '../values.ts';

/** A port of the stack, and where it leads on this host. */
export interface PublishedPort {
  readonly port: number;
  readonly host: string;
  readonly hostPort: number;
}

export interface TunnelUpOptions extends PageOptions {
  readonly file: string;
  /** The interface's name; default the file's. */
  readonly tun: string | undefined;
  /** No TUN: a stack in this process. */
  readonly rootless: boolean;
  readonly socks5: { readonly host: string; readonly port: number } | undefined;
  readonly publish: readonly PublishedPort[];
  readonly allowCommands: boolean;
  readonly offload: boolean | 'auto';
  /** Microseconds for which the event loop keeps turning after traffic; 0: it sleeps at once. */
  readonly spin: number;
  /** Seconds between two status lines of `--json`. */
  readonly interval: number;
  readonly pcap: string | undefined;
  readonly json: boolean;
}

export interface TunnelServeOptions {
  /** Where clients find us. */
  readonly endpoint: string;
  readonly listenPort: number;
  /** Our address inside, and the network. */
  readonly address: string;
  readonly peers: number;
  /** Where the files are, or are to be. */
  readonly folder: string;
  /** What peers send into the tunnel. */
  readonly allowedIps: string;
  readonly dns: string | undefined;
  readonly qr: boolean;
  readonly up: TunnelUpOptions;
}

export type TunnelRequest =
  | { readonly command: 'tunnel-up'; readonly options: TunnelUpOptions }
  | { readonly command: 'tunnel-serve'; readonly options: TunnelServeOptions }
  | { readonly command: 'wg'; readonly words: readonly string[] };

interface UpRead extends PageRead {
  tun?: string;
  rootless?: true;
  socks5?: { host: string; port: number };
  publish: PublishedPort[];
  allowCommands?: true;
  offload?: boolean;
  spin: number;
  interval: number;
  pcap?: string;
  json?: true;
}

interface ServeRead extends UpRead {
  endpoint: string;
  listenPort: number;
  address: string;
  peers: number;
  folder: string;
  allowedIps: string;
  dns?: string;
  qr?: boolean;
}

function parseListen(text: string): { host: string; port: number } {
  const [, host = '', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new InvalidArgumentError('Give an address and a port, such as 127.0.0.1:1080.');
  }
  return { host: host === '' ? '127.0.0.1' : bare(host), port };
}

/** An address of IPv6 stands in brackets before a port: RFC 3986 §3.2.2. */
const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

function parsePublish(text: string, before: PublishedPort[]): PublishedPort[] {
  const [, inside = '', host, outside] = /^(\d{1,5})(?::(?:(.+):)?(\d{1,5}))?$/.exec(text) ?? [];
  const port = Number(inside);
  const hostPort = Number(outside ?? inside);
  if (port < 1 || port > 65_535 || hostPort < 1 || hostPort > 65_535) {
    throw new InvalidArgumentError(
      'Give a port of the tunnel, and where it leads: 80:8080, or 80:192.0.2.1:8080.',
    );
  }
  return [...before, { port, host: bare(host ?? '127.0.0.1'), hostPort }];
}

function withUp(command: Command): Command {
  return withPage(command)
    .option('--tun <name>', "the interface's name (default: the file's)", parseName)
    .option('--rootless', 'no interface: a stack in this process, for --socks5 and --publish')
    .option('--socks5 <address:port>', 'a proxy for the programs of this host', parseListen)
    .addOption(
      new Option(
        '--publish <port:port>',
        'a port of the tunnel leads to one of this host, more than once',
      )
        .argParser(parsePublish)
        .default([], 'none'),
    )
    .option('--allow-commands', 'run what the file asks for: PostUp and its like')
    .option('--offload', 'let the kernel cut and sum segments, or fail (default: where it can)')
    .option('--no-offload', 'cut and sum them here')
    .option(
      '--spin <µs>',
      'stay awake for so long after each packet: answers come sooner, and cost CPU',
      (µs) => numberFrom(µs, 0, 1_000_000, true),
      0,
    )
    .option(
      '--interval <seconds>',
      'between two reports of --json',
      (s) => numberFrom(s, 0.1, 3600, false),
      10,
    )
    .option('--pcap <file>', 'write what passes inside to this file, for Wireshark')
    .option('--json', 'say everything as JSON, one object a line');
}

function upOptions(file: string, read: UpRead): TunnelUpOptions {
  const { tun, rootless = false, socks5, publish, allowCommands = false } = read;
  const { offload = 'auto', spin, interval, pcap, json = false } = read;
  if (!rootless && (socks5 !== undefined || publish.length > 0)) {
    const name = socks5 !== undefined ? '--socks5' : '--publish';
    throw new InvalidArgumentError(
      `option '${name}' needs '--rootless': with a TUN it is of no use.`,
    );
  }
  if (rootless && spin > 0) {
    throw new InvalidArgumentError(
      "option '--spin' is for a TUN: with '--rootless' there is none.",
    );
  }
  if (rootless && socks5 === undefined && publish.length === 0) {
    throw new InvalidArgumentError("option '--rootless' needs '--socks5' or '--publish'.");
  }
  return {
    ...{ file, tun, rootless, socks5, publish, allowCommands, interval, pcap, json },
    ...pageOptions(read),
    ...{ offload, spin },
  };
}

/** Add both commands to the program. */
export function addTunnel(program: Command, found: (request: TunnelRequest) => void): void {
  const tunnel = program
    .command('tunnel')
    .description(
      'an encrypted tunnel from a file of WireGuard or OpenVPN: on a TUN, or without root',
    );
  withUp(tunnel.command('up'))
    .description('bring up the tunnel that a file describes, until it is stopped')
    .argument('<file>', 'as `wg-quick` or `openvpn` has it')
    .action((file: string, read: UpRead) => {
      found({ command: 'tunnel-up', options: upOptions(file, read) });
    });
  withUp(tunnel.command('serve'))
    .description('the other end: makes keys and the files of its peers, and brings it up')
    .requiredOption('--endpoint <host>', 'where peers find this host: its name or address')
    .option('--listen-port <port>', 'of UDP', (p) => numberFrom(p, 1, 65_535, true), 51_820)
    .option('--address <cidr>', 'our address inside, and the network', '10.66.0.1/24')
    .option('--peers <n>', 'so many', (n) => numberFrom(n, 1, 250, true), 1)
    .option('--folder <path>', 'where the files are, or are made', '.')
    .option('--allowed-ips <cidrs>', 'what peers send into the tunnel (default: the network)', '')
    .option('--dns <ip>', 'the name server of the peers')
    .option('--no-qr', 'print no QR code')
    .action((read: ServeRead) => {
      const { endpoint, listenPort, address, peers, folder, allowedIps, dns, qr = true } = read;
      const up = upOptions('', read);
      const options = { endpoint, listenPort, address, peers, folder, allowedIps, dns, qr, up };
      found({ command: 'tunnel-serve', options });
    });
  program
    .command('wg')
    .description('keys of WireGuard, and what interfaces do: genkey, genpsk, pubkey, show')
    .argument('[words...]', 'genkey, genpsk, pubkey, show [interface]')
    .action((words: string[]) => found({ command: 'wg', words }));
}
