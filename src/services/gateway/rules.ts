/**
 * Rules for flows: which destinations are let through, and for whom.
 *
 *     [GUEST=]CIDR[:PORT[-PORT]][/tcp|udp]     10.0.0.0/8, 0.0.0.0/0:80-443/tcp, 9.9.9.9:53
 *                                              2001:db8::/32, [::/0]:80-443/tcp, [2001:db8::1]:53
 *     [GUEST=]NAME[:PORT[-PORT]][/tcp|udp]     example.org:443, *.example.org, *
 *
 * GUEST is an address, a hardware address, or the name of a port of the switch. `*.example.org` is every name
 * below example.org, and not itself; `*` every destination. A name fits a flow by what its guest was told of it.
 *
 * The first rule that fits decides. What fits none is let through, unless there is a rule that allows
 * something: then it is not. Places that are closed are not let through by either; only a rule opens them
 * that allows nothing wider, so that who allows everything has not opened his own host with it; and no name
 * opens them, since whoever owns a name says where it leads.
 *
 * An address of IPv6 may lead to one of IPv4 that is written in it (NAT64, 6to4, Teredo). What is closed, or
 * denied, is so by those ways too; a rule that allows an address of IPv4 allows none of them, and of those that
 * lead to a closed place only a rule opens one that names it alone.
 * @module
 */
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import {
  type Block,
  blockOf,
  EVERYWHERE,
  embedded,
  inBlock,
  isWithin,
  placeOn,
  readBlock,
  widthOf,
} from '../block.ts';

/** Of the destination. */
export interface Rule extends Block {
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
  /** Dotted decimal, or RFC 5952's form. */
  readonly address: string;
  /** `02:00:5e:00:53:01`; undefined on a device without frames. */
  readonly mac?: string;
  /** The port of the switch that it is plugged into. */
  readonly port?: string;
  /** All addresses that it has, `address` among them, of both families; left out where it is the only one. */
  readonly addresses?: readonly string[];
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

const PORTS = String.raw`(?::(\d{1,5})(?:-(\d{1,5}))?)?`;
const PROTOCOL = String.raw`(?:\/(tcp|udp))?$`;
const ADDRESS = new RegExp(String.raw`^([\d.]+)(?:\/(\d{1,2}))?${PORTS}${PROTOCOL}`);
/** In brackets, for a port to follow: RFC 3986 §3.2.2. */
const ADDRESS6 = new RegExp(String.raw`^\[([\da-f:.]+)(?:\/(\d{1,3}))?\]${PORTS}${PROTOCOL}`, 'i');
const PLAIN_ADDRESS6 = new RegExp(
  String.raw`^([\da-f:.]*:[\da-f:.]*)(?:\/(\d{1,3}))?()()${PROTOCOL}`,
  'i',
);
const NAME =
  /^(\*|(?:\*\.(?:\w(?:[\w-]*\w)?\.)*|(?:\w(?:[\w-]*\w)?\.)+)[a-z][a-z0-9-]*)()(?::(\d{1,5})(?:-(\d{1,5}))?)?(?:\/(tcp|udp))?$/i;
const GUEST = /^(?:([\w.:-]+)=)?(.*)$/;

const HINT =
  'Give CIDR[:PORT[-PORT]][/tcp|udp] or NAME instead of CIDR, such as 10.0.0.0/8, 0.0.0.0/0:80-443/tcp, ' +
  '[2001:db8::/32]:443 or *.example.org:443.';

/**
 * Closed whatever host this is: "this" network and `::`, to which Linux connects as to loopback (RFC 1122
 * §3.2.1.3), loopback, link-local addresses (RFC 3927, RFC 4291 §2.5.6), 169.254.169.254 among them, and the
 * other places where clouds tell a machine its secrets; and groups of IPv6, which have no far end to carry to.
 */
export const ALWAYS_CLOSED: readonly Block[] = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '::', '::1', 'fe80::/10', 'ff00::/8'],
  ...['224.0.0.0/4', '255.255.255.255'],
  ...['fd00:ec2::254', 'fd20:ce::254', 'fd00:42::42'], // Amazon, Google, Scaleway
  ...['100.100.100.200', '168.63.129.16', '192.0.0.192'], // Alibaba, Azure, Oracle
].map((text) => readBlock('closed', text));

