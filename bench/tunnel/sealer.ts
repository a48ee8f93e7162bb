/**
 * A worker that seals batches of packets in shared memory, for the spike: what a tunnel with workers would hand over.
 * @module
 */
import { workerData } from 'node:worker_threads';
import { fastestAead } from '../../src/tunnel/crypto/fastest.ts';
import { type Batch, STRIDE, Word } from './words.ts';

const { words, bytes, packets, length } = workerData as Batch;
const make = await fastestAead();
const aead = make('chacha20-poly1305', new Uint8Array(32).fill(7), 'seal');
Atomics.store(words, Word.DONE, 0);
for (let n = 1; ; n++) {
  Atomics.wait(words, Word.ASKED, n - 1);
  if (Atomics.load(words, Word.OVER) !== 0) break;
  for (let i = 0; i < packets; i++) {
    aead.nonce[4] = i;
    aead.seal(bytes, i * STRIDE, length, bytes, i * STRIDE, i * STRIDE + length, 0, 0);
  }
  Atomics.store(words, Word.DONE, n);
  Atomics.notify(words, Word.DONE);
}
aead.close();
