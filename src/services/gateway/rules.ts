/**
 * Rules for flows: which destinations are let through, and for whom.
 *
 *     [GUEST=]CIDR[:PORT[-PORT]][/tcp|udp]     10.0.0.0/8, 0.0.0.0/0:80-443/tcp, 9.9.9.9:53
 *     [GUEST=]NAME[:PORT[-PORT]][/tcp|udp]     example.org:443, *.example.org, *
 *
 * GUEST is an address, a hardware address, or the name of a port of the switch. `*.example.org` is every name
 * below example.org, and not itself; `*` every destination. A name fits a flow by what its guest was told of it.
 *
 * The first rule that fits decides. What fits none is let through, unless there is a rule that allows
 * something: then it is not. Places that are closed are not let through by either; only a rule opens them
 * that allows nothing wider, so that who allows everything has not opened his own host with it; and no name
 * opens them, since whoever owns a name says where it leads.
 * @module
 */
import { isIPv4 } from 'node:net';
import { asBits, holds, type Range, range } from '../address.ts';

/** Of the destination. */
export interface Rule extends Range {
  readonly allow: boolean;
  /** It is let through, by a proxy. */
  readonly proxy?: boolean;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: both. */
  readonly protocol: 'tcp' | 'udp' | undefined;
  /** In small letters; undefined: by address alone. `.example.org`: every name below that. */
  readonly name?: string;
  /** Undefined: every guest. */
  readonly guest?: string;
  /** As it was given. */
  readonly text: string;
}

/** Who sends. */
export interface Guest {
  /** Dotted decimal. */
  readonly address: string;
  /** `02:00:5e:00:53:01`; undefined on a device without frames. */
  readonly mac?: string;
  /** The port of the switch that it is plugged into. */
  readonly port?: string;
}

/** What a rule is held against. */
export interface Destination {
  readonly guest?: Guest;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** The name that the guest goes to, as far as it is known. */
  readonly name?: string | undefined;
}

const ADDRESS = /^([\d.]+)(?:\/(\d{1,2}))?(?::(\d{1,5})(?:-(\d{1,5}))?)?(?:\/(tcp|udp))?$/;
const NAME =
  /^(\*|(?:\*\.(?:\w(?:[\w-]*\w)?\.)*|(?:\w(?:[\w-]*\w)?\.)+)[a-z][a-z0-9-]*)()(?::(\d{1,5})(?:-(\d{1,5}))?)?(?:\/(tcp|udp))?$/i;
const GUEST = /^(?:([\w.:-]+)=)?(.*)$/;
const ANYWHERE: Range = { first: 0, last: 2 ** 32 - 1 };

const HINT =
  'Give CIDR[:PORT[-PORT]][/tcp|udp] or NAME instead of CIDR, such as 10.0.0.0/8, 0.0.0.0/0:80-443/tcp or *.example.org:443.';

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

/** Read a rule. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` whose message says what would be right. */
export function parseRule(text: string, allow: boolean, proxy: boolean = false): Rule {
  const [, guest, rest = ''] = GUEST.exec(text) ?? [];
  const found = ADDRESS.exec(rest) ?? NAME.exec(rest);
  const [, place = '', bits, low = '0', high, protocol] = found ?? [];
  const isAddress = isIPv4(place);
  const prefix = Number(bits || '32');
  const firstPort = Number(low);
  const lastPort = high === undefined ? (low === '0' ? 65_535 : firstPort) : Number(high);
  const isName = NAME.test(rest);
  if ((!isAddress && !isName) || prefix > 32 || lastPort > 65_535 || firstPort > lastPort) {
    throw Object.assign(new TypeError(HINT), { code: 'ERR_INVALID_ARG_VALUE' });
  }
  const name = place === '*' || isAddress ? undefined : place.toLowerCase().replace(/^\*/, '');
  return {
    ...(isAddress ? range(asBits(place), prefix) : ANYWHERE),
    ...{ allow, firstPort, lastPort, text },
    protocol: protocol as Rule['protocol'],
    ...(proxy && { proxy }),
    ...(name !== undefined && { name }),
    ...(guest !== undefined && { guest: guest.toLowerCase() }),
  };
}

/** True if `rule` is about this name. */
export const fitsName = (rule: Rule, name: string): boolean =>
  rule.name === undefined ||
  (rule.name.startsWith('.') ? name.endsWith(rule.name) : name === rule.name);

/** True if `rule` is about this guest. */
export function fitsGuest({ guest }: Rule, who: Guest | undefined): boolean {
  if (guest === undefined) return true;
  if (who === undefined) return false;
  return guest === who.address || guest === who.mac || guest === who.port?.toLowerCase();
}

/** What is known besides the rules. */
export interface Closed {
  /** Closed besides what always is, as it is now. */
  readonly ranges: readonly Range[];
  /** Addresses that the owner of this gateway has given a name himself: a rule with that name opens them. */
  readonly own?: (name: string) => readonly string[];
}

/** Which rule decides, and whether the flow is let through. */
export interface Decision {
  readonly allow: boolean;
  /** Undefined: none fits. */
  readonly rule: Rule | undefined;
  /** It is one of the places that only a rule opens. */
  readonly closed: boolean;
}

/** Hold the rules against a destination; `otherwise`: what becomes of what fits none. */
export function decide(
  rules: readonly Rule[],
  to: Destination,
  { ranges, own }: Closed,
  otherwise: boolean = !rules.some(({ allow }) => allow),
): Decision {
  const { guest, protocol, address, port, name } = to;
  if (!isIPv4(address)) return { allow: false, rule: undefined, closed: true }; // no rule can name it
  const bits = asBits(address);
  const shut = [...ALWAYS_CLOSED, ...ranges].filter((one) => holds(one, bits));
  const opens = (rule: Rule): boolean => {
    if (rule.name !== undefined) return own?.(rule.name).includes(address) ?? false;
    return shut.some(({ first, last }) => rule.first >= first && rule.last <= last);
  };
  const decides = (rule: Rule): boolean =>
    (rule.protocol === undefined || rule.protocol === protocol) &&
    (rule.name === undefined ? holds(rule, bits) : name !== undefined && fitsName(rule, name)) &&
    port >= rule.firstPort &&
    port <= rule.lastPort &&
    fitsGuest(rule, guest) &&
    (!rule.allow || shut.length === 0 || opens(rule));
  const rule = rules.find(decides);
  const closed = shut.length > 0;
  return { allow: rule ? rule.allow : !closed && otherwise, rule, closed };
}

/** True if a flow to this address and port is let through; `closed` are closed besides those that always are. */
export const isAllowed = (
  rules: readonly Rule[],
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  closed: readonly Range[] = [],
): boolean => decide(rules, { protocol, address, port }, { ranges: closed }).allow;

/** The rules in a word: `any`, or each as it was given, those that deny with a `!`. */
export function sayRules(rules: readonly Rule[]): string {
  const each = rules.map(({ allow, text }) => (allow ? text : `!${text}`));
  return rules.some(({ allow }) => allow) ? each.join(',') : ['any', ...each].join(',');
}
