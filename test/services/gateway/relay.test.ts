/**
 * Two streams made one: how much may wait between them. Node documentation: "Buffering" of streams, by which the
 * one who writes decides how much of it to do past the mark.
 * They run one after the other: what may wait is shared by all relays of a process.
 * @module
 */
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { relay } from '../../../src/services/gateway/relay.ts';

const PIECE = Buffer.alloc(65_536, 'x');

/** Gives pieces for as long as it may, and takes what `takes` says. */
class End extends Duplex {
  given = 0;
  pauses = 0;
  taken = 0;
  /** What waits to be told that it was taken. */
  held: (() => void)[] = [];
  readonly #most: number;
  readonly #takes: boolean;

  constructor(most: number, takes: boolean) {
    super({ allowHalfOpen: true });
    this.#most = most;
    this.#takes = takes;
  }

  override pause(): this {
    this.pauses++;
    return super.pause();
  }

  override _read(): void {
    if (this.given >= this.#most) return;
    this.given += PIECE.length;
    setImmediate(() => this.push(PIECE));
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.taken += piece.length;
    if (this.#takes) done();
    else this.held.push(done);
  }
}

async function join(t: ExecutionContext, from: End, to: End): Promise<void> {
  relay(from, to, () => {});
  t.teardown(() => {
    from.destroy();
    to.destroy();
  });
  for (let i = 0; i < 200; i++) await turn();
}

test.serial(
  'relay: who sends pieces longer than a stream’s mark is not paused while they are taken',
  async (t) => {
    const from = new End(40 * PIECE.length, true);
    const to = new End(0, true);
    await join(t, from, to);
    t.is(to.taken, 40 * PIECE.length);
    t.is(from.pauses, 0);
  },
);

test.serial(
  'relay: of text that is not taken 1 MiB waits, and no more is read until it is',
  async (t) => {
    const from = new End(1000 * PIECE.length, false);
    const to = new End(0, false);
    await join(t, from, to);
    t.is(to.writableLength, 1 << 20);
    t.true(from.isPaused());
    t.true(from.given - to.writableLength <= 2 * PIECE.length);
    while (to.held.length > 0) to.held.shift()?.();
    for (let i = 0; i < 20; i++) await turn();
    while (to.held.length > 0) to.held.shift()?.();
    for (let i = 0; i < 200; i++) await turn();
    t.true(to.taken > 1 << 20, 'it goes on');
  },
);

test.serial('relay: a thousand relays share what may wait, 64 KiB or more each', async (t) => {
  const pairs = Array.from({ length: 1100 }, () => [new End(0, true), new End(0, true)] as const);
  for (const [one, other] of pairs) relay(one, other, () => {});
  const from = new End(1000 * PIECE.length, false);
  const to = new End(0, false);
  await join(t, from, to);
  t.is(to.writableLength, PIECE.length);
  for (const end of pairs.flat()) end.destroy();
  for (let i = 0; i < 10; i++) await turn();
  const late = new End(1000 * PIECE.length, false);
  const slow = new End(0, false);
  await join(t, late, slow);
  t.is(slow.writableLength, 1 << 20, 'those that are gone have no share');
});
