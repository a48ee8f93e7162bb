/**
 * `--tls-auth`: a HMAC over each packet of the control channel, with number and time.
 *
 * On the wire: first byte, session id, HMAC, number, time, body. The HMAC is over number, time, first byte, session id,
 * body (ssl_pkt.c, `swap_hmac`).
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { HEADER } from '../session/packet.ts';
import { directions } from './static-key.ts';
import type { Wrapping } from './wrap.ts';

const STAMP = 8;

/** Which half of a static key sends: as `--key-direction`, undefined where both ends use the first. */
export type KeyDirection = 0 | 1 | undefined;

/** Digests that may be asked for by `--auth`, with their length in bytes. */
export const DIGESTS: Readonly<Record<string, { readonly name: string; readonly length: number }>> =
  {
    SHA1: { name: 'sha1', length: 20 },
    SHA224: { name: 'sha224', length: 28 },
    SHA256: { name: 'sha256', length: 32 },
    SHA384: { name: 'sha384', length: 48 },
    SHA512: { name: 'sha512', length: 64 },
    MD5: { name: 'md5', length: 16 },
  };

/** The wrapping for 256 bytes of key; `digest` is one of `DIGESTS`. */
export function tlsAuth(key: Uint8Array, direction: KeyDirection, digest = 'SHA1'): Wrapping {
  const hash = DIGESTS[digest];
  if (hash === undefined) throw new RangeError(`no digest ${digest} for tls-auth`);
  const keys = directions(key);
  const out = keys[direction ?? 0].hmac.subarray(0, hash.length);
  const into = keys[direction === 0 ? 1 : 0].hmac.subarray(0, hash.length);
  const body = HEADER + hash.length + STAMP;
  return {
    overhead: hash.length + STAMP,
    seal(header, content, stamp) {
      const packet = Buffer.alloc(body + content.length);
      packet.set(header);
      packet.writeUInt32BE(stamp.id, body - 8);
      packet.writeUInt32BE(stamp.time, body - 4);
      packet.set(content, body);
      const hmac = createHmac(hash.name, out);
      hmac
        .update(packet.subarray(body - STAMP, body))
        .update(header)
        .update(content);
      packet.set(hmac.digest(), HEADER);
      return packet;
    },
    open(bytes) {
      if (bytes.length < body) return undefined;
      const packet = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const hmac = createHmac(hash.name, into);
      hmac.update(packet.subarray(body - STAMP, body)).update(packet.subarray(0, HEADER));
      hmac.update(packet.subarray(body));
      const told = packet.subarray(HEADER, HEADER + hash.length);
      if (!timingSafeEqual(hmac.digest(), told)) return undefined;
      return {
        body: packet.subarray(body),
        stamp: { id: packet.readUInt32BE(body - 8), time: packet.readUInt32BE(body - 4) },
      };
    },
  };
}
