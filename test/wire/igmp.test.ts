/**
 * IGMP's bytes. RFC 3376 §4.
 * @module
 */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import * as igmp from '../../src/stack/wire/igmp.ts';

const v = new DataView(new ArrayBuffer(32));
const GROUP = fromOctets(239, 1, 2, 3);

test('igmp: a message of version 2 is read as it was written', (t) => {
  igmp.write(v, 4, igmp.Type.LEAVE, GROUP);
  t.deepEqual([igmp.type(v, 4), igmp.maxResponseCode(v, 4), igmp.group(v, 4)], [0x17, 0, GROUP]);
});

test('igmp: a report of version 3 is laid out as RFC 3376 §4.2 has it', (t) => {
  igmp.writeReport(v, 0, 1);
  igmp.writeRecord(v, 0, 0, igmp.Record.TO_EXCLUDE, GROUP);
  const bytes = [...new Uint8Array(v.buffer, 0, 16)];
  t.deepEqual(bytes, [0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 239, 1, 2, 3]);
});

test('igmp: long response times of version 3 are floating-point numbers', (t) => {
  const tenths = (code: number, version: number): number => {
    v.setUint8(1, code);
    return igmp.maxResponseTenths(v, 0, version);
  };
  t.is(tenths(100, 3), 100);
  t.is(tenths(200, 2), 200);
  t.is(tenths(0x80, 3), 128); // (0 | 16) << (0 + 3)
  t.is(tenths(0xff, 3), 31_744); // (15 | 16) << (7 + 3)
});
