/**
 * What WireGuard's handshake is made of, against the vectors of its specifications: RFC 7693 (BLAKE2s), RFC 7748
 * (X25519), draft-irtf-cfrg-xchacha (XChaCha20-Poly1305); and a handshake that was recorded: byte for byte what is written
 * and read for given keys, ephemeral keys and time.
 * @module
 */
import test from 'ava';
import {
  initiate,
  readInitiation,
  readResponse,
  readTimestamp,
  respond,
  sharedWith,
} from '../../../src/tunnel/wireguard/handshake.ts';
import {
  ephemeralPair,
  hash,
  kdf,
  keyPair,
  mac,
  openCookie,
  publicKeyOf,
  sealCookie,
  shared,
} from '../../../src/tunnel/wireguard/primitives.ts';
import { advance, isLater, putTime } from '../../../src/tunnel/wireguard/tai64n.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

/** Secrets of RFC 7748 §6.1. */
const ALICE = '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a';
const BOB = '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb';
/**
 * Made by hashlib, hmac and cryptography of Python 3, which share nothing with what is tested but the specifications.
 */
const KEYED = 'ed608b98e13976bdf4bedc63fa35e443';
const KDF = [
  'c8c75956ae9b80acfdac57e2af04ec8d2838a717265ab884ae5b9e8324d9c933',
  '3a9b598108c64c52db0397e7591c9b6b34409fbebbc90f0afa8f79a6148e9c95',
  'cd84d1dfc7fa8738879ffe11afced63d59014be2e51bbb42c2729c72f9d55dea',
];
const INITIATION =
  '01000000040302017b0d47d93427f8311160781c7c733fd89f88970aef490d8aa0ee19a4cb8a1b14' +
  '81e498317da959fba46669572516a5e6c021bfa620bb6c56ca0082e1feae14988c2c64d024c61773' +
  '4a263f76a008df04d0f94bad8ee75ec8e1c26955d72d5dc0a3c87d5e6db7cf66723bf09d';
const RESPONSE =
  '020000000d0c0b0a04030201ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c' +
  '1fff3e6b198e29bc3985289f6641bb77a0f6d7d5';
const SEND = 'a007faf842d83f5bd3be20a14e0ffcec34c84867b78b051980602713205922de';
const RECEIVE = 'd982d5cd10d34a7802b6c19fa441cd9164d70e4f4d62007ab416879ee8bd1b99';

test('primitives: BLAKE2s gives RFC 7693 appendix B', (t) => {
  t.is(
    text(hash(Buffer.from('abc'))),
    '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982',
  );
  t.deepEqual(hash(Buffer.from('a'), Buffer.from('bc')), hash(Buffer.from('abc')), 'in parts');
});

test('primitives: keyed BLAKE2s of 16 bytes is the one of the reference', (t) => {
  // python3: hashlib.blake2s(bytes(range(10)), key=bytes(range(32)), digest_size=16)
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  t.is(text(mac(key, key.subarray(0, 10))), KEYED);
});

test('primitives: X25519 gives RFC 7748 §6.1', (t) => {
  const [alice, bob] = [hex(ALICE), hex(BOB)];
  const [a, b] = [keyPair(alice), keyPair(bob)];
  t.is(text(a.publicKey), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
  t.is(text(b.publicKey), 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
  const expected = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
  t.is(text(shared(a.privateKey, publicKeyOf(b.publicKey))), expected);
  t.is(text(shared(b.privateKey, publicKeyOf(a.publicKey))), expected);
  t.deepEqual(ephemeralPair(alice).publicKey, a.publicKey, 'however it is read');
});

test('primitives: XChaCha20-Poly1305 gives draft-irtf-cfrg-xchacha-03 appendix A.3.1', (t) => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const nonce = Uint8Array.from({ length: 24 }, (_, i) => 0x40 + i);
  const aad = hex('50515253c0c1c2c3c4c5c6c7');
  const plain = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const sealed = sealCookie(key, nonce, plain, aad);
  t.is(text(sealed.subarray(-16)), 'c0875924c1c7987947deafd8780acf49');
  t.is(text(sealed.subarray(0, 16)), 'bd6d179d3e83d43b9576579493c0e939');
  t.is(text(openCookie(key, nonce, sealed, aad)), text(plain));
  sealed[3] = 0;
  t.is(openCookie(key, nonce, sealed, aad), undefined);
});

test('primitives: the keys of a session are HKDF of RFC 5869 with BLAKE2s', (t) => {
  // python3, hmac and hashlib: T1 = HMAC(HMAC(ck, in), 1), T2 = HMAC(., T1 || 2), T3.
  const chain = new Uint8Array(32).fill(1);
  t.deepEqual(kdf(chain, new Uint8Array(32).fill(2), 3).map(text), KDF);
});

test('primitives: TAI64N is written coarsely, and compares as it should', (t) => {
  const [one, other] = [new Uint8Array(12), new Uint8Array(12)];
  putTime(one, 1_700_000_000_123);
  t.is(text(one), '400000006553f10a07000000');
  other.set(one);
  t.false(isLater(other, one));
  advance(other);
  t.true(isLater(other, one));
  putTime(one, 1_700_000_000_999);
  advance(one);
  t.is(text(one), '400000006553f10b00000000', 'nanoseconds stay below a second');
});

test('handshake: the recorded one is written and read byte for byte', (t) => {
  const own = keyPair(new Uint8Array(32).fill(0x11));
  const peer = keyPair(new Uint8Array(32).fill(0x22));
  const presharedKey = new Uint8Array(32).fill(0x55);
  const remoteOf = (publicKey: Uint8Array, staticShared: Uint8Array | undefined) => ({
    publicKey,
    publicObject: publicKeyOf(publicKey),
    staticShared: staticShared ?? new Uint8Array(0),
    presharedKey,
  });
  const toPeer = remoteOf(peer.publicKey, sharedWith(own, peer.publicKey));
  const toUs = remoteOf(own.publicKey, sharedWith(peer, own.publicKey));
  const time = new Uint8Array(12);
  putTime(time, 1_700_000_000_000);
  const bytes = new Uint8Array(512);
  const e1 = ephemeralPair(new Uint8Array(32).fill(0x33));
  const initiated = initiate(own, toPeer, e1, 0x01020304, time, bytes, 0);
  t.is(text(bytes.subarray(0, 116)), INITIATION);
  const opened = readInitiation(peer, bytes, 0);
  t.deepEqual(text(opened?.publicKey), text(own.publicKey));
  if (opened === undefined || initiated === undefined) return t.fail();
  t.is(text(readTimestamp(opened, toUs, bytes, 0)), text(time));
  const e2 = ephemeralPair(new Uint8Array(32).fill(0x44));
  const theirs = respond(opened, toUs, e2, 0x0a0b0c0d, bytes, 200);
  t.is(text(bytes.subarray(200, 260)), RESPONSE);
  const ours = readResponse(own, initiated, toPeer, bytes, 200);
  t.deepEqual(text(ours?.send), text(theirs?.receive));
  t.is(text(ours?.send), SEND);
  t.is(text(ours?.receive), RECEIVE);
});
