/**
 * The server name in QUIC's first packets, whose key anybody has who sees them. RFC 9001 §5.2 (version 1),
 * RFC 9369 §3.3 (version 2), RFC 9000 §17.2.2.
 *
 * A ClientHello may be cut over several packets and datagrams, in any order; a few are put together.
 * @module
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { readClientHello } from './hello.ts';
import type { Said } from './judge.ts';

/** What keys of the first packets are made with, by version. */
interface Version {
  readonly salt: Buffer;
  readonly label: string;
  /** The packet type "Initial", two bits of the first byte. */
  readonly initial: number;
}

const VERSIONS: ReadonlyMap<number, Version> = new Map([
  [
    1,
    {
      salt: Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex'),
      ...{ label: 'quic', initial: 0 },
    },
  ],
  [
    0x6b3343cf,
    {
      salt: Buffer.from('0dede3def700a6db819381be6e269dcbf9bd2ed9', 'hex'),
      ...{ label: 'quicv2', initial: 1 },
    },
  ],
]);

const LONG_HEADER = 0xc0;
const TAG = 16;
const SAMPLE = 16;
/** RFC 9000 §7.2. */
const SHORTEST_ID = 8;
const LONGEST_ID = 20;
/** Of a ClientHello; with the keys against quantum computers it is about two thousand bytes. */
const LONGEST_HELLO = 16_384;
const MOST_DATAGRAMS = 8;
const NOTHING = new Uint8Array(0);
const Frame = { PADDING: 0, PING: 1, ACK: 2, ACK_ECN: 3, CRYPTO: 6, CLOSE: 0x1c } as const;

/** HKDF-Expand-Label of TLS 1.3. RFC 8446 §7.1; `secret` is expanded, not extracted. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0])]);
  // RFC 5869 §2.3 for one block: HMAC(secret, info | 1).
  return hmac(secret, Buffer.concat([info, Buffer.from([1])])).subarray(0, length);
}

const hmac = (key: Buffer, text: Buffer): Buffer => createHmac('sha256', key).update(text).digest();

/** RFC 9000 §16: a number in 1, 2, 4 or 8 bytes; undefined if it is not there. */
function varint(bytes: Uint8Array, at: number): [value: number, next: number] | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const size = 1 << (first >> 6);
  if (at + size > bytes.length) return undefined;
  let value = first & 0x3f;
  for (let i = 1; i < size; i++) value = value * 256 + (bytes[at + i] as number);
  return [value, at + size];
}

/** Hears the datagrams of one flow until it has said where it goes. */
export class QuicEar {
  /** Made when there is something to hold: most flows are no QUIC. */
  #hello: Uint8Array = NOTHING;
  #has: Uint8Array = NOTHING;
  #datagrams = 0;
  #keyId: Buffer | undefined;

