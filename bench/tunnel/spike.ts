/**
 * What one packet of a tunnel costs, by each way that there is: sealed with ChaCha20-Poly1305 by `node:crypto`, by
 * OpenSSL through FFI, by noble, by libsodium in WebAssembly, by a worker; sent by `dgram` and in batches. The
 * design of src/tunnel follows from it; the figures are in docs/speed.md.
 *
 *     npm run bench:tunnel -- spike
 * @module
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import type { AeadMaker } from '../../src/tunnel/crypto/aead.ts';
import { fastestAead } from '../../src/tunnel/crypto/fastest.ts';
import { loadLibcrypto } from '../../src/tunnel/crypto/libcrypto.ts';
import { nodeAead } from '../../src/tunnel/crypto/node.ts';
import { Endpoint } from '../../src/tunnel/endpoint.ts';
import type { DatagramTransport } from '../../src/tunnel/tunnel.ts';
import { openBatch } from '../../src/tunnel/udp/batch.ts';
import { DgramTransport, openDgram } from '../../src/tunnel/udp/dgram.ts';
import {
  ephemeralPair,
  keyPair,
  publicKeyOf,
  sealOnce,
  shared,
} from '../../src/tunnel/wireguard/primitives.ts';
import { spread } from '../support/spread.ts';
import { type Batch, STRIDE, Word } from './words.ts';

/** A full packet of a WireGuard tunnel on a path of 1500, and one that holds an acknowledgment. */
const LONG = 1420;
const SHORT = 80;
const ROUNDS = 7;
const BATCH = 45;

/** Microseconds that one call takes, as median and bounds of some rounds. */
function time(name: string, calls: number, run: (i: number) => void): void {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const began = performance.now();
    for (let i = 0; i < calls; i++) run(i);
    if (round > 0) rounds.push(((performance.now() - began) * 1000) / calls); // the first warms up
  }
  print(name, rounds);
}

function print(name: string, rounds: readonly number[]): void {
  const found = spread(rounds);
  if (found === undefined) return;
  const { median, min, max } = found;
  console.log(`| ${name} | ${median.toFixed(2)} | ${min.toFixed(2)}–${max.toFixed(2)} |`);
}

function head(title: string): void {
  console.log(`\n### ${title}\n\n| way | µs, median | least–most |\n|---|---|---|`);
}

function sealing(name: string, make: AeadMaker): void {
  const key = randomBytes(32);
  const from = new Uint8Array(65_536);
  const to = new Uint8Array(65_536);
  for (const length of [LONG, SHORT]) {
    const aead = make('chacha20-poly1305', key, 'seal');
    time(`${name}, seal ${length}`, 20_000, (i) => {
      aead.nonce[4] = i;
      aead.seal(from, 64, length, to, 80, 80 + length, 0, 0);
    });
    aead.close();
  }
  const sealer = make('chacha20-poly1305', key, 'seal');
  sealer.seal(from, 64, LONG, to, 80, 80 + LONG, 0, 0);
  const sealed = Uint8Array.from(to);
  const opener = make('chacha20-poly1305', key, 'open');
  let opened = 0;
  time(`${name}, open ${LONG}`, 20_000, () => {
    to.set(sealed.subarray(80, 80 + LONG + 16), 80);
    if (opener.open(to, 80, LONG, 80 + LONG, 0, 0)) opened++;
  });
  if (opened === 0) throw new Error(`${name} opens nothing`);
  sealer.close();
  opener.close();
}

/** libsodium in WebAssembly, where somebody has installed it: it is no dependency. */
async function sodium(): Promise<void> {
  const name: string = 'libsodium-wrappers';
  try {
    const { default: lib } = await import(name);
    await lib.ready;
    const key = randomBytes(32);
    const nonce = new Uint8Array(12);
    const text = new Uint8Array(LONG);
    time(`WebAssembly (libsodium-wrappers), seal ${LONG}`, 5000, () => {
      lib.crypto_aead_chacha20poly1305_ietf_encrypt(text, null, null, nonce, key);
    });
  } catch {
    console.log('| WebAssembly: no libsodium-wrappers here | – | – |');
  }
}

