/**
 * Why a packet was discarded: one small number a packet, and its name for people.
 *
 * Every `input` function of the stack returns one of these; `Drop.NONE` says that the packet was
 * used. They are counted in one place, so that packets in = packets used + the sum of the drops.
 * Some of them say no more than that it was for others (`isIgnored`): a link brings to everyone what
 * is for some, and what is for others is no loss.
 * @module
 */

export const Drop = {
  /** Not dropped: used, answered, or kept. */
  NONE: 0,
  // The device and the link.
  NO_SLOT: 1,
  TOO_LONG: 2,
  LINK_UNKNOWN: 3,
  LINK_MALFORMED: 4,
  LINK_NOT_OURS: 5,
  // IP in.
  IP_VERSION: 6,
  IP_NO_FAMILY: 7,
  IP_TRUNCATED: 8,
  IP_HEADER: 9,
  IP_CHECKSUM: 10,
  IP_OPTIONS: 11,
  IP_SOURCE_ROUTE: 12,
  IP_SOURCE: 13,
  IP_NOT_OURS: 14,
  IP_NOT_MEMBER: 15,
  IP_TTL: 16,
  IP_PROTOCOL: 17,
  IP_FRAGMENT: 18,
  IP_FRAGMENT_OVERLAP: 19,
  IP_FRAGMENT_LIMIT: 20,
  IP_FRAGMENT_TIMEOUT: 21,
  IP_FILTERED: 22,
  IP_NO_ROUTE: 23,
  IP_TOO_BIG: 24,
  IP_EXTENSION: 25,
  IP_EXTENSION_LIMIT: 26,
  // ICMP in.
  ICMP_MALFORMED: 27,
  ICMP_CHECKSUM: 28,
  ICMP_TYPE: 29,
  ICMP_BROADCAST: 30,
  ICMP_NO_MATCH: 31,
  // UDP in.
  UDP_MALFORMED: 32,
  UDP_CHECKSUM: 33,
  UDP_NO_PORT: 34,
  UDP_IGNORED_MULTI: 35,
  UDP_QUEUE_FULL: 36,
  UDP_REFUSED: 37,
  UDP_FLOW_LIMIT: 38,
  // TCP in.
  TCP_MALFORMED: 39,
  TCP_CHECKSUM: 40,
  TCP_NO_CONNECTION: 41,
  TCP_ADDRESS: 42,
  TCP_BAD_FLAGS: 43,
  TCP_OUT_OF_WINDOW: 44,
  TCP_DUPLICATE: 45,
  TCP_PAWS: 46,
  TCP_BAD_ACK: 47,
  TCP_BAD_RST: 48,
  TCP_BAD_SYN: 49,
  TCP_NO_ACK: 50,
  TCP_SYN_QUEUE_FULL: 51,
  TCP_ACCEPT_QUEUE_FULL: 52,
  TCP_NO_BUFFER: 53,
  TCP_AFTER_CLOSE: 54,
  TCP_TIME_WAIT: 55,
  TCP_REFUSED: 56,
  TCP_LIMIT: 57,
  TCP_MEMORY: 58,
  // IGMP in.
  IGMP_MALFORMED: 59,
  // MLD and Neighbour Discovery in.
  MLD_MALFORMED: 60,
  ND_MALFORMED: 61,
  ND_FRAGMENT: 62,
  ND_NO_LINK: 63,
  ND_NOT_OURS: 64,
  ND_IGNORED: 65,
  ND_REDIRECT: 66,
  // Out.
  OUT_NO_SLOT: 67,
  OUT_QUEUE_FULL: 68,
  OUT_DEVICE_GONE: 69,
  OUT_FILTERED: 70,
  OUT_UNRESOLVED: 71,
  LOOPBACK_FULL: 72,
} as const;

/** A drop reason; `Drop.NONE` is none. */
export type Drop = (typeof Drop)[keyof typeof Drop];

/** How many reasons there are, `NONE` included. */
export const DROP_COUNT: number = Object.keys(Drop).length;

/** The first reason that is about a packet on its way out. */
const FIRST_OUT = Drop.OUT_NO_SLOT;

const names: string[] = [];
for (const [name, reason] of Object.entries(Drop)) {
  names[reason] = name
    .toLowerCase()
    .replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase());
}

/** The reason's name as `stack.stats()` has it: `tcpBadAck` for `Drop.TCP_BAD_ACK`. */
export const dropName = (reason: Drop): string => names[reason] ?? `drop${reason}`;

/** True if the packet was on its way out of the stack. */
export const isOutbound = (reason: Drop): boolean => reason >= FIRST_OUT;

/**
 * What links bring to everyone, and is for others. RFC 1122 §2.4 and §3.3.6; RFC 1112 §7.2: a host
 * discards it without a word. Linux has no counter of errors for it either.
 */
const IGNORED: ReadonlySet<Drop> = new Set<Drop>([
  Drop.LINK_UNKNOWN,
  Drop.LINK_NOT_OURS,
  Drop.IP_NO_FAMILY,
  Drop.IP_NOT_MEMBER,
  Drop.UDP_IGNORED_MULTI,
  Drop.ND_NO_LINK,
  Drop.ND_NOT_OURS,
  Drop.ND_IGNORED,
]);

/** True if the packet was none of this stack's business, so that nothing is lost by its discard. */
export const isIgnored = (reason: Drop): boolean => IGNORED.has(reason);
