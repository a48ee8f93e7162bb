/**
 * The options of Neighbour Discovery, read and written in place. RFC 4861 §4.6: type, length in units of
 * eight octets, and what the type says. RFC 8106 §5 (servers and search lists for DNS), RFC 3971 §5.3.2
 * (nonce, as RFC 7527 uses it), RFC 4191 §2.3 (routes).
 *
 * Ask `valid` of the whole list first. An option is told by where it begins.
 * @module
 */

export const Option = {
  SOURCE_LINK: 1,
  TARGET_LINK: 2,
  PREFIX: 3,
  REDIRECTED: 4,
  MTU: 5,
  NONCE: 14,
  ROUTE: 24,
  DNS_SERVERS: 25,
  DNS_SEARCH: 31,
} as const;

/** `find`: there is none. */
export const NO_OPTION = -1;
/** Of a link-layer address of Ethernet (RFC 2464 §6), an MTU, or a nonce of six octets. */
export const SHORT_LEN = 8;
/** Bytes of a prefix information option. RFC 4861 §4.6.2. */
export const PREFIX_LEN = 32;
/** A lifetime that does not end. */
export const FOREVER = 0xffff_ffff;

/** Of a prefix: on this link; addresses may be made from it. RFC 4861 §4.6.2. */
export const PrefixFlag = { ON_LINK: 0x80, AUTONOMOUS: 0x40 } as const;

/** RFC 4861 §4.6: true if the options from `at` fill the room up to `end`, and none is empty. */
export function valid(v: DataView, at: number, end: number): boolean {
  let next = at;
  while (next < end) {
    if (next + 2 > end) return false;
    const size = length(v, next);
    if (size === 0) return false;
    next += size;
  }
  return next === end;
}

/** The option’s type. RFC 4861 §4.6. */
export const kind = (v: DataView, option: number): number => v.getUint8(option);
/** In bytes. */
export const length = (v: DataView, option: number): number => v.getUint8(option + 1) * 8;

/** The first option of this kind of those from `at` to `end`, which are valid; `NO_OPTION`. */
export function find(v: DataView, at: number, end: number, wanted: number): number {
  for (let option = at; option < end; option += length(v, option)) {
    if (kind(v, option) === wanted) return option;
  }
  return NO_OPTION;
}

/** First 16 bits of a link-layer address of Ethernet. RFC 2464 §6. */
export const linkHi = (v: DataView, option: number): number => v.getUint16(option + 2);
/** Its last 32 bits, signed. */
export const linkLo = (v: DataView, option: number): number => v.getInt32(option + 4);

/** Write a link-layer address; gives the place behind it. RFC 4861 §4.6.1. */
export function writeLink(v: DataView, at: number, kind: number, hi: number, lo: number): number {
  v.setUint8(at, kind);
  v.setUint8(at + 1, 1);
  v.setUint16(at + 2, hi);
  v.setInt32(at + 4, lo);
  return at + SHORT_LEN;
}

/** True if the option is a prefix's, whole. */
export const isPrefix = (v: DataView, option: number): boolean =>
  length(v, option) === PREFIX_LEN && prefixBits(v, option) <= 128;
/** Its length, 0 to 128 where `isPrefix`. */
export const prefixBits = (v: DataView, option: number): number => v.getUint8(option + 2);
/** See `PrefixFlag`. */
export const prefixFlags = (v: DataView, option: number): number => v.getUint8(option + 3);
/** In seconds; `FOREVER`. */
export const validLifetime = (v: DataView, option: number): number => v.getUint32(option + 4);
/** In seconds; `FOREVER`. */
export const preferredLifetime = (v: DataView, option: number): number => v.getUint32(option + 8);
/** Where the 16 octets of the prefix begin. */
export const prefixAt = (option: number): number => option + 16;

/** A prefix but for its octets, which begin at `prefixAt`. Lifetimes in seconds. Gives where the next begins. */
export function writePrefix(
  v: DataView,
  at: number,
  bits: number,
  flags: number,
  valid: number,
  preferred: number,
): number {
  v.setUint8(at, Option.PREFIX);
  v.setUint8(at + 1, PREFIX_LEN / 8);
  v.setUint8(at + 2, bits);
  v.setUint8(at + 3, flags);
  v.setUint32(at + 4, valid);
  v.setUint32(at + 8, preferred);
  v.setUint32(at + 12, 0);
  return at + PREFIX_LEN;
}

