/**
 * What an interface and its peers may be told.
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import type { Prefix } from '../prefix.ts';

export interface WireGuardOptions {
  /** Our secret, 32 bytes; may be wiped afterwards. */
  readonly privateKey: Uint8Array;
  /** The longest packet inside, in bytes. */
  readonly mtu: number;
  /**
   * Handshake messages a second beyond which their senders must show, by a cookie, that they get what is sent to their
   * address. Default 256.
   */
  readonly handshakesPerSecond?: number | undefined;
}

/** What of a peer may be changed. */
export interface PeerChange {
  /** 32 bytes; zeros for none. */
  readonly presharedKey?: Uint8Array | undefined;
  readonly endpoint?: Endpoint | undefined;
  /** Seconds between two persistent keepalives, 0 to 65 535; 0: none. */
  readonly persistentKeepalive?: number | undefined;
  /** Take its allowed IPs away first. */
  readonly replaceAllowedIps?: boolean | undefined;
  /** Prefixes that are its from now on, whoever had them. */
  readonly allowedIps?: readonly Prefix[] | undefined;
}