async function ciphers(): Promise<void> {
  head(`One packet of ${LONG} bytes, ChaCha20-Poly1305`);
  sealing('node:crypto', nodeAead);
  const ffi = await loadLibcrypto();
  if (ffi === undefined) console.log('| FFI: OpenSSL cannot be called here | – | – |');
  else sealing('OpenSSL by FFI', ffi);
  const key = randomBytes(32);
  const nonce = new Uint8Array(12);
  const text = new Uint8Array(LONG);
  time(`noble, seal ${LONG}`, 5000, () => chacha20poly1305(key, nonce).encrypt(text));
  const short = new Uint8Array(SHORT);
  time(`noble, seal ${SHORT}`, 5000, () => chacha20poly1305(key, nonce).encrypt(short));
  await sodium();
}

function handshakes(): void {
  head('What a handshake is made of');
  const secret = randomBytes(32);
  const own = keyPair(secret);
  const other = keyPair(randomBytes(32)).publicKey;
  time('X25519 by node:crypto, key and all', 500, () => shared(own.privateKey, publicKeyOf(other)));
  time('a key pair by node:crypto, read as DER', 200, () => keyPair(secret));
  time('a key pair by node:crypto, read as JWK', 500, () => ephemeralPair(secret));
  const message = randomBytes(116);
  const key = randomBytes(32);
  time('BLAKE2s of 116 bytes, noble', 5000, () => blake2s(message));
  time('BLAKE2s of 116 bytes, node:crypto', 5000, () =>
    createHash('blake2s256').update(message).digest(),
  );
  time('keyed BLAKE2s of 116 bytes, noble', 5000, () => blake2s(message, { key, dkLen: 16 }));
  time('HMAC of 32 bytes, noble', 5000, () => hmac(blake2s, key, secret));
  time('HMAC of 32 bytes, node:crypto', 5000, () =>
    createHmac('blake2s256', key).update(secret).digest(),
  );
  time('ChaCha20-Poly1305 of 32 bytes, node:crypto', 5000, () => sealOnce(key, secret, message));
  time('ChaCha20-Poly1305 of 32 bytes, noble', 5000, () =>
    chacha20poly1305(key, new Uint8Array(12)).encrypt(secret),
  );
}

/** Datagrams to a socket that is there and reads them as it can. */
async function sending(name: string, transport: DatagramTransport | undefined): Promise<void> {
  if (transport === undefined) {
    console.log(`| ${name}: not here | – | – |`);
    return;
  }
  transport.start({ received() {}, drained() {}, writable() {}, failed() {} });
  const sink = createSocket('udp4');
  sink.bind(0, '127.0.0.1');
  await once(sink, 'listening');
  const to = new Endpoint('127.0.0.1', sink.address().port);
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    let spent = 0;
    const batches = 100;
    for (let batch = 0; batch < batches; batch++) {
      const began = performance.now();
      for (let i = 0; i < BATCH; i++) {
        const at = transport.reserve(LONG + 32);
        if (at >= 0) transport.commit(LONG + 32, to);
      }
      transport.flush();
      // `dgram` sends in a later tick, and says in a callback that it has.
      while (transport instanceof DgramTransport && transport.held > 0) await turn();
      spent += performance.now() - began;
    }
    if (round > 0) rounds.push((spent * 1000) / batches / BATCH);
  }
  print(`${name}, send ${LONG + 32}`, rounds);
  sink.close();
  await transport.close();
}

/** Datagrams that are there, taken in. */
async function receiving(name: string, transport: DatagramTransport | undefined): Promise<void> {
  const sender = await openBatch({ address: '127.0.0.1' });
  if (transport === undefined || sender === undefined) return;
  let count = 0;
  let drained = (): void => {};
  transport.start({
    received() {
      count++;
    },
    drained: () => drained(),
    writable() {},
    failed() {},
  });
  sender.start({ received() {}, drained() {}, writable() {}, failed() {} });
  const to = new Endpoint('127.0.0.1', transport.port);
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    let spent = 0;
    let came = 0;
    for (let batch = 0; batch < 100; batch++) {
      for (let i = 0; i < BATCH; i++) {
        if (sender.reserve(LONG + 32) >= 0) sender.commit(LONG + 32, to);
      }
      sender.flush();
      count = 0;
      const began = performance.now();
      while (count < BATCH && performance.now() - began < 100) {
        await new Promise<void>((resolve) => {
          drained = resolve;
          setTimeout(resolve, 100).unref();
        });
      }
      spent += performance.now() - began;
      came += count;
    }
    if (round > 0) rounds.push((spent * 1000) / came);
  }
  print(`${name}, receive ${LONG + 32}`, rounds);
  await Promise.all([transport.close(), sender.close()]);
}

