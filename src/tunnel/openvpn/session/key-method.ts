/**
 * Key method 2: the first thing that both ends say inside TLS, and the keys that follow from it.
 *
 * Source: ssl.c of OpenVPN 2.6, `key_method_2_write` and `generate_key_expansion`. Where both ends can, keys come from
 * TLS itself (RFC 5705, `key-derivation tls-ekm`); else from the PRF of TLS 1.0 (RFC 2246 §5) over what both have said.
 * @module
 */
import { createHmac } from 'node:crypto';
import { STATIC_KEY } from '../wrap/static-key.ts';

export const PRE_MASTER = 48;
export const RANDOM = 32;
const METHOD = 2;
/** User and password, at most, in bytes without the NUL (misc.h, `USER_PASS_LEN`). */
export const MAX_USER_PASS = 4095;
export const EKM_LABEL = 'EXPORTER-OpenVPN-datakeys';
export const DYNAMIC_LABEL = 'EXPORTER-OpenVPN-dynamic-tls-crypt';

/** Chance that one end has said. */
export interface KeySource {
  /** 48 bytes, of a client only. */
  readonly preMaster: Uint8Array;
  readonly random1: Uint8Array;
  readonly random2: Uint8Array;
}

export interface KeyMessage {
  readonly source: KeySource;
  /** How it is set up, as a list with commas: `V4,dev-type tun,…`. */
  readonly options: string;
  readonly user: string;
  readonly password: string;
  /** Lines of `NAME=value`. */
  readonly info: string;
}

/** What an end says of itself: the message without its chance. */
export type KeyFields = Omit<KeyMessage, 'source'>;

/** 0 in 32 bits, the method, the chance, and four strings with their length and a NUL. */
export function writeKeyMessage(message: KeyMessage): Uint8Array {
  const { source, options, user, password, info } = message;
  const strings = [options, user, password, info].map((text) => {
    // No string at all is a length of 0.
    const bytes = text === '' ? Buffer.alloc(0) : Buffer.from(`${text}\0`);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return Buffer.concat([
    Uint8Array.of(0, 0, 0, 0, METHOD),
    source.preMaster,
    source.random1,
    source.random2,
    ...strings,
  ]);
}

/** A message and how long it was; `undefined` if more must come; a text where it is none. */
export type KeyMessageRead =
  | { readonly message: KeyMessage; readonly length: number }
  | string
  | undefined;

/**
 * Read what the other end said. `ofClient`: with 48 bytes of pre-master. Old peers leave the last string away: it is
 * taken for empty where the bytes end before it.
 */
export function readKeyMessage(bytes: Uint8Array, ofClient: boolean): KeyMessageRead {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const method = text[4];
  if (method === undefined) return undefined;
  if ((method & 0x0f) !== METHOD) return `key method ${method & 0x0f}: only 2 is known here`;
  let at = 5;
  const take = (length: number): Uint8Array => {
    at += length;
    return text.subarray(at - length, at);
  };
  const preMaster = take(ofClient ? PRE_MASTER : 0);
  const random1 = take(RANDOM);
  const random2 = take(RANDOM);
  if (at > text.length) return undefined;
  const strings: string[] = [];
  for (let i = 0; i < 4; i++) {
    if (i === 3 && at === text.length) break;
    if (at + 2 > text.length) return undefined;
    const length = text.readUInt16BE(at);
    at += 2;
    if (at + length > text.length) return undefined;
    strings.push(text.toString('utf8', at, at + Math.max(0, length - 1)));
    at += length;
  }
  const [options = '', user = '', password = '', info = ''] = strings;
  const source = {
    preMaster: new Uint8Array(preMaster),
    random1: new Uint8Array(random1),
    random2: new Uint8Array(random2),
  };
  return { message: { source, options, user, password, info }, length: at };
}

/** `P_hash` of RFC 2246 §5, mixed into `out`. */
function mix(hash: string, secret: Uint8Array, seed: Uint8Array, out: Uint8Array): void {
  let a: Uint8Array = seed;
  for (let at = 0; at < out.length; ) {
    a = createHmac(hash, secret).update(a).digest();
    const block = createHmac(hash, secret).update(a).update(seed).digest();
    for (let i = 0; i < block.length && at < out.length; i++, at++) {
      out[at] = (out[at] ?? 0) ^ (block[i] ?? 0);
    }
  }
}

/** The PRF of TLS 1.0, RFC 2246 §5: MD5 with the first half of the secret, SHA-1 with the second. */
export function prf10(
  secret: Uint8Array,
  label: string,
  seed: Uint8Array,
  length: number,
): Uint8Array {
  const half = Math.ceil(secret.length / 2);
  const full = Buffer.concat([Buffer.from(label), seed]);
  const out = new Uint8Array(length);
  mix('md5', secret.subarray(0, half), full, out);
  mix('sha1', secret.subarray(secret.length - half), full, out);
  return out;
}

/** 256 bytes of data keys from what both ends said and their session ids. */
export function expandKeys(
  client: KeySource,
  server: KeySource,
  clientSession: Uint8Array,
  serverSession: Uint8Array,
): Uint8Array {
  const randoms = Buffer.concat([client.random1, server.random1]);
  const master = prf10(client.preMaster, 'OpenVPN master secret', randoms, 48);
  const seed = Buffer.concat([client.random2, server.random2, clientSession, serverSession]);
  const keys = prf10(master, 'OpenVPN key expansion', seed, STATIC_KEY);
  master.fill(0);
  return keys;
}

/** Overwrite what must not be found later. */
export function wipe(source: KeySource | undefined): void {
  source?.preMaster.fill(0);
  source?.random1.fill(0);
  source?.random2.fill(0);
}
