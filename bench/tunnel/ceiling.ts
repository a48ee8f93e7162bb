/**
 * How fast a cipher is by itself, by the way that tunnels take here: what no tunnel of one core can pass.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { AeadName } from '../../src/tunnel/crypto/aead.ts';
import { fastestAead } from '../../src/tunnel/crypto/fastest.ts';

const LENGTH = 1420;
const PACKETS = 20_000;
const ROUNDS = 5;
const CIPHERS: readonly [AeadName, number][] = [
  ['chacha20-poly1305', 32],
  ['aes-256-gcm', 32],
  ['aes-128-gcm', 16],
];

export interface Ceiling {
  readonly name: AeadName;
  /** Gbit/s of each round. */
  readonly seal: readonly number[];
  readonly open: readonly number[];
}

function rounds(run: (i: number) => void): number[] {
  return Array.from({ length: ROUNDS + 1 }, () => {
    const began = performance.now();
    for (let i = 0; i < PACKETS; i++) run(i);
    return (PACKETS * LENGTH * 8) / ((performance.now() - began) * 1e6);
  }).slice(1); // the first warms up
}

export async function ceilings(): Promise<Ceiling[]> {
  const make = await fastestAead();
  return CIPHERS.map(([name, length]) => {
    const key = randomBytes(length);
    const from = new Uint8Array(4096);
    const to = new Uint8Array(4096);
    const sealer = make(name, key, 'seal');
    const seal = rounds((i) => {
      sealer.nonce[4] = i;
      sealer.seal(from, 0, LENGTH, to, 0, LENGTH, 0, 0);
    });
    const sealed = Uint8Array.from(to);
    const opener = make(name, key, 'open');
    opener.nonce.set(sealer.nonce);
    const open = rounds(() => {
      to.set(sealed);
      opener.open(to, 0, LENGTH, LENGTH, 0, 0);
    });
    sealer.close();
    opener.close();
    return { name, seal, open };
  });
}
