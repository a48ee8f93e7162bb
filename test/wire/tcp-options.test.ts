/** TCP options: read, skipped, refused and written. RFC 9293 §3.2, RFC 7323, RFC 2018. @module */
import test from 'ava';
import { seq } from '../../src/stack/base/seq.ts';
import * as options from '../../src/stack/wire/tcp-options.ts';

const { Kind } = options;
const AT = 7;

function read(bytes: number[], into = new options.Options()): [boolean, options.Options] {
  const v = new DataView(new ArrayBuffer(64));
  bytes.forEach((byte, i) => {
    v.setUint8(AT + i, byte);
  });
  return [options.read(v, AT, bytes.length, into), into];
}

/** What reading `bytes` finds, with the blocks in a plain form. */
function found(bytes: number[]): object {
  const [whole, o] = read(bytes);
  const { mss, windowScale, sackPermitted, hasTimestamps, tsVal, tsEcr, sackCount } = o;
  const sack = Array.from({ length: sackCount }, (_, i) => [o.sackLeft[i], o.sackRight[i]]);
  return { whole, mss, windowScale, sackPermitted, hasTimestamps, tsVal, tsEcr, sack };
}

const none = {
  whole: true,
  mss: 0,
  windowScale: -1,
  sackPermitted: false,
  hasTimestamps: false,
  tsVal: 0,
  tsEcr: 0,
  sack: [],
};

test('tcp-options: no bytes are no options', (t) => {
  t.deepEqual(found([]), none);
});

test('tcp-options: the SYN of a usual stack is read', (t) => {
  const bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7];
  t.deepEqual(found(bytes), {
    ...none,
    mss: 1460,
    windowScale: 7,
    sackPermitted: true,
    hasTimestamps: true,
    tsVal: 256,
  });
});

test('tcp-options: timestamps alone are read on the short way', (t) => {
  const bytes = [1, 1, 8, 10, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0];
  const expected = { ...none, hasTimestamps: true, tsVal: -1, tsEcr: -(2 ** 31) };
  t.deepEqual(found(bytes), expected);
});

test('tcp-options: timestamps in another layout are read on the long way', (t) => {
  const bytes = [8, 10, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0];
  t.deepEqual(found(bytes), { ...none, hasTimestamps: true, tsVal: 5, tsEcr: 6 });
});

test('tcp-options: the instance is reset, on the short way too', (t) => {
  const all = new options.Options();
  read([2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2], all);
  t.is(all.sackCount, 1);
  read([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], all);
  t.deepEqual(
    [all.mss, all.windowScale, all.sackPermitted, all.sackCount, all.hasTimestamps],
    [0, -1, false, 0, true],
  );
  read([], all);
  t.deepEqual([all.hasTimestamps, all.tsVal, all.tsEcr], [false, 0, 0]);
});

test('tcp-options: up to four SACK blocks are read', (t) => {
  for (let blocks = 1; blocks <= 4; blocks++) {
    const bytes = [Kind.SACK, 2 + 8 * blocks];
    for (let i = 0; i < blocks; i++) bytes.push(0xff, 0, 0, i, 0xff, 0, 0, i + 9);
    const sack = Array.from({ length: blocks }, (_, i) => [
      seq(0xff000000 + i),
      seq(0xff000009 + i),
    ]);
    t.deepEqual(found(bytes), { ...none, sack });
  }
});

test('tcp-options: a window scale above 14 counts as 14 (RFC 7323 §2.3)', (t) => {
  t.deepEqual(found([3, 3, 14]), { ...none, windowScale: 14 });
  t.deepEqual(found([3, 3, 15]), { ...none, windowScale: 14 });
  t.deepEqual(found([3, 3, 255]), { ...none, windowScale: 14 });
});

test('tcp-options: a window scale of 0 is not the same as none', (t) => {
  t.deepEqual(found([3, 3, 0]), { ...none, windowScale: 0 });
});