  /** One datagram more: what the flow says, or undefined if more of them are needed. */
  take(datagram: Uint8Array): Said | undefined {
    if (++this.#datagrams > MOST_DATAGRAMS) return { kind: 'quic' };
    let at = 0;
    let isQuic = false;
    while (at < datagram.length) {
      const end = this.#packet(datagram, at);
      if (end <= at) break;
      isQuic = true;
      at = end;
    }
    // What has begun as QUIC stays that.
    if (!isQuic) return { kind: this.#keyId === undefined ? 'other' : 'quic' };
    let length = 0;
    while (length < LONGEST_HELLO && this.#has[length] === 1) length++;
    const said = readClientHello(this.#hello.subarray(0, length), 'quic');
    return said === 'more' ? undefined : said;
  }

  /** Read a packet, and give where it ends; 0 if it is none that can be read. */
  #packet(bytes: Uint8Array, at: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (at + 7 > bytes.length || ((bytes[at] as number) & LONG_HEADER) !== LONG_HEADER) return 0;
    const version = VERSIONS.get(view.getUint32(at + 1));
    if (version === undefined) return 0;
    const idLength = bytes[at + 5] as number;
    const idAt = at + 6;
    const sourceAt = idAt + idLength;
    if (idLength > LONGEST_ID || sourceAt >= bytes.length) return 0;
    const id = Buffer.from(bytes.subarray(idAt, sourceAt));
    const afterIds = sourceAt + 1 + (bytes[sourceAt] as number);
    if ((((bytes[at] as number) >> 4) & 3) !== version.initial) return 0;
    const token = varint(bytes, afterIds);
    const rest = token && varint(bytes, token[1] + token[0]);
    if (rest === undefined) return 0;
    const [length, numberAt] = rest;
    const end = numberAt + length;
    if (end > bytes.length || length < 4 + SAMPLE) return 0;
    // The key is that of the first identifier, until the server has chosen another one (RFC 9001 §5.2).
    if (this.#keyId === undefined && idLength < SHORTEST_ID) return 0;
    this.#keyId ??= id;
    const plain = open(bytes, at, numberAt, end, version, this.#keyId);
    if (plain !== undefined) this.#frames(plain);
    return end;
  }

  /** Put the pieces of the hello where they belong. RFC 9000 §19. */
  #frames(plain: Uint8Array): void {
    let at = 0;
    while (at < plain.length) {
      const type = plain[at++];
      if (type === Frame.PADDING || type === Frame.PING) continue;
      if (type === Frame.ACK || type === Frame.ACK_ECN) {
        at = skipAck(plain, at, type === Frame.ACK_ECN);
        if (at < 0) return;
        continue;
      }
      if (type !== Frame.CRYPTO) return;
      const offset = varint(plain, at);
      const length = offset && varint(plain, offset[1]);
      if (offset === undefined || length === undefined) return;
      const from = length[1];
      const end = from + length[0];
      if (end > plain.length || offset[0] + length[0] > LONGEST_HELLO) return;
      if (this.#hello === NOTHING) {
        this.#hello = new Uint8Array(LONGEST_HELLO);
        this.#has = new Uint8Array(LONGEST_HELLO);
      }
      this.#hello.set(plain.subarray(from, end), offset[0]);
      this.#has.fill(1, offset[0], offset[0] + length[0]);
      at = end;
    }
  }
}

function skipAck(plain: Uint8Array, at: number, ecn: boolean): number {
  const head: number[] = [];
  let next = at;
  for (let i = 0; i < 4; i++) {
    const read = varint(plain, next);
    if (read === undefined) return -1;
    head.push(read[0]);
    next = read[1];
  }
  const numbers = 2 * (head[2] as number) + (ecn ? 3 : 0);
  for (let i = 0; i < numbers; i++) {
    const read = varint(plain, next);
    if (read === undefined) return -1;
    next = read[1];
  }
  return next;
}

/** Take the protection off a client's first packet. RFC 9001 §5.3, §5.4. */
function open(
  bytes: Uint8Array,
  at: number,
  numberAt: number,
  end: number,
  { salt, label }: Version,
  id: Buffer,
): Uint8Array | undefined {
  const secret = expand(hmac(salt, id), 'client in', 32);
  const headerKey = expand(secret, `${label} hp`, 16);
  const sample = bytes.subarray(numberAt + 4, numberAt + 4 + SAMPLE);
  const mask = createCipheriv('aes-128-ecb', headerKey, null).update(sample);
  const first = (bytes[at] as number) ^ ((mask[0] as number) & 0x0f);
  const size = (first & 3) + 1;
  const header = Buffer.from(bytes.subarray(at, numberAt + size));
  header[0] = first;
  const nonce = Buffer.from(expand(secret, `${label} iv`, 12));
  for (let i = 0; i < size; i++) {
    const octet = (bytes[numberAt + i] as number) ^ (mask[1 + i] as number);
    header[numberAt - at + i] = octet;
    const place = nonce.length - size + i;
    nonce[place] = (nonce[place] as number) ^ octet;
  }
  if (end - TAG < numberAt + size) return undefined;
  const decipher = createDecipheriv('aes-128-gcm', expand(secret, `${label} key`, 16), nonce);
  decipher.setAAD(header).setAuthTag(bytes.subarray(end - TAG, end));
  try {
    const text = decipher.update(bytes.subarray(numberAt + size, end - TAG));
    decipher.final();
    return text;
  } catch {
    return undefined; // it was not meant for these keys
  }
}
