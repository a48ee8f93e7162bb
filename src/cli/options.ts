/**
 * The command line: what `tunstack` may be told, checked before anything is done.
 *
 * Nothing here acts or prints. What is wrong ends in one line that says which value and why.
 * @module
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import ipaddr from 'ipaddr.js';

/** What every command needs that has a TUN of its own. */
export interface TunOptions {
  /** The device's name; undefined lets the kernel choose. */
  readonly tun: string | undefined;
  /** The kernel's address on the TUN, with its prefix. */
  readonly hostAddress: string;
  /** Our address, in that prefix. */
  readonly address: string;
  /** How many bits of prefix both share. */
  readonly prefix: number;
  readonly mtu: number;
  /** Checksums and segmentation by the kernel: wanted, not wanted, or where it has them. */
  readonly offload: boolean | 'auto';
  /** Where to write what passes. */
  readonly pcap: string | undefined;
  readonly json: boolean;
}

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

/** What is to be done. */
export type Request =
  | { readonly command: 'serve'; readonly options: TunOptions }
  | { readonly command: 'ping'; readonly options: PingOptions }
  /** Say this on standard output and stop: help, version. */
  | { readonly command: 'say'; readonly text: string }
  /** Say this one line on standard error and exit with 2. */
  | { readonly command: 'refuse'; readonly reason: string };

const DEFAULT_HOST_ADDRESS = '10.83.0.1/24';
const LONGEST_NAME = 15; // IFNAMSIZ, less the closing zero
const SMALLEST_MTU = 68; // RFC 791: every link carries 68 bytes whole
const LARGEST_MTU = 65_535;
const PING_OVERHEAD = 28; // IPv4 header and ICMP header
const LONGEST_PING = 65_535 - PING_OVERHEAD;

/** A number as people write it: no hexadecimal, no spaces, no empty text. */
function numberFrom(text: string, least: number, most: number, whole: boolean): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    const kind = whole ? 'a whole number' : 'a number';
    throw new InvalidArgumentError(`Give ${kind} from ${least} to ${most}.`);
  }
  return value;
}

function parseName(text: string): string {
  if (Buffer.byteLength(text) > LONGEST_NAME) {
    throw new InvalidArgumentError(`A device's name has at most ${LONGEST_NAME} bytes.`);
  }
  if (text === '' || text === '.' || text === '..' || /[\s/:]/.test(text)) {
    throw new InvalidArgumentError('A device is named without spaces, slashes and colons.');
  }
  return text;
}

function parseAddress(text: string): string {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) {
    throw new InvalidArgumentError('Give an IPv4 address, such as 10.83.0.2.');
  }
  return text;
}

function parseCidr(text: string): string {
  const [address = '', bits = ''] = text.split('/');
  const good = ipaddr.IPv4.isValidFourPartDecimal(address) && /^\d{1,2}$/.test(bits);
  if (!good || text.split('/').length !== 2 || Number(bits) < 1 || Number(bits) > 31) {
    throw new InvalidArgumentError(
      'Give an IPv4 address and a prefix of 1 to 31 bits: 10.83.0.1/24.',
    );
  }
  return text;
}

const asBits = (address: string): number =>
  ipaddr.IPv4.parse(address).octets.reduce((bits, octet) => bits * 256 + octet, 0);

const asText = (bits: number): string =>
  [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');

/** The address next to the kernel's: the one above, or the one below at the prefix's end. */
function neighbour(host: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  const last = host - (host % size) + size - 1;
  const highest = prefix === 31 ? last : last - 1; // RFC 3021: a /31 has no broadcast address
  return host < highest ? host + 1 : host - 1;
}

/** What commander has read, under its names. */
interface Read {
  tun?: string;
  hostAddress: string;
  address?: string;
  mtu: number;
  offload?: boolean;
  pcap?: string;
  json?: true;
}

/** Fill in what follows from the rest, and check what only the whole can tell. */
function tunOptions(read: Read): TunOptions {
  const [host = '', bits = ''] = read.hostAddress.split('/');
  const prefix = Number(bits);
  const size = 2 ** (32 - prefix);
  const base = asBits(host) - (asBits(host) % size);
  const isEdge = (address: number): boolean =>
    prefix < 31 && (address === base || address === base + size - 1);
  if (isEdge(asBits(host))) {
    throw new InvalidArgumentError(
      `option '--host-address' argument '${read.hostAddress}' is invalid. ` +
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
  const { tun, hostAddress, mtu, offload = 'auto', pcap, json = false } = read;
  return { tun, hostAddress, address, prefix, mtu, offload, pcap, json };
}

/** The options that every command with a TUN shares. */
function withTun(command: Command): Command {
  return command
    .option('--tun <name>', "the device's name (default: the kernel names it)", parseName)
    .option('--host-address <cidr>', "the kernel's address", parseCidr, DEFAULT_HOST_ADDRESS)
    .option(
      '--address <ip>',
      "the stack's address (default: the kernel's plus 1: 10.83.0.2)",
      parseAddress,
    )
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

/** Read the arguments: those after `tunstack`. */
export function parse(args: readonly string[], version: string): Request {
  let request: Request | undefined;
  let text = '';
  const program = new Command('tunstack')
    .description('A TCP/IP stack in TypeScript, on a TUN device of its own.')
    .version(version, '-V, --version', 'say the version')
    .helpOption('-h, --help', 'say what there is')
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (out) => {
        text += out;
      },
      writeErr: () => {},
    })
    .exitOverride();
  // Commands made by `command` inherit how their parent ends and prints.
  withTun(program.command('serve'))
    .description('echo, discard, daytime and chargen over TCP and UDP, and a page on port 80')
    .action((read: Read) => {
      request = { command: 'serve', options: tunOptions(read) };
    });
  withTun(program.command('ping'))
    .description('ask a host for echo replies')
    .argument('<host>', 'its name or address')
    .option(
      '-c, --count <n>',
      'stop after so many (default: when interrupted)',
      (given) => numberFrom(given, 1, 1e9, true),
      Number.POSITIVE_INFINITY,
    )
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

const MISSING = 'what shall it do? serve or ping; see tunstack --help';
