/**
 * Rules for flows: which destinations are let through. `CIDR[:PORT[-PORT]][/tcp|udp]`, such as
 * `10.0.0.0/8`, `0.0.0.0/0:80-443/tcp` or `9.9.9.9:53`.
 *
 * The first rule that fits decides. What fits none is let through, unless there is a rule that allows
 * something: then it is not. Places that are closed are not let through by either; only a rule opens them
 * that allows nothing wider, so that who allows everything has not opened his own host with it.
 * @module
 */
import { isIPv4 } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { asBits, parseAddress } from '../values.ts';

/** Addresses from `first` to `last`. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Of the destination. */
export interface Rule extends Range {
  readonly allow: boolean;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: both. */
  readonly protocol: 'tcp' | 'udp' | undefined;
  /** As it was given. */
  readonly text: string;
}

const FORM = /^([\d.]+)(?:\/(\d{1,2}))?(?::(\d{1,5})(?:-(\d{1,5}))?)?(?:\/(tcp|udp))?$/;

function range(address: number, bits: number): Range {
  const size = 2 ** (32 - bits);
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

/**
 * Closed whatever host this is: "this" network, to which Linux connects as to loopback (RFC 1122
 * §3.2.1.3), loopback, and link-local addresses (RFC 3927), 169.254.169.254 among them, where clouds
 * tell a machine its secrets.
 */
export const ALWAYS_CLOSED: readonly Range[] = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16'].map(
  (text) => {
    const [address = '', bits] = text.split('/');
    return range(asBits(address), Number(bits));
  },
);

/** Read a rule. Throws what commander tells people. */
export function parseRule(text: string, allow: boolean): Rule {
  const [, address = '', bits = '32', low = '0', high, protocol] = FORM.exec(text) ?? [];
  const prefix = Number(bits);
  const firstPort = Number(low);
  const lastPort = high === undefined ? (low === '0' ? 65_535 : firstPort) : Number(high);
  if (address === '' || prefix > 32 || lastPort > 65_535 || firstPort > lastPort) {
    throw new InvalidArgumentError(
      'Give CIDR[:PORT[-PORT]][/tcp|udp], such as 10.0.0.0/8 or 0.0.0.0/0:80-443/tcp.',
    );
  }
  return {
    ...range(asBits(parseAddress(address)), prefix),
    ...{ allow, firstPort, lastPort, text },
    protocol: protocol as Rule['protocol'],
  };
}

/** True if a flow to this address and port is let through; `closed` are closed besides those that always are. */
export function isAllowed(
  rules: readonly Rule[],
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  closed: readonly Range[] = [],
): boolean {
  if (!isIPv4(address)) return false; // no rule can name it
  const bits = asBits(address);
  const holds = ({ first, last }: Range): boolean => bits >= first && bits <= last;
  const shut = [...ALWAYS_CLOSED, ...closed].filter(holds);
  const opens = (rule: Rule): boolean =>
    shut.some(({ first, last }) => rule.first >= first && rule.last <= last);
  const decides = (rule: Rule): boolean =>
    (rule.protocol === undefined || rule.protocol === protocol) &&
    holds(rule) &&
    port >= rule.firstPort &&
    port <= rule.lastPort &&
    (!rule.allow || shut.length === 0 || opens(rule));
  const rule = rules.find(decides);
  if (rule) return rule.allow;
  return shut.length === 0 && !rules.some(({ allow }) => allow);
}

/** The rules in a word: `any`, or each as it was given, those that deny with a `!`. */
export function sayRules(rules: readonly Rule[]): string {
  const each = rules.map(({ allow, text }) => (allow ? text : `!${text}`));
  return rules.some(({ allow }) => allow) ? each.join(',') : ['any', ...each].join(',');
}
