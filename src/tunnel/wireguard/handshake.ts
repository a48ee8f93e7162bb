/**
 * The handshake Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s, as functions of keys and bytes: what an initiator and a
 * responder write, read and know after it. "WireGuard: Next Generation Kernel Network Tunnel", §5.4.2 to §5.4.5.
 *
 * Nothing here decides whether a message is wanted: see `handshakes.ts`. The macs at the end of both messages are
 * `cookies.ts`'s.
 * @module
 */
import type { KeyObject } from 'node:crypto';
import {
  Initiation,
  int32,
  KEY_LENGTH,
  putInt32,
  Response,
  TAG_LENGTH,
  TIMESTAMP_LENGTH,
  Type,
} from './messages.ts';
import { hash, type KeyPair, kdf, openOnce, publicKeyOf, sealOnce, shared } from './primitives.ts';

const text = new TextEncoder();
const CONSTRUCTION = hash(text.encode('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s'));
const IDENTIFIER = text.encode('WireGuard v1 zx2c4 Jason@zx2c4.com');
const PROLOGUE = hash(CONSTRUCTION, IDENTIFIER);
const NOTHING = new Uint8Array(0);

/** What both know at a point of the handshake. */
export interface Transcript {
  /** C_i or C_r: the chaining key. */
  chain: Uint8Array;
  /** H_i or H_r: the hash of all that was said. */
  hash: Uint8Array;
}

/** An initiator between its message and the response to it. */
export interface Initiated extends Transcript {
  readonly ephemeral: KeyPair;
  /** The index that we chose. */
  readonly local: number;
}

/** The other end, as far as a handshake needs it. */
export interface Remote {
  /** Its public key, in both forms. */
  readonly publicKey: Uint8Array;
  readonly publicObject: KeyObject;
  /** What its static key and ours can compute: the same for every handshake. */
  readonly staticShared: Uint8Array;
  /** 32 bytes; zeros if there is none. */
  readonly presharedKey: Uint8Array;
}

/** Keys of a session, 32 bytes each. */
export interface SessionKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
  /** The index that the other end chose. */
  readonly remote: number;
}

const part = (bytes: Uint8Array, at: number, length: number): Uint8Array =>
  bytes.subarray(at, at + length);

/** Whether `key` is no point that a handshake can use: RFC 7748 §6.1. */
export const sharedWith = (pair: KeyPair, key: Uint8Array): Uint8Array | undefined =>
  shared(pair.privateKey, publicKeyOf(key));

/** Write an initiation at `at`, all but its macs. §5.4.2. Undefined if the other's key is of no use. */
export function initiate(
  own: KeyPair,
  remote: Remote,
  ephemeral: KeyPair,
  local: number,
  timestamp: Uint8Array,
  bytes: Uint8Array,
  at: number,
): Initiated | undefined {
  bytes.fill(0, at, at + 4);
  bytes[at] = Type.INITIATION;
  putInt32(bytes, at + Initiation.sender, local);
  bytes.set(ephemeral.publicKey, at + Initiation.ephemeral);
  let h = hash(hash(PROLOGUE, remote.publicKey), ephemeral.publicKey);
  const [c1] = kdf(CONSTRUCTION, ephemeral.publicKey, 1) as [Uint8Array];
  const es = shared(ephemeral.privateKey, remote.publicObject);
  if (es === undefined) return undefined;
  const [c2, k1] = kdf(c1, es, 2) as [Uint8Array, Uint8Array];
  const sealedStatic = sealOnce(k1, own.publicKey, h);
  bytes.set(sealedStatic, at + Initiation.static);
  h = hash(h, sealedStatic);
  const [c3, k2] = kdf(c2, remote.staticShared, 2) as [Uint8Array, Uint8Array];
  const sealedTime = sealOnce(k2, timestamp, h);
  bytes.set(sealedTime, at + Initiation.timestamp);
  wipe(c1, c2, es, k1, k2);
  return { ephemeral, local, chain: c3, hash: hash(h, sealedTime) };
}

/** What an initiation says at first: whose it is. The rest is read by `readTimestamp`. */
export interface Opened extends Transcript {
  /** The initiator's public key. */
  readonly publicKey: Uint8Array;
  readonly ephemeral: Uint8Array;
  /** The index that the initiator chose. */
  readonly remote: number;
}