/** The head of an option that quotes `quoted` bytes, a multiple of 8, of a packet. Gives where they belong. RFC 4861 §4.6.3. */
export function writeRedirected(v: DataView, at: number, quoted: number): number {
  v.setUint16(at, (Option.REDIRECTED << 8) | (1 + quoted / 8));
  v.setUint16(at + 2, 0);
  v.setUint32(at + 4, 0);
  return at + 8;
}

/** Of an MTU. RFC 4861 §4.6.4. */
export const mtu = (v: DataView, option: number): number => v.getUint32(option + 4);

/** Write an MTU in bytes; gives the place behind it. RFC 4861 §4.6.4. */
export function writeMtu(v: DataView, at: number, mtu: number): number {
  v.setUint16(at, (Option.MTU << 8) | 1);
  v.setUint16(at + 2, 0);
  v.setUint32(at + 4, mtu);
  return at + SHORT_LEN;
}

/** A nonce of six octets is laid out as a link-layer address: `linkHi`, `linkLo`. RFC 3971 §5.3.2. */
export const isShortNonce = (v: DataView, option: number): boolean =>
  kind(v, option) === Option.NONCE && length(v, option) === SHORT_LEN;

/** RFC 4191 §2.1. */
const RESERVED_PREFERENCE = 2;

/** RFC 4191 §2.1: bits 3 and 4 of an octet of flags. */
export const preferenceOf = (flags: number): -1 | 0 | 1 => {
  const bits = (flags >> 3) & 3;
  if (bits === 1) return 1;
  return bits === 3 ? -1 : 0;
};

/**
 * True if the option is a route's: as many octets of the prefix as its length needs (RFC 4191 §2.3), and a preference
 * that is none of those reserved, whose option is to be ignored.
 */
export function isRoute(v: DataView, option: number): boolean {
  const bits = v.getUint8(option + 2);
  const octets = length(v, option) - 8;
  if (octets > 16 || bits > octets * 8 || bits > 128) return false;
  return ((v.getUint8(option + 3) >> 3) & 3) !== RESERVED_PREFERENCE;
}
/** 0 to 128 where `isRoute`. */
export const routeBits = (v: DataView, option: number): number => v.getUint8(option + 2);
/** -1, 0 or 1. RFC 4191 §2.1. */
export const routePreference = (v: DataView, option: number): -1 | 0 | 1 =>
  preferenceOf(v.getUint8(option + 3));
/** In seconds; `FOREVER`; 0: no longer. */
export const routeLifetime = (v: DataView, option: number): number => v.getUint32(option + 4);
/** One of the four words of its prefix, 0 where the option ends before. */
export const routeWord = (v: DataView, option: number, index: number): number =>
  8 + index * 4 < length(v, option) ? v.getInt32(option + 8 + index * 4) : 0;

/** RFC 8106 §5.1: how many servers an option of `DNS_SERVERS` names; 0 where it is malformed. */
export const serverCount = (v: DataView, option: number): number => {
  const size = length(v, option) - 8;
  return size >= 16 && size % 16 === 0 ? size / 16 : 0;
};
/** Of `DNS_SERVERS` and `DNS_SEARCH`, in seconds; `FOREVER`; 0: no longer. */
export const dnsLifetime = (v: DataView, option: number): number => v.getUint32(option + 4);
/** Where the 16 octets of the server at `index` begin. */
export const serverAt = (option: number, index: number): number => option + 8 + index * 16;

/**
 * The domains of an option of `DNS_SEARCH`, as names with dots; those before the first that does not hold
 * together, without compression. RFC 8106 §5.2, RFC 1035 §3.1. Allocates.
 */
export function searchList(v: DataView, option: number): string[] {
  const end = option + length(v, option);
  const domains: string[] = [];
  let labels: string[] = [];
  let size = 0;
  for (let at = option + 8; at < end; ) {
    const count = v.getUint8(at++);
    if (count === 0) {
      if (labels.length === 0) break; // padding
      domains.push(labels.join('.'));
      labels = [];
      size = 0;
      continue;
    }
    size += count + 1;
    if (count > 63 || at + count > end || size > 254) break;
    labels.push(label(v, at, count));
    at += count;
  }
  return domains;
}

/** What is no letter, digit, hyphen or underscore is written in RFC 1035 §5.1's way, and means nothing else. */
function label(v: DataView, at: number, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) {
    const octet = v.getUint8(at + i);
    const character = String.fromCharCode(octet);
    text += /[-\w]/.test(character) ? character : `\\${String(octet).padStart(3, '0')}`;
  }
  return text;
}
