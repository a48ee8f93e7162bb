/**
 * What `tunstack network` may be told.
 * @module
 */
import { isIP, isIPv6 } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import type { PolicyOptions, PublishPortOptions, SocksProxy } from '../../services.ts';
import { parseNetns, parseProxy } from '../forward/options.ts';
import { type PageOptions, type PageRead, pageOptions, withPage } from '../page.ts';
import {
  numberFrom,
  parseAddress,
  parseAnyAddress,
  parseCidr,
  parseFrom,
  parseName,
  parseRule,
} from '../values.ts';

/** Where machines connect: `unix:PATH`, `unixgram:PATH`, or `HOST:PORT` of TCP. */
export interface ListenPlace {
  readonly path?: string;
  /** The path is of a socket of datagrams, for one machine. */
  readonly datagrams?: boolean;
  readonly host?: string;
  readonly port?: number;
  readonly text: string;
}

export interface NetworkCommand extends PageOptions {
  readonly listen: readonly ListenPlace[];
  readonly framing: 'qemu' | 'gvproxy' | 'vpnkit';
  /** TAPs to plug in, by name. */
  readonly taps: readonly string[];
  /** Network namespaces that get a TAP each, as their way out. */
  readonly netns: readonly string[];
  readonly address: string;
  /** False: guests have IPv4 alone; undefined: as it is usual. */
  readonly address6: string | false | undefined;
  readonly pool: readonly [first: string, last: string] | undefined;
  readonly leaseTime: number;
  readonly reservations: Readonly<Record<string, string>>;
  readonly mtu: number;
  readonly domain: string;
  readonly names: Readonly<Record<string, string>>;
  readonly servers: readonly string[] | undefined;
  readonly publish: readonly PublishPortOptions[];
  /** Rules of the command line; they come before those of the file. */
  readonly policy: PolicyOptions;
  readonly policyFile: string | undefined;
  readonly audit: string | undefined;
  readonly socks5: SocksProxy | undefined;
  readonly from: readonly string[] | undefined;
  readonly flows: number;
  readonly udpIdle: number;
  readonly isolated: boolean;
  readonly guard: boolean;
  readonly control: string | undefined;
  readonly record: string | undefined;
  readonly pcap: string | undefined;
  readonly json: boolean;
}

function parseListen(text: string): ListenPlace {
  const [, kind, path] = /^(unix|unixgram):(.+)$/.exec(text) ?? [];
  if (path !== undefined) return { path, text, ...(kind === 'unixgram' && { datagrams: true }) };
  const [, host = '', port = ''] = /^(?:tcp:)?\[?([^\]]*?)\]?:(\d+)$/.exec(text) ?? [];
  if (isIP(host) !== 0) return { host, port: numberFrom(port, 0, 65_535, true), text };
  throw new InvalidArgumentError(
    'Give unix:PATH, unixgram:PATH or ADDRESS:PORT, such as unix:/run/net.sock.',
  );
}

const PUBLISH =
  /^(?:(\d+\.\d+\.\d+\.\d+|\[[^\]]+\]):)?(\d{1,5}):(\d+\.\d+\.\d+\.\d+|\[[^\]]+\]):(\d{1,5})(?:\/(tcp|udp))?(?:,source=(gateway|proxy|inside))?$/;

/** `[HOST:]PORT:GUEST:PORT[/tcp|udp][,source=gateway|proxy|inside]`. */
function parsePublish(text: string): PublishPortOptions {
  const [, host, port = '', guest = '', guestPort = '', protocol, source] =
    PUBLISH.exec(text) ?? [];
  if (guest === '') {
    throw new InvalidArgumentError(
      'Give [HOST:]PORT:GUEST:PORT[/tcp|udp][,source=proxy|inside], such as 8080:10.83.0.15:80/tcp ' +
        'or [::1]:8080:[fd83::15]:80.',
    );
  }
  return {
    ...(host !== undefined && { host: host.replace(/[[\]]/g, '') }),
    port: numberFrom(port, 0, 65_535, true),
    guest: parseAnyAddress(guest.replace(/[[\]]/g, '')),
    guestPort: numberFrom(guestPort, 1, 65_535, true),
    protocol: (protocol as 'tcp' | 'udp' | undefined) ?? 'tcp',
    ...(source !== undefined && { source: source as 'gateway' | 'proxy' | 'inside' }),
  };
}