/** Read a rule. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` whose message says what would be right. */
export function parseRule(text: string, allow: boolean, proxy: boolean = false): Rule {
  const [, guest, rest = ''] = GUEST.exec(text) ?? [];
  const address = ADDRESS.exec(rest) ?? ADDRESS6.exec(rest) ?? PLAIN_ADDRESS6.exec(rest);
  const found = address ?? NAME.exec(rest);
  const [, place = '', bits = '', low, high, protocol] = found ?? [];
  const firstPort = Number(low ?? '0');
  const lastPort = high ? Number(high) : firstPort || 65_535;
  const block = address ? blockOf(place, Number(bits || widthOf(place))) : EVERYWHERE;
  const isGood = found !== null && lastPort <= 65_535 && firstPort <= lastPort;
  if (block === undefined || !isGood) {
    throw Object.assign(new TypeError(HINT), { code: 'ERR_INVALID_ARG_VALUE' });
  }
  const name = place === '*' || address ? undefined : place.toLowerCase().replace(/^\*/, '');
  return {
    ...block,
    ...{ allow, firstPort, lastPort, text },
    protocol: protocol as Rule['protocol'],
    ...(proxy && { proxy }),
    ...(name !== undefined && { name }),
    ...(guest !== undefined && { guest: readGuest(guest) }),
  };
}

/** In small letters, and an address as it is written everywhere else (RFC 5952). */
const readGuest = (guest: string): string =>
  isIPv6(guest) ? ipaddr.IPv6.parse(guest).toRFC5952String() : guest.toLowerCase();

/** True if `rule` is about this name. */
export const fitsName = (rule: Rule, name: string): boolean =>
  rule.name === undefined ||
  (rule.name.startsWith('.') ? name.endsWith(rule.name) : name === rule.name);

/** True if `rule` is about this guest: by any of its addresses, whichever it uses. */
export function fitsGuest({ guest }: Rule, who: Guest | undefined): boolean {
  return guest === undefined || (who !== undefined && isGuest(who, guest));
}

/** True if a guest is meant by `named`: an address, a hardware address, or the name of a port in small letters. */
export const isGuest = ({ address, mac, port, addresses }: Guest, named: string): boolean =>
  named === address ||
  named === mac ||
  named === port?.toLowerCase() ||
  (addresses?.includes(named) ?? false);

/** What is known besides the rules. */
export interface Closed {
  /**
   * Closed besides what always is, as it is now: lists, of which each is opened by itself. So a rule for a network
   * that is closed opens no address in it that is closed for another reason, as this host's own.
   */
  readonly closings: readonly (readonly Block[])[];
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

/** Which blocks of a list an address is in, as long as there is the list: of the same few flows are many. */
const knownAt = new WeakMap<readonly Block[], Map<bigint, readonly Block[]>>();
const MOST_KNOWN = 1000;

function blocksAt(list: readonly Block[], at: bigint): readonly Block[] {
  let known = knownAt.get(list);
  if (known === undefined) {
    known = new Map();
    knownAt.set(list, known);
  }
  let found = known.get(at);
  if (found === undefined) {
    found = list.filter((one) => inBlock(one, at));
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(at, found);
  }
  return found;
}

/** Hold the rules against a destination; `otherwise`: what becomes of what fits none. */
export function decide(
  rules: readonly Rule[],
  to: Destination,
  { closings, own }: Closed,
  otherwise: boolean = !rules.some(({ allow }) => allow),
): Decision {
  const { guest, protocol, address, port, name } = to;
  const place = placeOn(address);
  if (place === undefined) return { allow: false, rule: undefined, closed: true }; // no rule can name it
  const within = embedded(place);
  const closing = (at: bigint): (readonly Block[])[] => {
    const found: (readonly Block[])[] = [];
    for (const list of [ALWAYS_CLOSED, ...closings]) {
      const within = blocksAt(list, at);
      if (within.length > 0) found.push(within);
    }
    return found;
  };
  const shut = closing(place);
  for (const inner of within)
    if (closing(inner).length > 0) shut.push([{ first: place, last: place }]);
  const opens = (rule: Rule): boolean => {
    if (rule.name !== undefined) return own?.(rule.name).includes(address) ?? false;
    return shut.every((list) => list.some((one) => isWithin(rule, one)));
  };
  const isAbout = (rule: Rule): boolean => {
    if (rule.name !== undefined) return name !== undefined && fitsName(rule, name);
    return inBlock(rule, place) || (!rule.allow && within.some((inner) => inBlock(rule, inner)));
  };
  const decides = (rule: Rule): boolean =>
    (rule.protocol === undefined || rule.protocol === protocol) &&
    isAbout(rule) &&
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
  closed: readonly Block[] = [],
): boolean => decide(rules, { protocol, address, port }, { closings: [closed] }).allow;

/** The rules in a word: `any`, or each as it was given, those that deny with a `!`. */
export function sayRules(rules: readonly Rule[]): string {
  const each = rules.map(({ allow, text }) => (allow ? text : `!${text}`));
  return rules.some(({ allow }) => allow) ? each.join(',') : ['any', ...each].join(',');
}
