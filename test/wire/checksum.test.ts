/** The Internet checksum, both kinds against the RFC's own definition. RFC 1071, RFC 1624. @module */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import { wasm } from '../../src/stack/base/wasm.ts';
import * as checksum from '../../src/stack/wire/checksum.ts';
import { assemble } from '../../src/stack/wire/checksum-kernel.ts';
import { between, randomBytes, seeded } from '../support/seeded.ts';

const PAGES = 4;
const memory = new wasm.Memory({ initial: PAGES, maximum: PAGES });
const bytes = new Uint8Array(memory.buffer);
const simd = new checksum.Checksum(memory);
const scalar = new checksum.Checksum(memory, false);
const kinds = [simd, scalar];

/** RFC 1071 §4.1, in the packet's own order: pairs of bytes, big-endian, folded and complemented. */
function reference(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += ((data[i] ?? 0) << 8) | (data[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

test('checksum: the example of RFC 1071 §3 sums to ddf2', (t) => {
  const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  t.is(checksum.begun(checksum.sumBytes(example, 0, 8)), 0xddf2);
  t.is(checksum.finish(checksum.sumBytes(example, 0, 8)), 0x220d);
});

test('checksum: the kernel is accepted by the engine, and is in use', (t) => {
  t.true(wasm.validate(assemble()));
  t.is(simd.kind, 'simd');
  t.is(scalar.kind, 'scalar');
});

test.serial('checksum: both kinds give the reference at every alignment and length', (t) => {
  seeded(t, (random) => {
    bytes.set(randomBytes(random, 1024), 0);
    for (let at = 0; at < 17; at++) {
      for (let length = 0; length < 200; length++) {
        const expected = reference(bytes.subarray(at, at + length));
        for (const c of kinds) {
          if (checksum.finish(c.sum(at, length)) !== expected) t.fail(`${c.kind} ${at} ${length}`);
        }
      }
    }
  });
  t.pass();
});

test.serial('checksum: both kinds give the reference up to a whole packet of 64 KiB', (t) => {
  seeded(t, (random) => {
    bytes.set(randomBytes(random, bytes.length));
    for (let i = 0; i < 100; i++) {
      const at = between(random, 0, 65_536);
      const length = between(random, 0, 65_535);
      const expected = reference(bytes.subarray(at, at + length));
      for (const c of kinds) t.is(checksum.finish(c.sum(at, length)), expected);
    }
  });
});

test.serial('checksum: 128 KiB of ones overflow nothing', (t) => {
  bytes.fill(0xff);
  for (const c of kinds) {
    t.is(checksum.finish(c.sum(0, 131_072)), 0);
    t.is(checksum.finish(c.sum(1, 131_071)), 0x00ff);
  }
});

test.serial('checksum: the last bytes of the memory are summed', (t) => {
  bytes.fill(0xab);
  for (const c of kinds) {
    for (const length of [1, 2, 3, 15, 64, 100]) {
      const expected = reference(bytes.subarray(bytes.length - length));
      t.is(checksum.finish(c.sum(bytes.length - length, length)), expected);
    }
  }
});

test.serial('checksum: zeros sum to zero, and anything else does not', (t) => {
  bytes.fill(0);
  for (const c of kinds) t.is(c.sum(0, 1000), 0);
  bytes[999] = 1;
  for (const c of kinds) t.false(checksum.finish(c.sum(0, 1000)) === 0xffff);
});

test.serial('checksum: copying gives the sum of what is copied, and copies nothing else', (t) => {
  seeded(t, (random) => {
    const from = randomBytes(random, 4000);
    for (const c of kinds) {
      for (let i = 0; i < 500; i++) {
        const at = between(random, 0, 999);
        const length = i < 100 ? i : between(random, 0, 3000);
        const to = between(random, 1, 999);
        bytes.fill(0x55, 0, 5000);
        const sum = c.copy(from, at, to, length);
        t.is(checksum.finish(sum), reference(from.subarray(at, at + length)));
        const same = Buffer.compare(
          bytes.subarray(to, to + length),
          from.subarray(at, at + length),
        );
        t.deepEqual([same, bytes[to - 1], bytes[to + length]], [0, 0x55, 0x55]);
      }
    }
  });
});

test.serial('checksum: copying within the memory does the same in one pass', (t) => {
  seeded(t, (random) => {
    for (const c of kinds) {
      for (let i = 0; i < 500; i++) {
        const from = between(random, 0, 999);
        const length = i < 100 ? i : between(random, 0, 3000);
        const to = between(random, 5001, 5999);
        bytes.set(randomBytes(random, 4000));
        bytes.fill(0x55, 5000, 10_000);
        const expected = reference(bytes.subarray(from, from + length));
        t.is(checksum.finish(c.copyWithin(from, to, length)), expected);
        const source = bytes.subarray(from, from + length);
        const same = Buffer.compare(bytes.subarray(to, to + length), source);
        t.deepEqual([same, bytes[to - 1], bytes[to + length]], [0, 0x55, 0x55]);
      }
    }
  });
});

test.serial('checksum: partial sums of even length add up', (t) => {
  seeded(t, (random) => {
    bytes.set(randomBytes(random, 4000));
    for (let i = 0; i < 200; i++) {
      const first = 2 * between(random, 0, 500);
      const rest = between(random, 0, 2000);
      const expected = reference(bytes.subarray(0, first + rest));
      for (const c of kinds) {
        t.is(checksum.finish(c.sum(0, first) + c.sum(first, rest)), expected);
      }
    }
  });
});

test.serial('checksum: a part that begins at an odd offset is turned by odd', (t) => {
  seeded(t, (random) => {
    bytes.set(randomBytes(random, 4000));
    for (let i = 0; i < 200; i++) {
      const first = 2 * between(random, 0, 500) + 1;
      const rest = between(random, 0, 2000);
      const expected = reference(bytes.subarray(0, first + rest));
      for (const c of kinds) {
        t.is(checksum.finish(c.sum(0, first) + checksum.odd(c.sum(first, rest))), expected);
      }
    }
  });
});

test('checksum: sums stay right far above 32 bits', (t) => {
  for (const sum of [0xffff_ffff, 0x1_0000_0000, 2 ** 46 + 12_345, 2 ** 52 - 1]) {
    const folded = sum % 0xffff === 0 ? 0xffff : sum % 0xffff;
    const swapped = ((folded & 0xff) << 8) | (folded >> 8);
    t.is(checksum.begun(sum), swapped);
  }
});

test('checksum: data with its checksum in place is good, and with one bit changed is not', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < 200; i++) {
      const data = randomBytes(random, 2 * between(random, 2, 100));
      const v = new DataView(data.buffer);
      v.setUint16(2, 0);
      v.setUint16(2, checksum.finish(checksum.sumBytes(data, 0, data.length)));
      t.true(checksum.good(checksum.sumBytes(data, 0, data.length)));
      const at = between(random, 0, data.length - 1);
      data[at] = (data[at] ?? 0) ^ (1 << between(random, 0, 7));
      t.false(checksum.good(checksum.sumBytes(data, 0, data.length)));
    }
  });
});

