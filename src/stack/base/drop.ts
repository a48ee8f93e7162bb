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
  // IPv4 in.
  IP_VERSION: 5,
  IP_TRUNCATED: 6,
  IP_HEADER: 7,
  IP_CHECKSUM: 8,
  IP_OPTIONS: 9,
  IP_SOURCE_ROUTE: 10,
  IP_SOURCE: 11,
  IP_NOT_OURS: 12,
  IP_TTL: 13,
  IP_PROTOCOL: 14,
  IP_FRAGMENT: 15,
  IP_FRAGMENT_OVERLAP: 16,
  IP_FRAGMENT_LIMIT: 17,
  IP_FRAGMENT_TIMEOUT: 18,
  IP_FILTERED: 19,
  IP_NO_ROUTE: 20,
  IP_TOO_BIG: 21,
  // ICMP in.
  ICMP_MALFORMED: 22,
  ICMP_CHECKSUM: 23,
  ICMP_TYPE: 24,
  ICMP_BROADCAST: 25,
  ICMP_NO_MATCH: 26,
  // UDP in.
  UDP_MALFORMED: 27,
  UDP_CHECKSUM: 28,
  UDP_NO_PORT: 29,
  UDP_QUEUE_FULL: 30,
  UDP_REFUSED: 31,
  UDP_FLOW_LIMIT: 32,
  // TCP in.
  TCP_MALFORMED: 33,
  TCP_CHECKSUM: 34,
  TCP_NO_CONNECTION: 35,
  TCP_ADDRESS: 36,
  TCP_BAD_FLAGS: 37,
  TCP_OUT_OF_WINDOW: 38,
  TCP_DUPLICATE: 39,
  TCP_PAWS: 40,
  TCP_BAD_ACK: 41,
  TCP_BAD_RST: 42,
  TCP_BAD_SYN: 43,
  TCP_NO_ACK: 44,
  TCP_SYN_QUEUE_FULL: 45,
  TCP_ACCEPT_QUEUE_FULL: 46,
  TCP_NO_BUFFER: 47,
  TCP_AFTER_CLOSE: 48,
  TCP_TIME_WAIT: 49,
  TCP_REFUSED: 50,
  TCP_LIMIT: 51,
  TCP_MEMORY: 52,
  // IGMP in.
  IGMP_MALFORMED: 53,
  // Out.
  OUT_NO_SLOT: 54,
  OUT_QUEUE_FULL: 55,
  OUT_DEVICE_GONE: 56,
  OUT_FILTERED: 57,
  OUT_UNRESOLVED: 58,
  LOOPBACK_FULL: 59,
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
