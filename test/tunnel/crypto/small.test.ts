/**
 * Short packets: a typed array of up to 64 bytes lies on V8's heap, where no address is good. A keep-alive that
 * `node:dgram` brings is one of them.
 */
import test from 'ava';
import type { AeadName } from '../../../src/tunnel/crypto/aead.ts';
import { loadLibcrypto } from '../../../src/tunnel/crypto/libcrypto.ts';
import { nodeAead } from '../../../src/tunnel/crypto/node.ts';

const NAMES: readonly [AeadName, number][] = [
  ['aes-256-gcm', 32],
  ['aes-128-gcm', 16],
  ['chacha20-poly1305', 32],
];
const found = await loadLibcrypto();
if (found === undefined) console.log('skipped, no libcrypto by FFI: short packets by it');

for (const [name, length] of NAMES) {
  for (const [way, make] of [
    ['node:crypto', nodeAead],
    ['FFI', found],
  ] as const) {
    const run = make === undefined ? test.skip : test;
    run(
      `aead: ${name} by ${way} seals and opens what is short, in arrays no longer than it`,
      (t) => {
        if (make === undefined) return;
        const key = new Uint8Array(length).fill(5);
        for (let size = 0; size <= 40; size++) {
          const text = new Uint8Array(size).fill(size);
          const packet = new Uint8Array(200);
          make(name, key, 'seal').seal(text, 0, size, packet, 24, 8, 0, 8);
          const short = packet.slice(0, 24 + size);
          t.true(make(name, key, 'open').open(short, 24, size, 8, 0, 8), `${size}`);
          t.deepEqual(short.slice(24), text);
          const forged = packet.slice(0, 24 + size);
          forged[8] = (forged[8] ?? 0) ^ 1;
          t.false(make(name, key, 'open').open(forged, 24, size, 8, 0, 8));
        }
      },
    );
  }
}
