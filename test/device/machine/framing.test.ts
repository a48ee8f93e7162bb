/**
 * Frames in a stream of bytes: QEMU's four bytes of length before each, and VPNKit's two. QEMU
 * `net/stream_data.c`, gvproxy `pkg/tap/protocols.go`.
 * @module
 */
import test from 'ava';
import {
  Deframer,
  LONGEST_FRAME,
  LYING,
  QEMU,
  VPNKIT,
} from '../../../src/device/machine/framing.ts';
import { SeededRandom } from '../../../src/stack/base/random.ts';

/** `lengths` frames as a stream, each filled with its number. */
function stream(prefix: typeof QEMU, lengths: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + prefix.size + length, 0));
  const v = new DataView(bytes.buffer);
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    prefix.write(v, at, length);
    bytes.fill(i, at + prefix.size, at + prefix.size + length);
    at += prefix.size + length;
  }
  return bytes;
}

/** All that is whole now. */
function taken(deframer: Deframer): number[][] {
  const found: number[][] = [];
  const room = new Uint8Array(70_000);
  for (let length = deframer.next(); length > 0; length = deframer.next()) {
    deframer.take(room, 0, room.length);
    const same = room.subarray(0, length).every((octet) => octet === room[0]);
    found.push([length, same ? (room[0] as number) : -1]);
  }
  return found;
}

for (const [name, prefix] of [
  ['qemu', QEMU],
  ['vpnkit', VPNKIT],
] as const) {
  test(`framing: frames come whole, wherever the stream was cut, ${name}`, (t) => {
    const lengths = [60, 1514, 1, 0, 60, 20_000, 14, 1514];
    const bytes = stream(prefix, lengths);
    const expected = [...lengths.entries()].flatMap(([i, n]) => (n === 0 ? [] : [[n, i]]));
    const random = new SeededRandom(7);
    for (let round = 0; round < 8; round++) {
      const deframer = new Deframer(prefix);
      const found: number[][] = [];
      for (let at = 0; at < bytes.length; ) {
        const longest = round % 2 === 0 ? 9 : 5000;
        const part = 1 + ((random.int32() >>> 0) % longest);
        deframer.push(bytes.slice(at, at + part));
        at += part;
        found.push(...taken(deframer));
      }
      t.deepEqual(found, expected);
      t.is(deframer.pending, 0);
    }
  });
}

test('framing: the length is big endian in four bytes for QEMU, and little endian in two for VPNKit', (t) => {
  t.deepEqual([...stream(QEMU, [3])], [0, 0, 0, 3, 0, 0, 0]);
  t.deepEqual([...stream(VPNKIT, [3])], [3, 0, 0, 0, 0]);
});

test('framing: a length that QEMU would not send is said to be none', (t) => {
  const deframer = new Deframer(QEMU);
  deframer.push(stream(QEMU, [60]));
  deframer.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  t.is(deframer.next(), 60);
  deframer.skip();
  t.is(deframer.next(), LYING);
  const longest = new Deframer(QEMU);
  longest.push(stream(QEMU, [LONGEST_FRAME]));
  t.is(longest.next(), LONGEST_FRAME);
});

test('framing: a frame that is longer than its room is cut, and the next one is whole', (t) => {
  const deframer = new Deframer(QEMU);
  deframer.push(stream(QEMU, [1000, 60]));
  const room = new Uint8Array(100).fill(9);
  t.is(deframer.next(), 1000);
  t.is(deframer.take(room, 0, 50), 1000);
  t.deepEqual([room[49], room[50]], [0, 9]);
  t.deepEqual(taken(deframer), [[60, 1]]);
});