/** An address of IPv6 with the prefix that guests make theirs from. RFC 4291 §2.5.1. */
function parseCidr6(text: string): string {
  const [address = '', bits] = text.split('/');
  if (isIPv6(address) && bits === '64') return text;
  throw new InvalidArgumentError('Give an address with 64 bits of prefix, such as fd83::1/64.');
}

function parsePool(text: string): readonly [string, string] {
  const [first = '', last = ''] = text.split('-');
  return [parseAddress(first), parseAddress(last)];
}

const list =
  <T>(read: (text: string) => T) =>
  (text: string, before: readonly T[] = []): readonly T[] => [...before, read(text)];

const pairs =
  (left: RegExp, hint: string, right: (text: string) => string) =>
  (text: string, before: Record<string, string> = {}): Record<string, string> => {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (!left.test(name)) throw new InvalidArgumentError(hint);
    return { ...before, [name.toLowerCase()]: right(value) };
  };

/** What commander has read. */
export interface NetworkRead extends PageRead {
  listen?: readonly ListenPlace[];
  framing: NetworkCommand['framing'];
  tap?: readonly string[];
  netns?: readonly string[];
  address: string;
  address6?: string;
  ipv6: boolean;
  pool?: readonly [string, string];
  leaseTime: number;
  reserve?: Record<string, string>;
  mtu: number;
  domain: string;
  name?: Record<string, string>;
  dns?: readonly string[];
  publish?: readonly PublishPortOptions[];
  allow?: PolicyOptions['rules'];
  default?: 'allow' | 'deny';
  close?: readonly string[];
  policy?: string;
  audit?: string;
  socks5?: SocksProxy;
  from?: readonly string[];
  flows: number;
  udpIdle: number;
  isolate?: true;
  guard: boolean;
  control?: string;
  record?: string;
  pcap?: string;
  json?: true;
}

