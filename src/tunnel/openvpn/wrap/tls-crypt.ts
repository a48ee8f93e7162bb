/**
 * `--tls-crypt` and, for a client, `--tls-crypt-v2`: each packet of the control channel is encrypted.
 *
 * The HMAC-SHA256 over first byte, session id, number, time and plain text is tag and IV at once (AES-256-CTR), so that
 * a number that comes twice gives nothing away (doc/tls-crypt-v2.txt, tls_crypt.h).
 * @module
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { HEADER, Op, opcode } from '../session/packet.ts';
import { type ClientKey, directions, STATIC_KEY } from './static-key.ts';
import type { Wrapping } from './wrap.ts';

const STAMP = 8;
const TAG = 32;
const IV = 16;
const CIPHER = 'aes-256-ctr';
const CIPHER_KEY = 32;
const HMAC_KEY = 32;
const CLEAR = HEADER + STAMP;
const BODY = CLEAR + TAG;

/** The wrapping for 256 bytes of key: a server sends with the first half, a client with the second. */
export function tlsCrypt(key: Uint8Array, role: 'client' | 'server'): Wrapping {
  const keys = directions(key);
  const out = keys[role === 'server' ? 0 : 1];
  const into = keys[role === 'server' ? 1 : 0];
  const sealKey = out.cipher.subarray(0, CIPHER_KEY);
  const sealTag = out.hmac.subarray(0, HMAC_KEY);
  const openKey = into.cipher.subarray(0, CIPHER_KEY);
  const openTag = into.hmac.subarray(0, HMAC_KEY);
  return {
    overhead: STAMP + TAG,
    seal(header, content, stamp) {
      const packet = Buffer.alloc(BODY + content.length);
      packet.set(header);
      packet.writeUInt32BE(stamp.id, HEADER);
      packet.writeUInt32BE(stamp.time, HEADER + 4);
      const hmac = createHmac('sha256', sealTag);
      const tag = hmac.update(packet.subarray(0, CLEAR)).update(content).digest();
      packet.set(tag, CLEAR);
      packet.set(createCipheriv(CIPHER, sealKey, tag.subarray(0, IV)).update(content), BODY);
      return packet;
    },
    open(bytes) {
      if (bytes.length < BODY) return undefined;
      const packet = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const tag = packet.subarray(CLEAR, BODY);
      const decipher = createDecipheriv(CIPHER, openKey, tag.subarray(0, IV));
      const body = decipher.update(packet.subarray(BODY));
      const hmac = createHmac('sha256', openTag);
      const told = hmac.update(packet.subarray(0, CLEAR)).update(body).digest();
      if (!timingSafeEqual(told, tag)) return undefined;
      return {
        body,
        stamp: { id: packet.readUInt32BE(HEADER), time: packet.readUInt32BE(HEADER + 4) },
      };
    },
  };
}

/** A client with a key of its own, which it shows wrapped with the packets that may be the first. */
export function tlsCryptV2(client: ClientKey): Wrapping {
  const inner = tlsCrypt(client.key, 'client');
  return {
    overhead: inner.overhead,
    seal(header, content, stamp) {
      const packet = inner.seal(header, content, stamp);
      const op = opcode(header[0] ?? 0);
      if (op !== Op.RESET_CLIENT_V3 && op !== Op.CONTROL_WKC) return packet;
      return Buffer.concat([packet, client.wrapped]);
    },
    open: (packet) => inner.open(packet),
  };
}

/**
 * The wrapping of renegotiations where both ends agreed on `dyn-tls-crypt`: keys exported from TLS, with those of the
 * first handshake mixed in, so that only who made it can begin another.
 */
export function dynamicTlsCrypt(
  exported: Uint8Array,
  first: Uint8Array | undefined,
  role: 'client' | 'server',
): Wrapping {
  const key = new Uint8Array(STATIC_KEY);
  for (let i = 0; i < STATIC_KEY; i++) key[i] = (exported[i] ?? 0) ^ (first?.[i] ?? 0);
  return tlsCrypt(key, role);
}
