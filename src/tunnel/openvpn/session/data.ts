/**
 * The data channel, version 2: one key of it, both ways.
 *
 * A packet is the first byte, the peer id in 24 bits, the packet id in 32, the tag in 16 bytes, and the text. The first
 * eight bytes are authenticated with it; the nonce is the packet id and eight bytes that belong to the key (crypto.c of
 * OpenVPN 2.6, `openvpn_encrypt_aead`).
 * @module
 */
import { REAL_ZERO } from '../../../stack/base/real.ts';
import type { Aead, AeadMaker, AeadName } from '../../crypto/aead.ts';
import { ReplayWindow } from '../../replay.ts';
import { directions } from '../wrap/static-key.ts';
import { firstByte, Op } from './packet.ts';

/** Before the text: first byte, peer id, packet id, tag. */
export const DATA_OVERHEAD = 24;
const AAD = 8;
const TAG_AT = 8;
/** How far behind the newest a packet may come: 4064 of them; OpenVPN's own default is 64 (`--replay-window`). */
export const REPLAY_WORDS = 128;
/** Where a new key is to be agreed on: a packet id is never used twice (packet_id.h, `PACKET_ID_WRAP_TRIGGER`). */
const NEARLY_SPENT = 0xff00_0000;
const SPENT = 0xffff_ffff;
/** No peer id: DATA_V2 of who was given none. */
export const NO_PEER = 0xff_ffff;

/** By the names that are negotiated, what OpenSSL calls them and how long their keys are. */
export const CIPHERS: Readonly<Record<string, { readonly aead: AeadName; readonly key: number }>> =
  {
    'AES-256-GCM': { aead: 'aes-256-gcm', key: 32 },
    'AES-128-GCM': { aead: 'aes-128-gcm', key: 16 },
    'CHACHA20-POLY1305': { aead: 'chacha20-poly1305', key: 32 },
  };

/** Why a packet was not opened. */
export type DataRefusal = 'short' | 'forged' | 'replayed';

export class DataKey {
  readonly keyId: number;
  /** Packets sealed; what is sealed next has one more as its id. */
  sent = 0;
  /** Bytes of text, both ways, for `reneg-bytes`. */
  bytes: number = REAL_ZERO;
  opened = 0;
  readonly #seal: Aead;
  readonly #open: Aead;
  readonly #replays = new ReplayWindow(REPLAY_WORDS);
  readonly #peerId: number;

  /** `keys`: 256 bytes, of which a client seals with the first half. They may be wiped then. */
  constructor(
    make: AeadMaker,
    cipher: string,
    keys: Uint8Array,
    role: 'client' | 'server',
    keyId: number,
    peerId: number,
  ) {
    const suite = CIPHERS[cipher];
    if (suite === undefined) throw new RangeError(`no cipher ${cipher}`); // negotiated: one of the table
    const both = directions(keys);
    const out = both[role === 'client' ? 0 : 1];
    const into = both[role === 'client' ? 1 : 0];
    this.keyId = keyId;
    this.#peerId = peerId;
    this.#seal = make(suite.aead, out.cipher.subarray(0, suite.key), 'seal');
    this.#open = make(suite.aead, into.cipher.subarray(0, suite.key), 'open');
    for (let i = 0; i < 8; i++) {
      this.#seal.nonce[4 + i] = out.hmac[i] as number; // 64 bytes
      this.#open.nonce[4 + i] = into.hmac[i] as number;
    }
  }

  /** True when another key is to be agreed on. */
  get nearlySpent(): boolean {
    return this.sent >= NEARLY_SPENT;
  }

  /** True when no packet more may be sealed with it. */
  get spent(): boolean {
    return this.sent >= SPENT;
  }

  /** Seal `length` bytes of `text`: `DATA_OVERHEAD` more come to `to`. Ask `spent` first. */
  seal(text: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number): void {
    const id = ++this.sent;
    const { nonce } = this.#seal;
    to[toAt] = firstByte(Op.DATA_V2, this.keyId);
    to[toAt + 1] = this.#peerId >>> 16;
    to[toAt + 2] = this.#peerId >>> 8;
    to[toAt + 3] = this.#peerId;
    nonce[0] = to[toAt + 4] = id >>> 24;
    nonce[1] = to[toAt + 5] = (id >>> 16) & 0xff;
    nonce[2] = to[toAt + 6] = (id >>> 8) & 0xff;
    nonce[3] = to[toAt + 7] = id & 0xff;
    const textAt = toAt + DATA_OVERHEAD;
    this.#seal.seal(text, at, length, to, textAt, toAt + TAG_AT, toAt, AAD);
    this.bytes += length;
  }

  /** Open a packet in place: its text is then at `at + DATA_OVERHEAD`. Undefined if it is what the peer sealed. */
  open(packet: Uint8Array, at: number, length: number): DataRefusal | undefined {
    const text = length - DATA_OVERHEAD;
    if (text < 0) return 'short';
    const { nonce } = this.#open;
    for (let i = 0; i < 4; i++) nonce[i] = packet[at + 4 + i] as number; // as long as DATA_OVERHEAD at least
    const ok = this.#open.open(packet, at + DATA_OVERHEAD, text, at + TAG_AT, at, AAD);
    if (!ok) return 'forged';
    const id =
      (((nonce[0] as number) << 24) |
        ((nonce[1] as number) << 16) |
        ((nonce[2] as number) << 8) |
        (nonce[3] as number)) >>>
      0;
    if (id === 0 || !this.#replays.accept(0, id)) return 'replayed';
    this.opened++;
    this.bytes += text;
    return undefined;
  }

  close(): void {
    this.#seal.close();
    this.#open.close();
  }
}

/** Sent as text when nothing else was: the other end hears that we are there (ping.c). */
export const PING: Uint8Array = Uint8Array.of(
  ...[
    0x2a, 0x18, 0x7b, 0xf3, 0x64, 0x1e, 0xb4, 0xcb, 0x07, 0xed, 0x2d, 0x0a, 0x98, 0x1f, 0xc7, 0x48,
  ],
);
/** Likewise: this end is going (occ.c, `OCC_EXIT`), for peers without `cc-exit`. */
export const OCC_EXIT: Uint8Array = Uint8Array.of(
  ...[
    0x28, 0x7f, 0x34, 0x6b, 0xd4, 0xef, 0x7a, 0x81, 0x2d, 0x56, 0xb8, 0xd3, 0xaf, 0xc5, 0x45, 0x9c,
    6,
  ],
);

/** True if the `length` bytes at `at` begin with `what`. */
export function startsWith(
  bytes: Uint8Array,
  at: number,
  length: number,
  what: Uint8Array,
): boolean {
  if (length < what.length) return false;
  for (let i = 0; i < what.length; i++) if (bytes[at + i] !== what[i]) return false;
  return true;
}
