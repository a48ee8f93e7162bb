/**
 * IGMP messages, read and written in place: version 3 as RFC 3376 §4 has it, versions 2 and 1 as
 * RFC 2236 §2.
 * @module
 */
import { type Address, fromBits } from '../base/address.ts';

const AT = { type: 0, code: 1, checksum: 2, group: 4, records: 6, record: 8 } as const;

/** A query or report of version 1 or 2, and the least of version 3. */
export const MIN_LEN = 8;
/** A query of version 3 without sources. */
export const QUERY_V3_LEN = 12;
/** A group record without sources in a report of version 3. */
export const RECORD_LEN = 8;

/** Types of messages. RFC 1112, RFC 2236, RFC 3376 §4. */
export const Type = {
  QUERY: 0x11,
  REPORT_V1: 0x12,
  REPORT_V2: 0x16,
  LEAVE: 0x17,
  REPORT_V3: 0x22,
} as const;

/** What a group record says. RFC 3376 §4.2.12; an empty list of sources to exclude is "all". */
export const Record = { IS_EXCLUDE: 2, TO_INCLUDE: 3, TO_EXCLUDE: 4 } as const;

/** The message’s type. */
export const type = (v: DataView, at: number): number => v.getUint8(at + AT.type);
/** The time to answer a query in: 0 in version 1. */
export const maxResponseCode = (v: DataView, at: number): number => v.getUint8(at + AT.code);
/** Of a query or a report of version 1 or 2; 0 in a query for all. */
export const group = (v: DataView, at: number): Address => fromBits(v.getInt32(at + AT.group));

/** `maxResponseCode` in tenths of a second. RFC 3376 §4.1.1: from 128 on a floating-point number. */
export function maxResponseTenths(v: DataView, at: number, version: number): number {
  const code = maxResponseCode(v, at);
  if (version < 3 || code < 128) return code;
  return ((code & 0x0f) | 0x10) << (((code >> 4) & 7) + 3);
}

/** A message of version 1 or 2; its checksum is left 0. */
export function write(v: DataView, at: number, type: number, group: Address): void {
  v.setUint8(at + AT.type, type);
  v.setUint8(at + AT.code, 0);
  v.setUint16(at + AT.checksum, 0);
  v.setInt32(at + AT.group, group);
}

/** A report of version 3 with room for `records`, each of which `writeRecord` writes. */
export function writeReport(v: DataView, at: number, records: number): void {
  v.setInt32(at, Type.REPORT_V3 << 24);
  v.setUint16(at + 4, 0);
  v.setUint16(at + AT.records, records);
}

/** The record at `index` of a report at `at`. */
export function writeRecord(
  v: DataView,
  at: number,
  index: number,
  record: number,
  group: Address,
): void {
  const start = at + AT.record + index * RECORD_LEN;
  v.setInt32(start, record << 24);
  v.setInt32(start + 4, group);
}

/** Write the checksum, 16 bits. */
export const setChecksum = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + AT.checksum, value);
