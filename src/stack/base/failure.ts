/**
 * How a connection or a datagram's destination can fail, as small numbers.
 *
 * The core reports one of these; `api/errors.ts` makes Node's `Error` of it, with the code that
 * `name` gives here.
 * @module
 */

export const Failure = {
  /** It did not: an orderly end. */
  NONE: 0,
  /** The peer refused the connection (RST to a SYN, or ICMP port unreachable). */
  REFUSED: 1,
  /** The peer reset an open connection. */
  RESET: 2,
  /** Nothing was heard for too long. */
  TIMED_OUT: 3,
  HOST_UNREACHABLE: 4,
  NET_UNREACHABLE: 5,
  /** Written to after the sending side was closed or the connection was gone. */
  PIPE: 6,
  /** We gave it up ourselves (abort). */
  ABORTED: 7,
  ADDRESS_IN_USE: 8,
  ADDRESS_NOT_AVAILABLE: 9,
  /** No packet slot, buffer or queue place was left. */
  NO_BUFFERS: 10,
  /** The datagram is longer than the path or the protocol carries. */
  MESSAGE_SIZE: 11,
  /** The device is gone. */
  NET_DOWN: 12,
  /** Refused by an administrator's filter (ICMP codes 9, 10, 13). */
  PROHIBITED: 13,
  /** The peer's protocol is not there (ICMP code 2). */
  PROTOCOL: 14,
  /** The stack was closed. */
  CLOSED: 15,
  /** Memory that was lent to be sent from is gone: transferred away, or made smaller. */
  FAULT: 16,
} as const;

export type Failure = (typeof Failure)[keyof typeof Failure];

const CODES: readonly string[] = [
  '',
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ECONNABORTED',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'EMSGSIZE',
  'ENETDOWN',
  'EACCES',
  'ENOPROTOOPT',
  'ENETDOWN',
  'EFAULT',
];

/** Node's code for it, as in `error.code`; empty for `Failure.NONE`. */
export const failureCode = (failure: Failure): string => CODES[failure] ?? '';