/** Read whose an initiation is; undefined if it was not made for us. */
export function readInitiation(own: KeyPair, bytes: Uint8Array, at: number): Opened | undefined {
  const ephemeral = Uint8Array.from(part(bytes, at + Initiation.ephemeral, KEY_LENGTH));
  const h = hash(hash(PROLOGUE, own.publicKey), ephemeral);
  const [c1] = kdf(CONSTRUCTION, ephemeral, 1) as [Uint8Array];
  const es = sharedWith(own, ephemeral);
  if (es === undefined) return undefined;
  const [c2, key] = kdf(c1, es, 2) as [Uint8Array, Uint8Array];
  const sealed = part(bytes, at + Initiation.static, KEY_LENGTH + TAG_LENGTH);
  const publicKey = openOnce(key, sealed, h);
  wipe(c1, es, key);
  if (publicKey === undefined) return undefined;
  const remote = int32(bytes, at + Initiation.sender);
  return { publicKey, ephemeral, remote, chain: c2, hash: hash(h, sealed) };
}

/** Read when the initiation was made, which only the peer can have said. TAI64N; undefined if it is not its. */
export function readTimestamp(
  opened: Opened,
  remote: Remote,
  bytes: Uint8Array,
  at: number,
): Uint8Array | undefined {
  const [chain, key] = kdf(opened.chain, remote.staticShared, 2) as [Uint8Array, Uint8Array];
  const sealed = part(bytes, at + Initiation.timestamp, TIMESTAMP_LENGTH + TAG_LENGTH);
  const timestamp = openOnce(key, sealed, opened.hash);
  wipe(key, opened.chain);
  if (timestamp === undefined) return undefined;
  opened.chain = chain;
  opened.hash = hash(opened.hash, sealed);
  return timestamp;
}

/** Write the response to what was read, all but its macs. §5.4.3. Undefined if a key is of no use. */
export function respond(
  opened: Opened,
  remote: Remote,
  ephemeral: KeyPair,
  local: number,
  bytes: Uint8Array,
  at: number,
): SessionKeys | undefined {
  bytes.fill(0, at, at + 4);
  bytes[at] = Type.RESPONSE;
  putInt32(bytes, at + Response.sender, local);
  putInt32(bytes, at + Response.receiver, opened.remote);
  bytes.set(ephemeral.publicKey, at + Response.ephemeral);
  const [c1] = kdf(opened.chain, ephemeral.publicKey, 1) as [Uint8Array];
  const h = hash(opened.hash, ephemeral.publicKey);
  const ee = shared(ephemeral.privateKey, publicKeyOf(opened.ephemeral));
  const se = shared(ephemeral.privateKey, remote.publicObject);
  if (ee === undefined || se === undefined) return undefined;
  const { chain, key, hash: mixed } = mix(c1, h, ee, se, remote.presharedKey);
  const sealed = sealOnce(key, NOTHING, mixed);
  bytes.set(sealed, at + Response.empty);
  const [receive, send] = kdf(chain, NOTHING, 2) as [Uint8Array, Uint8Array];
  wipe(chain, key, opened.chain);
  return { send, receive, remote: opened.remote };
}

/** Read the response to our initiation; undefined if it is none. §5.4.3. */
export function readResponse(
  own: KeyPair,
  initiated: Initiated,
  remote: Remote,
  bytes: Uint8Array,
  at: number,
): SessionKeys | undefined {
  const theirs = Uint8Array.from(part(bytes, at + Response.ephemeral, KEY_LENGTH));
  const [c1] = kdf(initiated.chain, theirs, 1) as [Uint8Array];
  const h = hash(initiated.hash, theirs);
  const ee = sharedWith(initiated.ephemeral, theirs);
  const se = sharedWith(own, theirs);
  if (ee === undefined || se === undefined) return undefined;
  const { chain, key, hash: mixed } = mix(c1, h, ee, se, remote.presharedKey);
  const sealed = part(bytes, at + Response.empty, TAG_LENGTH);
  const opened = openOnce(key, sealed, mixed);
  const [send, receive] = kdf(chain, NOTHING, 2) as [Uint8Array, Uint8Array];
  wipe(chain, key);
  if (opened === undefined) {
    wipe(send, receive);
    return undefined;
  }
  return { send, receive, remote: int32(bytes, at + Response.sender) };
}

/** Both results of Diffie-Hellman and the preshared key, mixed in. */
function mix(
  chain: Uint8Array,
  h: Uint8Array,
  ee: Uint8Array,
  se: Uint8Array,
  presharedKey: Uint8Array,
): Transcript & { readonly key: Uint8Array } {
  const [c2] = kdf(chain, ee, 1) as [Uint8Array];
  const [c3] = kdf(c2, se, 1) as [Uint8Array];
  const [c4, tau, key] = kdf(c3, presharedKey, 3) as [Uint8Array, Uint8Array, Uint8Array];
  const mixed = hash(h, tau);
  wipe(chain, ee, se, c2, c3, tau);
  return { chain: c4, hash: mixed, key };
}

/** Overwrite what is secret and of no more use. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