test('tcp-options: an option that is unknown is skipped (RFC 9293 MUST-6)', (t) => {
  t.deepEqual(found([253, 4, 1, 2, 2, 4, 2, 0x18]), { ...none, mss: 536 });
  t.deepEqual(found([34, 2, 3, 3, 1]), { ...none, windowScale: 1 });
});

test('tcp-options: a known option of a wrong length is ignored, and those after it count', (t) => {
  const after = [3, 3, 5];
  const wrong = [
    [2, 3, 9],
    [2, 5, 9, 9, 9],
    [3, 2],
    [3, 4, 1, 1],
    [4, 3, 1],
    [8, 9, 0, 0, 0, 0, 0, 0, 0],
    [5, 2],
    [5, 9, 0, 0, 0, 0, 0, 0, 0],
    [5, 36, ...Array(34).fill(0)],
  ];
  for (const bytes of wrong) {
    t.deepEqual(found([...bytes, ...after]), { ...none, windowScale: 5 }, String(bytes));
  }
});

test('tcp-options: nothing is read after the end of the list', (t) => {
  t.deepEqual(found([3, 3, 2, 0, 2, 4, 5, 0xb4]), { ...none, windowScale: 2 });
});

test('tcp-options: a length of 0 or 1 is malformed (RFC 9293 MUST-7)', (t) => {
  t.deepEqual(found([253, 0, 0, 0]), { ...none, whole: false });
  t.deepEqual(found([2, 1, 0, 0]), { ...none, whole: false });
});

test('tcp-options: a length past the end is malformed', (t) => {
  t.deepEqual(found([2, 4, 5]), { ...none, whole: false });
  t.deepEqual(found([1, 1, 1, 8]), { ...none, whole: false });
  t.deepEqual(found([253, 255, 0, 0]), { ...none, whole: false });
});

test('tcp-options: what stands before something malformed is kept', (t) => {
  t.deepEqual(found([3, 3, 6, 99, 0]), { ...none, whole: false, windowScale: 6 });
});

test('tcp-options: what the writers write is read again, and their results add up', (t) => {
  const v = new DataView(new ArrayBuffer(64));
  const o = new options.Options();
  let len = options.writeMss(v, AT, 65_495);
  len += options.writeWindowScale(v, AT + len, 14);
  len += options.writeSackPermitted(v, AT + len);
  len += options.writeTimestamps(v, AT + len, -2, 0x7fffffff);
  t.is(len, 24);
  t.true(options.read(v, AT, len, o));
  t.deepEqual([o.mss, o.windowScale, o.sackPermitted], [65_495, 14, true]);
  t.deepEqual([o.hasTimestamps, o.tsVal, o.tsEcr], [true, -2, 0x7fffffff]);
});

test('tcp-options: SACK blocks that are written beside timestamps fill the 40 bytes', (t) => {
  const v = new DataView(new ArrayBuffer(64));
  const o = new options.Options();
  let len = options.writeTimestamps(v, AT, 1, 2);
  len += options.writeSackHeader(v, AT + len, 3);
  for (let i = 0; i < 3; i++) {
    len += options.writeSackBlock(v, AT + len, seq(-100 * i), seq(-100 * i + 50));
  }
  t.is(len, options.MAX_LEN);
  t.true(options.read(v, AT, len, o));
  t.is(o.sackCount, 3);
  t.deepEqual([...o.sackLeft.subarray(0, 3)], [0, -100, -200]);
  t.deepEqual([...o.sackRight.subarray(0, 3)], [50, -50, -150]);
});

test('tcp-options: timestamps are written in the layout that has the short way', (t) => {
  const v = new DataView(new ArrayBuffer(12));
  t.is(options.writeTimestamps(v, 0, 0x01020304, 0x05060708), 12);
  t.is(Buffer.from(v.buffer).toString('hex'), '0101080a0102030405060708');
});
