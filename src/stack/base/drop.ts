/**
 * Why a packet was discarded: one small number a packet, and its name for people.
 *
 * Every `input` function of the stack returns one of these; `Drop.NONE` says that the packet was
 * used. They are counted in one place, so that packets in = packets used + the sum of the drops.
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
  IP_TRUNCATED: 7,
  IP_HEADER: 8,
  IP_CHECKSUM: 9,
  IP_OPTIONS: 10,
  IP_SOURCE_ROUTE: 11,
  IP_SOURCE: 12,
  IP_NOT_OURS: 13,
  IP_TTL: 14,
  IP_PROTOCOL: 15,
  IP_FRAGMENT: 16,
  IP_FRAGMENT_OVERLAP: 17,
  IP_FRAGMENT_LIMIT: 18,
  IP_FRAGMENT_TIMEOUT: 19,
  IP_FILTERED: 20,
  IP_NO_ROUTE: 21,
  IP_TOO_BIG: 22,
  IP_EXTENSION: 23,
  IP_EXTENSION_LIMIT: 24,
  // ICMP in.
  ICMP_MALFORMED: 25,
  ICMP_CHECKSUM: 26,
  ICMP_TYPE: 27,
  ICMP_BROADCAST: 28,
  ICMP_NO_MATCH: 29,
  // UDP in.
  UDP_MALFORMED: 30,
  UDP_CHECKSUM: 31,
  UDP_NO_PORT: 32,
  UDP_QUEUE_FULL: 33,
  UDP_REFUSED: 34,
  UDP_FLOW_LIMIT: 35,
  // TCP in.
  TCP_MALFORMED: 36,
  TCP_CHECKSUM: 37,
  TCP_NO_CONNECTION: 38,
  TCP_ADDRESS: 39,
  TCP_BAD_FLAGS: 40,
  TCP_OUT_OF_WINDOW: 41,
  TCP_DUPLICATE: 42,
  TCP_PAWS: 43,
  TCP_BAD_ACK: 44,
  TCP_BAD_RST: 45,
  TCP_BAD_SYN: 46,
  TCP_NO_ACK: 47,
  TCP_SYN_QUEUE_FULL: 48,
  TCP_ACCEPT_QUEUE_FULL: 49,
  TCP_NO_BUFFER: 50,
  TCP_AFTER_CLOSE: 51,
  TCP_TIME_WAIT: 52,
  TCP_REFUSED: 53,
  TCP_LIMIT: 54,
  TCP_MEMORY: 55,
  // IGMP in.
  IGMP_MALFORMED: 56,
  // MLD and Neighbour Discovery in.
  MLD_MALFORMED: 57,
  ND_MALFORMED: 58,
  ND_FRAGMENT: 59,
  ND_NO_LINK: 60,
  ND_NOT_OURS: 61,
  ND_IGNORED: 62,
  ND_REDIRECT: 63,
  // Out.
  OUT_NO_SLOT: 64,
  OUT_QUEUE_FULL: 65,
  OUT_DEVICE_GONE: 66,
  OUT_FILTERED: 67,
  OUT_UNRESOLVED: 68,
  LOOPBACK_FULL: 69,
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

/** The reason's name as `stack.stats().drops` has it: `tcpBadAck` for `Drop.TCP_BAD_ACK`. */
export const dropName = (reason: Drop): string => names[reason] ?? `drop${reason}`;

/** True if the packet was on its way out of the stack. */
export const isOutbound = (reason: Drop): boolean => reason >= FIRST_OUT;
