/**
 * Multicast Listener Discovery's messages, read and written in place: version 2 as RFC 3810 §5 has it,
 * version 1 as RFC 2710 §3. They are ICMPv6 messages, with its checksum.
 *
 * A group is told by where its 16 octets begin, so that nothing need stand for it to look at it.
 * @module
 */

const AT = { type: 0, code: 1, checksum: 2, delay: 4, records: 6, group: 8, record: 8 } as const;

/** A message of version 1, and the least of a query. */
export const MIN_LEN = 24;
/** A query of version 2 without sources. */
export const QUERY_V2_LEN = 28;
/** What stands before the records of a report of version 2. */
export const REPORT_LEN = 8;
/** A record of a report of version 2, without sources. */
export const RECORD_LEN = 20;

/** Types of messages. RFC 2710 §3, RFC 3810 §5. */
export const Type = { QUERY: 130, REPORT_V1: 131, DONE: 132, REPORT_V2: 143 } as const;

/** What a record says. RFC 3810 §5.2.12; an empty list of sources to exclude is "all". */
export const Record = { IS_EXCLUDE: 2, TO_INCLUDE: 3, TO_EXCLUDE: 4 } as const;

/** The message’s type. */
export const type = (v: DataView, at: number): number => v.getUint8(at + AT.type);
/** The time to answer a query in, as it stands there. */
export const maxResponseCode = (v: DataView, at: number): number => v.getUint16(at + AT.delay);
/** Where the group of a query, or of a message of version 1, begins; 16 octets of 0: all. */
export const groupAt = (at: number): number => at + AT.group;

/** RFC 3810 §8.1: which version's query `len` bytes hold; 0: none, for it is to be dropped silently. */
export const queryVersion = (len: number): 0 | 1 | 2 => {
  if (len === MIN_LEN) return 1;
  return len >= QUERY_V2_LEN ? 2 : 0;
};

/** `maxResponseCode` in milliseconds. RFC 3810 §5.1.3: from 32 768 on a floating-point number. */
export function maxResponseMs(v: DataView, at: number, version: number): number {
  const code = maxResponseCode(v, at);
  if (version < 2 || code < 32_768) return code;
  return ((code & 0x0fff) | 0x1000) << (((code >> 12) & 7) + 3);
}

/** A message of version 1 but for its group, which begins at `groupAt`; its checksum is left 0. */
export function write(v: DataView, at: number, type: number): void {
  v.setInt32(at, type << 24);
  v.setInt32(at + AT.delay, 0);
}

/** A report of version 2 with room for `records`, each of which `writeRecord` writes. */
export function writeReport(v: DataView, at: number, records: number): void {
  v.setInt32(at, Type.REPORT_V2 << 24);
  v.setUint16(at + 4, 0);
  v.setUint16(at + AT.records, records);
}

/** The record at `index` of a report at `at`, but for its group. Gives where those 16 octets begin. */
export function writeRecord(v: DataView, at: number, index: number, record: number): number {
  const start = at + AT.record + index * RECORD_LEN;
  v.setInt32(start, record << 24);
  return start + 4;
}
