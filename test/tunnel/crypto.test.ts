/**
 * The ciphers of data channels: vectors of RFC 8439 (which took RFC 7539's place) and NIST, and that all ways to a cipher
 * give the same.
 * @module
 */
import test from 'ava';
import { SeededRandom } from '../../src/stack/base/random.ts';
import type { AeadMaker, AeadName } from '../../src/tunnel/crypto/aead.ts';
import { loadLibcrypto } from '../../src/tunnel/crypto/libcrypto.ts';
import { nodeAead } from '../../src/tunnel/crypto/node.ts';
import { agrees } from '../../src/tunnel/crypto/self-test.ts';

const ffi = await loadLibcrypto();
if (ffi === undefined) console.log('skipped, OpenSSL by FFI: it cannot be called here');
const makers: [string, AeadMaker][] = [['node', nodeAead]];
if (ffi !== undefined) makers.push(['libcrypto', ffi]);

for (const [name, make] of makers) {
  test(`${name}: ChaCha20-Poly1305 gives and takes the vector of RFC 8439 §2.8.2`, (t) => {
    t.true(agrees(make));
  });

  test(`${name}: AES-256-GCM gives test case 16 of McGrew and Viega`, (t) => {
    const hex = (text: string): Buffer => Buffer.from(text, 'hex');
    const key = hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308');
    const aad = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
    const text = hex(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    );
    const sealed =
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
      '76fc6ece0f4e1768cddf8853bb2d551b';
    const bytes = new Uint8Array(256);
    bytes.set(aad);
    bytes.set(text, 32);
    const aead = make('aes-256-gcm', key, 'seal');
    aead.nonce.set(hex('cafebabefacedbaddecaf888'));
    aead.seal(bytes, 32, text.length, bytes, 32, 32 + text.length, 0, aad.length);
    t.is(Buffer.from(bytes.subarray(32, 32 + text.length + 16)).toString('hex'), sealed);
    aead.close();
  });

  test(`${name}: what was changed anywhere does not open`, (t) => {
    const key = new Uint8Array(32).fill(3);
    const sealer = make('chacha20-poly1305', key, 'seal');
    const opener = make('chacha20-poly1305', key, 'open');
    const whole = new Uint8Array(128);
    sealer.seal(whole, 16, 64, whole, 16, 0, 96, 8);
    const open = (bytes: Uint8Array): boolean => opener.open(bytes, 16, 64, 0, 96, 8);
    t.true(open(Uint8Array.from(whole)));
    for (const at of [0, 15, 16, 79, 96, 103]) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] as number) ^ 1;
      t.false(open(changed), `${at}`);
    }
  });

  test(`${name}: an array as short as a keepalive's is opened, wherever it lies`, (t) => {
    // A typed array of up to 64 bytes lies on V8's own heap, where an address is true until the next collection.
    const key = new Uint8Array(32).fill(9);
    const sealer = make('chacha20-poly1305', key, 'seal');
    const opener = make('chacha20-poly1305', key, 'open');
    const whole = new Uint8Array(128);
    sealer.seal(whole, 0, 0, whole, 16, 16, 0, 0);
    t.true(opener.open(whole.slice(0, 32), 16, 0, 16, 0, 0));
    t.false(opener.open(new Uint8Array(32), 16, 0, 16, 0, 0));
  });
}

test('crypto: both ways give the same for every cipher and length', (t) => {
  if (ffi === undefined) {
    t.pass('one way only');
    return;
  }
  const random = new SeededRandom(4);
  const keys: [AeadName, number][] = [
    ['chacha20-poly1305', 32],
    ['aes-128-gcm', 16],
    ['aes-256-gcm', 32],
  ];
  for (const [name, length] of keys) {
    const key = Uint8Array.from({ length }, () => random.int32());
    const [one, other] = [nodeAead(name, key, 'seal'), ffi(name, key, 'seal')];
    const opener = ffi(name, key, 'open');
    for (let size = 0; size < 1500; size += 37) {
      const a = Uint8Array.from({ length: 2048 }, () => random.int32());
      const b = Uint8Array.from(a);
      const text = a.slice(64, 64 + size);
      for (const aead of [one, other, opener]) aead.nonce.fill(size & 255);
      one.seal(a, 64, size, a, 64, 40, 0, size % 3 === 0 ? 0 : 24);
      other.seal(b, 64, size, b, 64, 40, 0, size % 3 === 0 ? 0 : 24);
      t.deepEqual(a, b);
      t.true(opener.open(b, 64, size, 40, 0, size % 3 === 0 ? 0 : 24));
      t.deepEqual(b.slice(64, 64 + size), text);
    }
  }
});
