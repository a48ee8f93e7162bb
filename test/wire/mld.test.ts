/**
 * MLD's bytes. RFC 3810 §5, RFC 2710 §3.
 * @module
 */
import test from 'ava';
import * as mld from '../../src/stack/wire/mld.ts';

const v = new DataView(new ArrayBuffer(64));
const bytes = new Uint8Array(v.buffer);

test('mld: a report of version 2 is laid out as RFC 3810 §5.2 has it', (t) => {
  bytes.fill(0xee);
  mld.writeReport(v, 0, 1);
  const group = mld.writeRecord(v, 0, 0, mld.Record.TO_EXCLUDE);
  t.is(group, 12);
  t.deepEqual([...bytes.subarray(0, 12)], [143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0]);
  t.is(mld.writeRecord(v, 0, 1, mld.Record.TO_INCLUDE), 32);
});

test('mld: a message of version 1 is laid out as RFC 2710 §3 has it', (t) => {
  bytes.fill(0xee);
  mld.write(v, 0, mld.Type.DONE);
  t.deepEqual([...bytes.subarray(0, 8)], [132, 0, 0, 0, 0, 0, 0, 0]);
  t.is(mld.groupAt(0), 8);
});

test('mld: a query is of version 1 with 24 octets, of 2 with 28 or more, else of none (RFC 3810 §8.1)', (t) => {
  t.deepEqual([8, 23, 24, 25, 27, 28, 44].map(mld.queryVersion), [0, 0, 1, 0, 0, 2, 2]);
});

test('mld: long response times of version 2 are floating-point numbers (RFC 3810 §5.1.3)', (t) => {
  const ms = (code: number, version: number): number => {
    v.setUint16(4, code);
    return mld.maxResponseMs(v, 0, version);
  };
  t.is(ms(10_000, 2), 10_000);
  t.is(ms(40_000, 1), 40_000);
  t.is(ms(0x8000, 2), 32_768); // (0 | 0x1000) << (0 + 3)
  t.is(ms(0xffff, 2), 8_387_584); // (0xfff | 0x1000) << (7 + 3)
});
