/**
 * What is asked and answered: a guest's query, what is asked of a resolver for it, and the answers that are made
 * here. Records are written by `dns-packet`. RFC 1035 §4.1, RFC 6891.
 * @module
 */
import { type Answer, encode } from 'dns-packet';
import ipaddr from 'ipaddr.js';
import {
  Flag,
  HEADER,
  OPT,
  type Question,
  Rcode,
  question as readQuestion,
  records,
  SIGN,
  viewOf,
} from './wire.ts';

export const Type = { A: 1, PTR: 12, AAAA: 28, IXFR: 251, AXFR: 252 } as const;
export const IN = 1;

/** Without EDNS. RFC 1035 §4.2.1. */
export const PLAIN_LIMIT = 512;
/** What crosses every link in one piece; the flag day of 2020 chose it. */
export const EDNS_LIMIT = 1232;
/** RFC 6891 §6.1.4, in the lower half of the record's "time to live". */
const DO = 0x8000;
/** Extended errors: option 15, "prohibited" is 18. RFC 8914. */
const EXTENDED_ERROR = 15;
export const PROHIBITED = 18;

/** A query that can be answered. */
export interface Query {
  readonly bytes: Uint8Array;
  readonly question: Question;
  readonly flags: number;
  /** It speaks EDNS. */
  readonly edns: boolean;
  /** It wants the records of DNSSEC. RFC 3225. */
  readonly dnssec: boolean;
  /** The longest datagram that it takes, in bytes. */
  readonly limit: number;
}

/** A query; an `Rcode` for one that is to be refused so; undefined for what is not to be answered at all. */
export function readQuery(bytes: Uint8Array): Query | number | undefined {
  if (bytes.length < HEADER) return undefined;
  const flags = viewOf(bytes).getUint16(2);
  if ((flags & Flag.QR) !== 0) return undefined; // two that answer each other's answers never end
  if ((flags & 0x7800) !== 0) return Rcode.NOTIMP;
  const asked = readQuestion(bytes);
  const places = records(bytes);
  if (asked === undefined || places === undefined) return Rcode.FORMERR;
  const opts = places.filter(({ type, section }) => type === OPT && section === 2);
  if (opts.length > 1) return Rcode.FORMERR; // RFC 6891 §6.1.1
  const [opt] = opts;
  const isTransfer = asked.type === Type.AXFR || asked.type === Type.IXFR;
  if (isTransfer || asked.class !== IN) return Rcode.REFUSED;
  const view = viewOf(bytes);
  const size = opt ? view.getUint16(opt.ttlAt - 2) : PLAIN_LIMIT;
  return {
    ...{ bytes, question: asked, flags, edns: opt !== undefined },
    dnssec: opt !== undefined && (view.getUint16(opt.ttlAt + 2) & DO) !== 0,
    limit: Math.min(Math.max(size, PLAIN_LIMIT), EDNS_LIMIT),
  };
}

/** The same answer serves whom this is the same for. */
export const keyOf = ({ question: { name, type }, edns, dnssec, flags }: Query): string =>
  `${type} ${edns ? 1 : 0}${dnssec ? 1 : 0}${flags & Flag.CD ? 1 : 0} ${name}`;

/**
 * What a resolver is asked for a guest: the question, in small letters, and nothing else that a guest has put in, such
 * as options that would say who it is, or a text in large and small letters.
 */
export function forResolver(query: Query, id: number): Uint8Array {
  const { bytes, question, edns, dnssec, flags } = query;
  const { end } = question;
  const out = new Uint8Array(end + (edns ? 11 : 0));
  out.set(bytes.subarray(0, end));
  for (let i = HEADER; i < end - 4; i++) {
    const octet = out[i] as number; // a length of a label is no letter: it is below 64
    if (octet >= 0x41 && octet <= 0x5a) out[i] = octet + 32;
  }
  const view = viewOf(out);
  view.setUint16(0, id);
  view.setUint16(2, Flag.RD | (flags & Flag.CD));
  view.setUint16(4, 1);
  view.setUint32(6, 0);
  view.setUint16(10, edns ? 1 : 0);
  if (edns) {
    view.setUint16(end + 1, OPT);
    view.setUint16(end + 3, EDNS_LIMIT);
    view.setUint16(end + 7, dnssec ? DO : 0);
  }
  return out;
}

