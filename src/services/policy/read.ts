/**
 * A policy as it is given: as options, or as a file of JSON; checked, with what is usual filled in.
 * @module
 */
import { wrong } from '../address.ts';
import { type Block, readBlock } from '../block.ts';
import { type Guest, parseRule, type Rule } from '../gateway/rules.ts';
import type { SocksProxy } from '../gateway/socks5.ts';
import type { NameBounds } from './tunnel.ts';

/** What a function is asked about. */
export interface FlowRequest {
  readonly guest: Guest;
  readonly protocol: 'tcp' | 'udp';
  /** What the guest was told, or says in its first text; undefined: it goes straight to the address. */
  readonly name?: string;
  readonly address: string;
  readonly port: number;
}

/** Decides about a flow before it is answered; undefined leaves it to the rules. */
export type OnFlow = (
  flow: FlowRequest,
) => 'allow' | 'deny' | 'proxy' | undefined | Promise<'allow' | 'deny' | 'proxy' | undefined>;

/** What guests may reach. */
export interface PolicyOptions {
  /** What becomes of what no rule fits; default `allow`, and `deny` if a rule allows something. */
  readonly default?: 'allow' | 'deny';
  /** `allow RULE`, `deny RULE` or `proxy RULE`, or what `parseRule` gives. The first that fits decides. */
  readonly rules?: readonly (string | Rule)[];
  /**
   * Closed but for rules that allow nothing wider: networks, and `private` for those of RFC 1918, RFC 6598 and
   * RFC 4193, and others that are nobody's on the Internet.
   */
  readonly close?: readonly string[];
  /** The SOCKS5 proxy of rules that say `proxy`: `192.0.2.1:1080`. */
  readonly proxy?: string;
  /** Whether a flow may go to an address that its guest was told no name of, where only the default lets it. */
  readonly direct?: 'allow' | 'deny';
  /** Whether guests may ask other resolvers; default `deny` where a rule names a name, else `allow`. */
  readonly encryptedDns?: 'allow' | 'deny';
  /** Bounds on the names that guests ask for. */
  readonly names?: NameBounds;
  /** Asked about each flow that is not to a closed place. Not in a file. */
  readonly onFlow?: OnFlow;
}

/** The same, checked. */
export interface CheckedPolicy {
  readonly given: PolicyOptions;
  readonly rules: readonly Rule[];
  readonly blocks: readonly Block[];
  readonly otherwise: boolean;
  readonly direct: boolean;
  readonly encryptedDns: boolean;
  readonly names: NameBounds;
  /** Names are answered only where a rule allows them. */
  readonly onlyNamed: boolean;
  /** Flows are to say where they go. */
  readonly listens: boolean;
  readonly proxy: SocksProxy | undefined;
  readonly onFlow: OnFlow | undefined;
}

/**
 * RFC 1918, RFC 6598, RFC 4193, and what is nobody's on the Internet (RFC 6890), which may be somebody's here:
 * of IPv6 also addresses of a site (RFC 3879 has done away with them, routers have not), those for benchmarks
 * (RFC 5180), of a translator here (RFC 8215), and of segments (RFC 9602).
 */
const PRIVATE: readonly string[] = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '192.0.0.0/24'],
  ...['198.18.0.0/15', '240.0.0.0/4'],
  ...['fc00::/7', 'fec0::/10', '2001:2::/48', '64:ff9b:1::/48', '5f00::/16'],
];

const KEYS: ReadonlySet<string> = new Set([
  ...['default', 'rules', 'close', 'proxy', 'direct', 'encryptedDns', 'names', 'onFlow'],
]);

/** Read a rule with its verb: `allow example.org:443`. */
function readRule(given: string | Rule): Rule {
  if (typeof given === 'object' && given !== null) return given;
  const [, verb = '', rest = ''] = /^(allow|deny|proxy)\s+(\S+)$/.exec(String(given)) ?? [];
  try {
    if (verb !== '') return parseRule(rest, verb !== 'deny', verb === 'proxy');
  } catch (error) {
    throw wrong('rules', given, (error as Error).message);
  }
  throw wrong('rules', given, 'begin with allow, deny or proxy, as "allow example.org:443"');
}

/** `192.0.2.1:1080`, `[2001:db8::1]:1080`. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`. */
export function readProxy(text: string): SocksProxy {
  const [, host = '', port = ''] = /^(?:socks5:\/\/)?(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(port) >= 1 && Number(port) <= 65_535)
    return { host: host.replace(/^\[(.+)\]$/, '$1'), port: Number(port) };
  throw wrong('proxy', text, 'it must be HOST:PORT, as 192.0.2.1:1080');
}

const checkWord = (name: string, value: unknown, ...words: readonly string[]): void => {
  if (value === undefined || words.includes(value as string)) return;
  throw wrong(name, value, `it must be ${words.map((word) => `"${word}"`).join(' or ')}`);
};

function checkBounds({ label, name, distinct }: NameBounds): void {
  const bounds = [
    ['names.label', label, 63],
    ['names.name', name, 253],
    ['names.distinct', distinct, 1_000_000],
  ] as const;
  for (const [what, value, most] of bounds) {
    const good = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
    if (value !== undefined && !good) throw wrong(what, value, `it must be from 1 to ${most}`);
  }
}

/** Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` that names what cannot be meant. */
export function checkPolicy(given: PolicyOptions): CheckedPolicy {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw wrong('policy', given, 'it must be an object, as { "default": "deny", "rules": [] }');
  }
  for (const key of Object.keys(given)) {
    if (!KEYS.has(key)) throw wrong('policy', key, `there is ${[...KEYS].join(', ')}`);
  }
  for (const key of ['rules', 'close'] as const) {
    if (given[key] !== undefined && !Array.isArray(given[key])) {
      throw wrong(key, given[key], 'it must be a list');
    }
  }
  checkWord('default', given.default, 'allow', 'deny');
  checkWord('direct', given.direct, 'allow', 'deny');
  checkWord('encryptedDns', given.encryptedDns, 'allow', 'deny');
  const names = given.names ?? {};
  checkBounds(names);
  const rules = (given.rules ?? []).map(readRule);
  const close = (given.close ?? []).flatMap((one) => (one === 'private' ? PRIVATE : [one]));
  const isNamed = rules.some(({ name }) => name !== undefined);
  const { onFlow } = given;
  return {
    ...{ given, rules, names, onFlow },
    blocks: close.map((one) => readBlock('close', one)),
    otherwise: given.default ? given.default === 'allow' : !rules.some(({ allow }) => allow),
    direct: given.direct !== 'deny',
    encryptedDns: given.encryptedDns ? given.encryptedDns === 'allow' : !isNamed,
    onlyNamed:
      given.default === 'deny' || rules.some(({ allow, name }) => allow && name !== undefined),
    listens: isNamed || onFlow !== undefined,
    proxy: given.proxy === undefined ? undefined : readProxy(given.proxy),
  };
}