test('checksum: nothing at all is not good', (t) => {
  t.false(checksum.good(0));
});

test('checksum: the pseudo-header and a length sum like their twelve bytes', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < 200; i++) {
      const data = randomBytes(random, 12);
      data[8] = 0;
      // Those of 0.0.0.0/8 are all read as one (RFC 1122 §3.2.1.3 (b)): no packet has them.
      data[0] = (data[0] ?? 0) | 1;
      data[4] = (data[4] ?? 0) | 1;
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = data;
      const source = fromOctets(a, b, c, d);
      const destination = fromOctets(e, f, g, h);
      const length = new DataView(data.buffer).getUint16(10);
      const sum = checksum.pseudo(source, destination, data[9] ?? 0) + checksum.lengthTerm(length);
      t.is(checksum.finish(sum), reference(data));
    }
  });
});

test('checksum: what is begun is completed by the sum of the rest', (t) => {
  const data = Uint8Array.of(1, 2, 3, 4, 0, 0, 7, 8);
  const pseudo = checksum.pseudo(fromOctets(10, 0, 0, 1), fromOctets(10, 0, 0, 2), 6);
  const expected = checksum.finish(pseudo + checksum.sumBytes(data, 0, 8));
  new DataView(data.buffer).setUint16(4, checksum.begun(pseudo));
  t.is(checksum.finish(checksum.sumBytes(data, 0, 8)), expected);
});

test('checksum: an update of 16 bits gives what summing again gives', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < 1000; i++) {
      const data = randomBytes(random, 20);
      const v = new DataView(data.buffer);
      const before = reference(data);
      const at = 2 * between(random, 0, 9);
      const old = v.getUint16(at);
      const value = random.int32() & 0xffff;
      v.setUint16(at, value);
      t.is(checksum.update16(before, old, value), reference(data));
    }
  });
});

test('checksum: an update of 32 bits, signed or not, gives what summing again gives', (t) => {
  seeded(t, (random) => {
    for (let i = 0; i < 1000; i++) {
      const data = randomBytes(random, 20);
      const v = new DataView(data.buffer);
      const before = reference(data);
      const at = 2 * between(random, 0, 8);
      const old = v.getInt32(at);
      const value = random.int32();
      v.setInt32(at, value);
      t.is(checksum.update32(before, old, value), reference(data));
      t.is(checksum.update32(before, old >>> 0, value >>> 0), reference(data));
    }
  });
});

test('checksum: an update that wraps gives 0000 and not ffff (RFC 1624 §4)', (t) => {
  t.is(checksum.update16(0xdd2f, 0x5555, 0x3285), 0x0000);
});