/** A resolver's answer, or one from the cache, as one to this query: its number, and its spelling of the name. */
export function asAnswerTo({ bytes, question: { end } }: Query, answer: Uint8Array): Uint8Array {
  const out = new Uint8Array(answer);
  out.set(bytes.subarray(0, 2));
  out.set(bytes.subarray(HEADER, end), HEADER); // both names are as long
  return out;
}

/** An answer that is made here. */
export interface Made {
  readonly rcode: number;
  readonly answers?: readonly Answer[];
  /** Why, for who speaks EDNS. RFC 8914. */
  readonly because?: number;
}

/** Make one. */
export function makeAnswer(
  { bytes, question: { end }, edns, flags }: Query,
  { rcode, answers = [], because }: Made,
): Uint8Array {
  const made = encode({ type: 'response', answers: [...answers] }).subarray(HEADER);
  const extra = edns ? 11 + (because === undefined ? 0 : 6) : 0;
  const out = Buffer.alloc(end + made.length + extra);
  out.set(bytes.subarray(0, end));
  out.writeUInt16BE(Flag.QR | Flag.RA | Flag.AA | (flags & (Flag.RD | Flag.CD)) | rcode, 2);
  out.writeUInt16BE(1, 4);
  out.writeUInt16BE(answers.length, 6);
  out.writeUInt16BE(0, 8);
  out.writeUInt16BE(edns ? 1 : 0, 10);
  out.set(made, end);
  const at = end + made.length;
  if (edns) {
    out.writeUInt16BE(OPT, at + 1);
    out.writeUInt16BE(EDNS_LIMIT, at + 3);
    if (because !== undefined) {
      out.writeUInt16BE(6, at + 9);
      out.writeUInt16BE(EXTENDED_ERROR, at + 11);
      out.writeUInt16BE(2, at + 13);
      out.writeUInt16BE(because, at + 15);
    }
  }
  return out;
}

/** The answer to what cannot be read as a query: its number and the reason. */
export function makeRefusal(bytes: Uint8Array, rcode: number): Uint8Array {
  const out = new Uint8Array(HEADER);
  out.set(bytes.subarray(0, 2));
  const view = viewOf(out);
  view.setUint16(2, (viewOf(bytes).getUint16(2) & 0x7900) | Flag.QR | rcode);
  return out;
}

/** Records of a name for those of its addresses that are of the type that was asked for. */
export function addressRecords(
  asked: Question,
  addresses: readonly string[],
  ttl: number,
): Answer[] {
  const kind = asked.type === Type.A ? 'ipv4' : 'ipv6';
  if (asked.type !== Type.A && asked.type !== Type.AAAA) return [];
  return addresses
    .filter((address) => ipaddr.parse(address).kind() === kind)
    .map(
      (data): Answer => ({
        ...{ name: asked.name, ttl, data },
        type: kind === 'ipv4' ? 'A' : 'AAAA',
      }),
    );
}

export const pointerRecords = (asked: Question, names: readonly string[], ttl: number): Answer[] =>
  asked.type === Type.PTR
    ? names.map((data) => ({ name: asked.name, type: 'PTR', ttl, data }))
    : [];

/** The addresses that an answer gives, and the seconds that the shortest-lived of them holds. */
export function addressesIn(answer: Uint8Array): { addresses: string[]; ttl: number } {
  const view = viewOf(answer);
  const addresses: string[] = [];
  let ttl = Number.POSITIVE_INFINITY;
  for (const { section, type, ttlAt, dataAt, end } of records(answer) ?? []) {
    const size = type === Type.A ? 4 : type === Type.AAAA ? 16 : -1;
    if (section !== 0 || end - dataAt !== size) continue;
    addresses.push(ipaddr.fromByteArray([...answer.subarray(dataAt, end)]).toString());
    const seconds = view.getUint32(ttlAt);
    ttl = Math.min(ttl, seconds >= SIGN ? 0 : seconds);
  }
  return { addresses, ttl: addresses.length === 0 ? 0 : ttl };
}