/** Add the options. */
export function withNetwork(command: Command): Command {
  // All kinds in one list: their order on the command line is what counts.
  const rules: ReturnType<typeof parseRule>[] = [];
  const rule = (allow: boolean, proxy: boolean) => (text: string) => {
    rules.push(parseRule(text, allow, proxy));
    return rules;
  };
  const number = (least: number, most: number, whole: boolean) => (text: string) =>
    numberFrom(text, least, most, whole);
  const word =
    <T extends string>(...words: readonly T[]) =>
    (text: string): T => {
      if (words.includes(text as T)) return text as T;
      throw new InvalidArgumentError(`Give ${words.join(' or ')}.`);
    };
  command.option(
    '--listen <place>',
    'machines connect here: unix:PATH or ADDRESS:PORT, or one at a time: unixgram:PATH',
    list(parseListen),
  );
  command.option(
    '--framing <kind>',
    'of their stream: qemu, gvproxy or vpnkit',
    word('qemu', 'gvproxy', 'vpnkit'),
    'qemu',
  );
  command.option('--tap <name>', 'plug in a TAP of this name', list(parseName));
  command.option(
    '--netns <ns>',
    'plug in a network namespace, by a TAP that is its way out',
    list(parseNetns),
  );
  command.option('--address <cidr>', "the gateway's address", parseCidr, '10.83.0.1/24');
  command.option(
    '--address6 <cidr>',
    'its address of IPv6, of whose 64 bits guests make theirs (default: fd83::1/64)',
    parseCidr6,
  );
  command.option('--no-ipv6', 'guests have IPv4 alone');
  command.option(
    '--pool <first-last>',
    'addresses that are lent (default: .10 to the last but five)',
    parsePool,
  );
  command.option('--lease-time <seconds>', 'how long', number(60, 2 ** 32 - 2, true), 3600);
  const mac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
  const reserve = pairs(
    mac,
    'Give MAC=ADDRESS, such as 02:00:5e:00:53:01=10.83.0.15.',
    parseAddress,
  );
  command.option('--reserve <mac=ip>', 'keep an address for one machine', reserve);
  command.option(
    '--mtu <bytes>',
    'the longest packet; guests are told',
    number(576, 65_520, true),
    1500,
  );
  command.option('--domain <name>', 'of guests', 'internal');
  const named = pairs(
    /^[\w.-]+$/,
    'Give NAME=ADDRESS, such as db.internal=192.0.2.7.',
    parseAnyAddress,
  );
  command.option('--name <name=ip>', 'a name of your own', named);
  command.option('--dns <server>', 'ask this resolver, not those of this host', list(String));
  command.option(
    '--publish <port>',
    '[HOST:]PORT:GUEST:PORT[/tcp|udp][,source=proxy|inside]: a port of this host that leads to a guest',
    list(parsePublish),
  );
  command.option(
    '--allow <rule>',
    'let through [GUEST=]CIDR or NAME[:PORT[-PORT]][/tcp|udp], and then nothing else',
    rule(true, false),
  );
  command.option(
    '--deny <rule>',
    'refuse it; the first rule that fits decides',
    rule(false, false),
  );
  command.option('--by-proxy <rule>', 'let it through by the proxy', rule(true, true));
  command.option('--default <what>', 'allow or deny what no rule fits', word('allow', 'deny'));
  command.option(
    '--close <net>',
    'close a network, or private: those of RFC 1918, RFC 4193 and the like',
    list(String),
  );
  command.option('--policy <file>', 'read more rules from this file (JSON); SIGHUP reads it again');
  command.option('--audit <file>', 'write each decision to this file, a line of JSON each');
  command.option('--socks5 <host:port>', 'all by a SOCKS5 proxy', parseProxy);
  command.option(
    '--from <ip>',
    'an address of this host to leave from, one of each family',
    parseFrom,
  );
  command.option(
    '--flows <n>',
    'at most so many at once, TCP and UDP each',
    number(1, 60_000, true),
    20_000,
  );
  command.option(
    '--udp-idle <seconds>',
    'a UDP flow ends after this silence',
    number(1, 86_400, false),
    120,
  );
  command.option('--isolate', 'guests reach the gateway and not each other');
  command.option('--no-guard', 'let guests send from addresses of others');
  command.option('--control <path>', 'a Unix socket for its API, and gvproxy’s');
  command.option('--record <file>', 'record what guests send and get, for tunstack replay');
  command.option('--pcap <file>', 'write what passes the gateway to this file, for Wireshark');
  withPage(command);
  command.option('--json', 'say everything as JSON, one object a line');
  return command.hook('preAction', () => {
    command.setOptionValue('allow', rules);
  });
}

/** Throws what commander tells people. */
export function networkCommand(read: NetworkRead): NetworkCommand {
  const { listen = [], tap: taps = [], netns = [], control } = read;
  if (listen.length + taps.length + netns.length === 0 && control === undefined) {
    throw new InvalidArgumentError(
      'where do machines plug in? --listen unix:PATH, --tap NAME, --netns NS or --control PATH',
    );
  }
  if (!read.ipv6 && read.address6 !== undefined) {
    throw new InvalidArgumentError("option '--address6' cannot be with '--no-ipv6'.");
  }
  if (read.record !== undefined && (read.publish ?? []).length > 0) {
    throw new InvalidArgumentError(
      "option '--record' cannot be with '--publish': who connects to a published port is not recorded.",
    );
  }
  const {
    allow: rules = [],
    close = [],
    policy: policyFile,
    audit,
    socks5,
    from,
    record,
    pcap,
  } = read;
  return {
    ...{ listen, framing: read.framing, taps, netns, address: read.address, pool: read.pool },
    address6: read.ipv6 ? read.address6 : false,
    ...{ leaseTime: read.leaseTime, reservations: read.reserve ?? {}, mtu: read.mtu },
    ...{ domain: read.domain, names: read.name ?? {}, servers: read.dns },
    publish: read.publish ?? [],
    policy: { rules, close, ...(read.default && { default: read.default }) },
    ...{ policyFile, audit, socks5, from, flows: read.flows, udpIdle: read.udpIdle },
    ...{ isolated: read.isolate ?? false, guard: read.guard, control, record, pcap },
    ...pageOptions(read),
    json: read.json ?? false,
  };
}
