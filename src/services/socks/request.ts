/**
 * What a client of SOCKS5 says, read from bytes, and what it is answered. RFC 1928; no authentication.
 * @module
 */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

export const VERSION = 5;
export const Method = { NONE: 0, REFUSED: 0xff } as const;
export const Command = { CONNECT: 1, BIND: 2, UDP_ASSOCIATE: 3 } as const;
const Kind = { IPV4: 1, NAME: 3, IPV6: 4 } as const;

/** RFC 1928 §6. */
export const Reply = {
  DONE: 0,
  FAILED: 1,
  FORBIDDEN: 2,
  NO_NETWORK: 3,
  NO_HOST: 4,
  REFUSED: 5,
  TTL: 6,
  NO_COMMAND: 7,
  NO_KIND: 8,
} as const;

/** A place as it stands in a request. */
export interface Place {
  /** An address, or a name. */
  readonly host: string;
  readonly port: number;
  /** Where what follows it begins. */
  readonly end: number;
}

/** The place at `at`: undefined if it is not all there, false if it is of no kind that we know. */
export function readPlace(bytes: Uint8Array, at: number): Place | undefined | false {
  if (bytes.length < at + 2) return undefined;
  const kind = bytes[at];
  const length = kind === Kind.IPV4 ? 4 : kind === Kind.IPV6 ? 16 : (bytes[at + 1] as number);
  if (kind !== Kind.IPV4 && kind !== Kind.IPV6 && kind !== Kind.NAME) return false;
  const from = kind === Kind.NAME ? at + 2 : at + 1;
  const end = from + length + 2;
  if (bytes.length < end) return undefined;
  const octets = bytes.subarray(from, from + length);
  const host =
    kind === Kind.NAME
      ? Buffer.from(octets).toString('latin1')
      : ipaddr.fromByteArray([...octets]).toString();
  return { host, port: ((bytes[end - 2] as number) << 8) | (bytes[end - 1] as number), end };
}

/** An address and a port as they stand in replies and in front of datagrams; what is no address is 0.0.0.0. */
export function writePlace(address: string, port: number): Buffer {
  const isSix = isIPv6(address);
  const octets = isSix || isIPv4(address) ? ipaddr.parse(address).toByteArray() : [0, 0, 0, 0];
  return Buffer.from([isSix ? Kind.IPV6 : Kind.IPV4, ...octets, port >> 8, port & 255]);
}

/** A reply with where the connection was bound. */
export const writeReply = (code: number, address = '0.0.0.0', port = 0): Buffer =>
  Buffer.concat([Uint8Array.of(VERSION, code, 0), writePlace(address, port)]);

/** What tells best of a failure with one of Node's codes. */
export function replyFor(code: string | undefined): number {
  switch (code) {
    case 'ECONNREFUSED':
      return Reply.REFUSED;
    case 'ENETUNREACH':
      return Reply.NO_NETWORK;
    case 'EHOSTUNREACH':
    case 'ETIMEDOUT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return Reply.NO_HOST;
    case 'EACCES':
      return Reply.FORBIDDEN;
    default:
      return Reply.FAILED;
  }
}
