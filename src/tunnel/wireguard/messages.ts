/**
 * WireGuard's four messages: types, lengths, and where each field stands. All numbers are little-endian; the three
 * bytes behind the type are zero. "WireGuard: Next Generation Kernel Network Tunnel", §5.4.
 * @module
 */

export const Type = { INITIATION: 1, RESPONSE: 2, COOKIE: 3, DATA: 4 } as const;

/** Bytes of each message; of DATA the header and the tag, without what is between them. */
export const Length = { INITIATION: 148, RESPONSE: 92, COOKIE: 64, DATA: 32 } as const;

/** §5.4.2. */
export const Initiation = {
  sender: 4,
  ephemeral: 8,
  static: 40,
  timestamp: 88,
  mac1: 116,
  mac2: 132,
} as const;

/** §5.4.3. */
export const Response = {
  sender: 4,
  receiver: 8,
  ephemeral: 12,
  empty: 44,
  mac1: 60,
  mac2: 76,
} as const;

/** §5.4.7. */
export const Cookie = { receiver: 4, nonce: 8, cookie: 32 } as const;

/** §5.4.6. */
export const Data = { receiver: 4, counter: 8, text: 16 } as const;

export const KEY_LENGTH = 32;
export const TAG_LENGTH = 16;
export const MAC_LENGTH = 16;
export const TIMESTAMP_LENGTH = 12;
export const NONCE_LENGTH = 24;
/** Text is padded with zeros to a multiple of this. */
export const PADDING = 16;

/** The 32 bits at `at`, signed: a small integer for V8. */
export const int32 = (bytes: Uint8Array, at: number): number =>
  // Asked only of what has been found long enough.
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24);

export function putInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
