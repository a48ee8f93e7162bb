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
  // IPv4 in.
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
  // ICMP in.
  ICMP_MALFORMED: 23,
  ICMP_CHECKSUM: 24,
  ICMP_TYPE: 25,
  ICMP_BROADCAST: 26,
  ICMP_NO_MATCH: 27,
  // UDP in.
  UDP_MALFORMED: 28,
  UDP_CHECKSUM: 29,
  UDP_NO_PORT: 30,
  UDP_QUEUE_FULL: 31,
  UDP_REFUSED: 32,
  UDP_FLOW_LIMIT: 33,
  // TCP in.
  TCP_MALFORMED: 34,
  TCP_CHECKSUM: 35,
  TCP_NO_CONNECTION: 36,
  TCP_ADDRESS: 37,
  TCP_BAD_FLAGS: 38,
  TCP_OUT_OF_WINDOW: 39,
  TCP_DUPLICATE: 40,
  TCP_PAWS: 41,
  TCP_BAD_ACK: 42,
  TCP_BAD_RST: 43,
  TCP_BAD_SYN: 44,
  TCP_NO_ACK: 45,
  TCP_SYN_QUEUE_FULL: 46,
  TCP_ACCEPT_QUEUE_FULL: 47,
  TCP_NO_BUFFER: 48,
  TCP_AFTER_CLOSE: 49,
  TCP_TIME_WAIT: 50,
  TCP_REFUSED: 51,
  TCP_LIMIT: 52,
  TCP_MEMORY: 53,
  // IGMP in.
  IGMP_MALFORMED: 54,
  // Out.
  OUT_NO_SLOT: 55,
  OUT_QUEUE_FULL: 56,
  OUT_DEVICE_GONE: 57,
  OUT_FILTERED: 58,
  OUT_UNRESOLVED: 59,
  LOOPBACK_FULL: 60,
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