/** What it costs to have another thread do something: there and back, by a word in shared memory. */
async function worker(): Promise<void> {
  const { Worker } = await import('node:worker_threads');
  const memory = new Int32Array(new SharedArrayBuffer(16));
  const other = new Worker(
    `const { workerData: m } = require('node:worker_threads');
     for (let n = 1; Atomics.load(m, 2) === 0; n++) {
       Atomics.wait(m, 0, n - 1);
       Atomics.store(m, 1, n);
       Atomics.notify(m, 1);
     }`,
    { eval: true, workerData: memory },
  );
  await once(other, 'online');
  let n = 0;
  const once_ = (): void => {
    n++;
    Atomics.store(memory, 0, n);
    Atomics.notify(memory, 0);
    Atomics.wait(memory, 1, n - 1);
  };
  time('a worker woken and waited for (Atomics)', 2000, once_);
  Atomics.store(memory, 2, 1);
  once_();
  await other.terminate();
}

/** A batch sealed here, and the same with half of it given to a worker: what workers would gain at best, on idle cores. */
async function batches(): Promise<void> {
  const { Worker } = await import('node:worker_threads');
  const make = await fastestAead();
  const words = new Int32Array(new SharedArrayBuffer(16));
  const shared = new Uint8Array(new SharedArrayBuffer(BATCH * STRIDE));
  Atomics.store(words, Word.DONE, -1);
  const workerData: Batch = { words, bytes: shared, packets: BATCH, length: LONG };
  const other = new Worker(new URL('./sealer.js', import.meta.url), { workerData });
  await once(other, 'online');
  while (Atomics.load(words, Word.DONE) < 0) await turn();
  const aead = make('chacha20-poly1305', new Uint8Array(32).fill(9), 'seal');
  const own = new Uint8Array(2 * BATCH * STRIDE);
  const seal = (packets: number): void => {
    for (let i = 0; i < packets; i++) {
      aead.nonce[4] = i;
      aead.seal(own, i * STRIDE, LONG, own, i * STRIDE, i * STRIDE + LONG, 0, 0);
    }
  };
  time(`${2 * BATCH} packets sealed here`, 500, () => seal(2 * BATCH));
  let n = 0;
  time(`${BATCH} here, ${BATCH} by a worker at the same time`, 500, () => {
    n++;
    Atomics.store(words, Word.ASKED, n);
    Atomics.notify(words, Word.ASKED);
    seal(BATCH);
    while (Atomics.load(words, Word.DONE) < n) Atomics.wait(words, Word.DONE, n - 1);
  });
  time(`${BATCH} by a worker, who waits for it`, 500, () => {
    n++;
    Atomics.store(words, Word.ASKED, n);
    Atomics.notify(words, Word.ASKED);
    while (Atomics.load(words, Word.DONE) < n) Atomics.wait(words, Word.DONE, n - 1);
  });
  Atomics.store(words, Word.OVER, 1);
  Atomics.store(words, Word.ASKED, n + 1);
  Atomics.notify(words, Word.ASKED);
  await other.terminate();
  aead.close();
}

const cores = cpus();
console.log(`Node ${process.version} on ${cores.length} x ${cores[0]?.model ?? 'unknown CPU'}`);
await ciphers();
handshakes();
head(`One datagram of ${LONG + 32} bytes over loopback, ${BATCH} at a time`);
const local = { address: '127.0.0.1' };
const dgram = { createSocket };
await sending('dgram', await openDgram(dgram, local));
await sending('sendmmsg and UDP_SEGMENT', await openBatch(local));
const whole = await openBatch(local);
if (whole) whole.cuts = false;
await sending('sendmmsg', whole);
await receiving('dgram', await openDgram(dgram, local));
await receiving('recvmmsg', await openBatch(local));
head('Another thread');
await worker();
await batches();
