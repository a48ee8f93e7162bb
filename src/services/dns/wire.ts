/**
 * DNS messages where they lie: what a forwarder must know of an answer that it passes on as it came, so that
 * types of records that nobody here has heard of arrive whole. RFC 1035 §4.1.
 *
 * Nothing is followed that a compression pointer names: a name is skipped, and the question, which comes first,
 * has none.
 * @module
 */

/** The header. RFC 1035 §4.1.1. */
export const HEADER = 12;
/** What follows a record's name: type, class, time to live, length. RFC 1035 §4.1.3. */
const FIXED = 10;
/** RFC 6891 §6.1.1. */
export const OPT = 41;
/** RFC 1035 §3.2.2. */
const SOA = 6;
const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;

export const Flag = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, CD: 0x0010 };
export const Rcode = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Where what follows the name at `at` begins; -1 if the name does not end in the message. */
export function skipName(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let i = at; i < bytes.length; ) {
    const label = bytes[i] as number; // the loop has looked
    if (label === 0) return i + 1;
    if (label >= 0xc0) return i + 2 <= bytes.length ? i + 2 : -1;
    if (label > LONGEST_LABEL) return -1; // RFC 6891 §5: other kinds of labels are no more
    length += label + 1;
    if (length >= LONGEST_NAME) return -1;
    i += label + 1;
  }
  return -1;
}

/** What a message asks, as it stands there. */
export interface Question {
  /** In small letters, without the last dot; what is no letter, digit, `-` or `_` as `\\ddd`. RFC 4343 §2.1. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends. */
  readonly end: number;
}

/** The one question of a message; undefined if it has none, more than one, or a broken one. */
export function question(bytes: Uint8Array): Question | undefined {
  if (bytes.length < HEADER + 5) return undefined;
  const view = viewOf(bytes);
  if (view.getUint16(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > LONGEST_LABEL) return undefined; // a question points nowhere
    if (length === 0) break;
    if (at + 1 + length - HEADER >= LONGEST_NAME || at + 1 + length > bytes.length)
      return undefined;
    labels.push(readLabel(bytes, at + 1, length));
    at += 1 + length;
  }
  if (at + 5 > bytes.length) return undefined;
  const [type, kind] = [view.getUint16(at + 1), view.getUint16(at + 3)];
  return { name: labels.join('.'), type, class: kind, end: at + 5 };
}

function readLabel(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = at; i < at + length; i++) {
    const octet = bytes[i] as number; // `question` has looked that it is there
    const small = octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet;
    const plain = /[a-z0-9_-]/.test(String.fromCharCode(small));
    text += plain ? String.fromCharCode(small) : `\\${String(octet).padStart(3, '0')}`;
  }
  return text;
}

/** A record where it lies. */
export interface RecordPlace {
  readonly at: number;
  readonly type: number;
  /** 0 answers, 1 authority, 2 additional. */
  readonly section: number;
  /** Where its time to live stands: four bytes. RFC 2181 §8. */
  readonly ttlAt: number;
  readonly dataAt: number;
  readonly end: number;
}

/** All records; undefined if the message does not hold what it announces. */
export function records(bytes: Uint8Array): RecordPlace[] | undefined {
  const asked = question(bytes);
  if (asked === undefined) return undefined;
  const view = viewOf(bytes);
  const found: RecordPlace[] = [];
  let at = asked.end;
  for (let section = 0; section < 3; section++) {
    for (let left = view.getUint16(6 + 2 * section); left > 0; left--) {
      const fixed = skipName(bytes, at);
      if (fixed < 0 || fixed + FIXED > bytes.length) return undefined;
      const dataAt = fixed + FIXED;
      const end = dataAt + view.getUint16(fixed + 8);
      if (end > bytes.length) return undefined;
      found.push({ at, type: view.getUint16(fixed), section, ttlAt: fixed + 4, dataAt, end });
      at = end;
    }
  }
  return found;
}

/** RFC 2181 §8: a time with its highest bit set is 0. */
export const SIGN = 0x8000_0000;

const ttlOf = (view: DataView, { ttlAt }: RecordPlace): number => {
  const ttl = view.getUint32(ttlAt);
  return ttl >= SIGN ? 0 : ttl;
};

/**
 * Seconds that an answer may be kept: the shortest time of its records, or of one without an answer what its
 * SOA allows (RFC 2308 §5); 0 if there is none.
 */
export function lifetime(bytes: Uint8Array, places: readonly RecordPlace[]): number {
  const view = viewOf(bytes);
  const answers = places.filter(({ section }) => section === 0);
  if (answers.length > 0) return Math.min(...answers.map((place) => ttlOf(view, place)));
  const soa = places.find(({ section, type }) => section === 1 && type === SOA);
  if (soa === undefined || soa.end - soa.dataAt < 22) return 0;
  return Math.min(ttlOf(view, soa), view.getUint32(soa.end - 4)); // MINIMUM is its last field
}

/** Let `seconds` have passed for every record: where its time to live has fewer left it is 0. */
export function age(bytes: Uint8Array, places: readonly RecordPlace[], seconds: number): void {
  const view = viewOf(bytes);
  for (const place of places) {
    if (place.type === OPT) continue; // which has flags there (RFC 6891 §6.1.3)
    view.setUint32(place.ttlAt, Math.max(0, ttlOf(view, place) - seconds));
  }
}

/**
 * What of an answer is told who takes no more than `limit` bytes: header and question with TC, and the
 * pseudo-record of EDNS if there is one. RFC 2181 §9, RFC 6891 §7.
 */
export function truncate(bytes: Uint8Array, limit: number): Uint8Array {
  if (bytes.length <= limit) return bytes;
  const { end } = question(bytes) as Question; // it was asked before the answer was taken
  const opt = records(bytes)?.find(({ type }) => type === OPT);
  const kept = opt ? bytes.subarray(opt.at, opt.end) : new Uint8Array(0);
  const short = new Uint8Array(end + kept.length);
  short.set(bytes.subarray(0, end));
  short.set(kept, end);
  const view = viewOf(short);
  view.setUint16(2, view.getUint16(2) | Flag.TC);
  view.setUint16(6, 0);
  view.setUint16(8, 0);
  view.setUint16(10, opt ? 1 : 0);
  return short;
}

/** True if `answer` is one to what `query` asks: same number and same question. RFC 5452 §9.1. */
export function answers(answer: Uint8Array, query: Uint8Array): boolean {
  const [said, asked] = [question(answer), question(query)];
  if (said === undefined || asked === undefined) return false;
  const [flags, number] = [viewOf(answer).getUint16(2), viewOf(answer).getUint16(0)];
  return (
    (flags & Flag.QR) !== 0 &&
    (flags & 0x7800) === 0 &&
    number === viewOf(query).getUint16(0) &&
    said.name === asked.name &&
    said.type === asked.type &&
    said.class === asked.class
  );
}
