/**
 * WireGuard's constants, times in microseconds. "WireGuard: Next Generation Kernel Network Tunnel", §6.1; what the
 * paper leaves open is as in wireguard-go.
 * @module
 */

export const Limit = {
  /** REKEY_AFTER_TIME. */
  REKEY_AFTER: 120e6,
  /** REJECT_AFTER_TIME. */
  REJECT_AFTER: 180e6,
  /** REKEY_ATTEMPT_TIME. */
  REKEY_ATTEMPT: 90e6,
  /** REKEY_TIMEOUT. */
  REKEY_TIMEOUT: 5e6,
  /** KEEPALIVE_TIMEOUT. */
  KEEPALIVE: 10e6,
  /** Keys are forgotten so long after the last handshake. */
  FORGET: 540e6,
  /** At most this much is added to REKEY_TIMEOUT, so that two ends do not keep in step. */
  JITTER: 334_000,
  /** Tries within REKEY_ATTEMPT_TIME. */
  ATTEMPTS: 18,
  /** REKEY_AFTER_MESSAGES, 2^60, as the high half of a counter. */
  REKEY_HIGH: 0x1000_0000,
  /** REJECT_AFTER_MESSAGES, 2^64 - 2^13 - 1, in two halves. */
  REJECT_HIGH: 0xffff_ffff,
  REJECT_LOW: 0xffff_dfff,
  /** An initiator that is busy receiving begins the next session so long before it must. */
  REKEY_RECEIVING: 165e6,
  /** A peer's initiations are taken once in so long: 50 a second. */
  INITIATION_EVERY: 20_000,
  /** Packets that wait for a handshake, a peer. */
  STAGED: 128,
} as const;
