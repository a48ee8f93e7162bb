/**
 * What `tunstack forward` may be told.
 * @module
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { Rule, SocksProxy } from '../../services.ts';
import { type Read, type TunOptions, tunOptions } from '../options-tun.ts';
import { type PageOptions, type PageRead, pageOptions, withPage } from '../page.ts';
import { numberFrom, parseFrom, parseRule } from '../values.ts';

export interface ForwardOptions extends TunOptions, PageOptions {
  readonly hostAddress: string;
  readonly address: string;
  /** Undefined: by sockets of this host directly. */
  readonly socks5: SocksProxy | undefined;
  /** The first one that fits decides. */
  readonly rules: readonly Rule[];
  /** A network namespace to put the TUN into: a process id, a name, or a path; undefined: this one. */
  readonly netns: string | undefined;
  /** Addresses of this host that connections and datagrams leave from, one of a family. */
  readonly from: readonly string[] | undefined;
  /** Most flows at once, TCP and UDP each. */
  readonly flows: number;
  /** Seconds of silence after which a UDP flow is over. */
  readonly udpIdle: number;
}

/** What commander has read. */
export interface ForwardRead extends Read, PageRead {
  socks5?: SocksProxy;
  allow?: readonly Rule[];
  netns?: string;
  from?: readonly string[];
  flows: number;
  udpIdle: number;
}

export function parseProxy(text: string): SocksProxy {
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (host === '') throw new InvalidArgumentError('Give HOST:PORT, such as 127.0.0.1:1080.');
  return { host: host.replace(/^\[(.+)\]$/, '$1'), port: numberFrom(port, 1, 65_535, true) };
}

export function parseNetns(text: string): string {
  if (/^[\w./-]+$/.test(text) && !text.startsWith('-')) return text;
  throw new InvalidArgumentError('Give a process id, the name of a namespace, or its path.');
}

/** Add the options; those of the TUN are there. */
export function withForward(command: Command): Command {
  // Both kinds in one list: their order on the command line is what counts.
  const rules: Rule[] = [];
  const rule = (allow: boolean) => (text: string) => {
    const read = parseRule(text, allow);
    // What a guest was told of a name is known where the names are told: `tunstack network`.
    if (read.name !== undefined || read.guest !== undefined) {
      throw new InvalidArgumentError('Give CIDR[:PORT[-PORT]][/tcp|udp]: names are for network.');
    }
    rules.push(read);
    return rules;
  };
  command.option('--socks5 <host:port>', 'through a SOCKS5 proxy', parseProxy);
  command.option(
    '--allow <rule>',
    'let through CIDR[:PORT[-PORT]][/tcp|udp] or [CIDR6]:PORT, and then nothing else; what is closed by default (loopback, ' +
      "link-local, where clouds tell secrets, this host's own addresses) is opened by a rule that allows nothing wider",
    rule(true),
  );
  command.option('--deny <rule>', 'refuse it; the first rule that fits decides', rule(false));
  command.option(
    '--netns <ns>',
    'put the TUN into a network namespace, as its way out',
    parseNetns,
  );
  command.option(
    '--from <ip>',
    'an address of this host to leave from, one of each family',
    parseFrom,
  );
  const flows = (text: string): number => numberFrom(text, 1, 60_000, true);
  command.option('--flows <n>', 'at most so many at once, TCP and UDP each', flows, 20_000);
  const seconds = (text: string): number => numberFrom(text, 1, 86_400, false);
  command.option('--udp-idle <seconds>', 'a UDP flow ends after this silence', seconds, 120);
  withPage(command);
  return command.hook('preAction', () => {
    command.setOptionValue('allow', rules);
  });
}

export function forwardOptions(read: ForwardRead): ForwardOptions {
  const { socks5, allow = [], netns, from, flows, udpIdle } = read;
  const { hostAddress, address, ...tun } = tunOptions(read);
  if (hostAddress === undefined || address === undefined) {
    throw new InvalidArgumentError(
      "option '--host-address' argument 'none' is invalid. Clients need IPv4 here; their flows of IPv6 are carried beside it.",
    );
  }
  return {
    ...{ ...tun, hostAddress, address },
    ...pageOptions(read),
    socks5,
    rules: allow,
    netns,
    from,
    flows,
    udpIdle,
  };
}
