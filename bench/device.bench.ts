/**
 * A descriptor's write with text behind the headers: gathered from where it lies, or copied before.
 * Each packet goes through a pair of datagram sockets and is read again. Linux only.
 * Run with `node dist/bench/device.bench.js`.
 * @module
 */

import { openFd } from '../src/device/linux/fd.ts';
import { loadLibc, Pinned, SOCK } from '../src/device/linux/libc.ts';
import { copyBytes } from '../src/stack/base/copy.ts';
import { announce, suite } from './support/suite.ts';

const HEADERS = 60;
const ROOM = 70_000;
/** Places that packets are written from, and then as many that they are read into. */
const PLACES = 16;
const TURNS = 64;

const libc = await loadLibc();
const ends = new Pinned(libc, new Uint8Array(128));
if (libc.socketpair(1, SOCK.DGRAM, 0, ends.address) < 0) throw new Error('no pair of sockets');
const [left = -1, right = -1] = new Int32Array(ends.bytes.buffer);
const [from, to] = [await openFd(left, { mtu: 65_535 }), await openFd(right, { mtu: 65_535 })];
const memory = new Uint8Array(2 * PLACES * ROOM);
for (const device of [from, to]) {
  device.start({ memory, readable: () => {}, writable: () => {}, closed: () => {} });
}
const text = new Uint8Array(1 << 22).fill(7);

/** Write `TURNS` packets with `write`, and read each. */
function pass(length: number, write: (at: number, textAt: number) => boolean): () => number {
  let textAt = 0;
  return () => {
    let x = 0;
    for (let i = 0; i < TURNS; i++) {
      const at = (i % PLACES) * ROOM;
      textAt = (textAt + length) % (text.length - length);
      if (!write(at, textAt)) throw new Error('the sockets are full');
      x += to.read(at + PLACES * ROOM, ROOM);
    }
    return x;
  };
}

announce();
for (const length of [1448, 4096, 16_384, 65_000]) {
  await suite(
    `device/descriptor › write and read a packet (${length} B)`,
    {
      gathered: pass(length, (at, textAt) => {
        from.gather?.(text, textAt, length);
        return from.write(at, HEADERS);
      }),
      'copied before': pass(length, (at, textAt) => {
        copyBytes(text, textAt, memory, at + HEADERS, length);
        return from.write(at, HEADERS + length);
      }),
    },
    { turns: TURNS, bytes: length },
  );
}
await Promise.all([from.close(), to.close()]);
