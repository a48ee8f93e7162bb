/**
 * DHCP messages for IPv4: read from a datagram, and written to one. RFC 2131 §2, RFC 2132; long options in
 * pieces by RFC 3396.
 *
 * They come once in a lease and are objects: nothing here is on a packet's path.
 * @module
 */

/** `op`: RFC 2131 figure 1. */
export const Op = { REQUEST: 1, REPLY: 2 } as const;

/** RFC 2132 §9.6. */
export const MessageType = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Numbers of options that are used here. RFC 2132; 119: RFC 3397. */
export const Option = {
  PAD: 0,
  SUBNET_MASK: 1,
  ROUTER: 3,
  DNS: 6,
  HOST_NAME: 12,
  DOMAIN: 15,
  MTU: 26,
  BROADCAST: 28,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  OVERLOAD: 52,
  MESSAGE_TYPE: 53,
  SERVER_ID: 54,
  MESSAGE: 56,
  RENEWAL_TIME: 58,
  REBINDING_TIME: 59,
  CLIENT_ID: 61,
  DOMAIN_SEARCH: 119,
  END: 255,
} as const;

/** The client cannot take unicast before it is configured. RFC 2131 figure 2. */
export const BROADCAST_FLAG = 0x8000;

const AT = {
  ...{ op: 0, hardware: 1, hardwareLength: 2, xid: 4, secs: 8, flags: 10 },
  ...{ ciaddr: 12, yiaddr: 16, siaddr: 20, giaddr: 24, chaddr: 28, sname: 44, file: 108 },
  ...{ cookie: 236, options: 240 },
} as const;
const COOKIE = 0x6382_5363;
const ETHERNET = 1;
const MAC_LENGTH = 6;
/** What every client takes: RFC 2131 §2, a datagram of 576 bytes less its headers. */
const LEAST_LENGTH = 300;
const LONGEST_PIECE = 255;

/** A message. Addresses are 32 bits, unsigned. */
export interface Message {
  readonly op: number;
  /** Of the client's choice: pairs questions and answers. */
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  /** The client's address, if it has one. */
  readonly ciaddr: number;
  /** What it is given. */
  readonly yiaddr: number;
  /** A relay's. */
  readonly giaddr: number;
  /** Its hardware address, six octets. */
  readonly chaddr: Uint8Array;
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** Read a datagram's text; undefined if it is no DHCP message of a station on an Ethernet. */
export function parse(bytes: Uint8Array): Message | undefined {
  if (bytes.length < AT.options) return undefined;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isEthernet = v.getUint8(AT.hardware) === ETHERNET;
  if (!isEthernet || v.getUint8(AT.hardwareLength) !== MAC_LENGTH) return undefined;
  if (v.getUint32(AT.cookie) !== COOKIE) return undefined;
  const options = new Map<number, Uint8Array>();
  if (!readOptions(bytes, AT.options, bytes.length, options)) return undefined;
  // RFC 2132 §9.3: the fields of names hold options too, the file's first.
  const overload = options.get(Option.OVERLOAD)?.[0] ?? 0;
  if ((overload & 1) !== 0 && !readOptions(bytes, AT.file, AT.cookie, options)) return undefined;
  if ((overload & 2) !== 0 && !readOptions(bytes, AT.sname, AT.file, options)) return undefined;
  return {
    op: v.getUint8(AT.op),
    xid: v.getUint32(AT.xid),
    secs: v.getUint16(AT.secs),
    flags: v.getUint16(AT.flags),
    ciaddr: v.getUint32(AT.ciaddr),
    yiaddr: v.getUint32(AT.yiaddr),
    giaddr: v.getUint32(AT.giaddr),
    chaddr: new Uint8Array(bytes.subarray(AT.chaddr, AT.chaddr + MAC_LENGTH)),
    options,
  };
}

/** RFC 3396 §7: an option that stands there several times is one, in pieces. False if one is cut. */
function readOptions(
  bytes: Uint8Array,
  from: number,
  end: number,
  into: Map<number, Uint8Array>,
): boolean {
  let at = from;
  while (at < end) {
    const code = bytes[at++] as number; // below the end
    if (code === Option.PAD) continue;
    if (code === Option.END) return true;
    const length = bytes[at++];
    if (length === undefined || at + length > end) return false;
    const before = into.get(code) ?? new Uint8Array(0);
    const joined = new Uint8Array(before.length + length);
    joined.set(before);
    joined.set(bytes.subarray(at, at + length), before.length);
    into.set(code, joined);
    at += length;
  }
  return true;
}

/** What stands in a reply, besides what it repeats of the question. */
export interface Reply {
  readonly type: MessageType;
  readonly ciaddr?: number;
  readonly yiaddr?: number;
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** The text of the datagram that answers `question`. */
export function write(
  question: Message,
  { type, ciaddr = 0, yiaddr = 0, options }: Reply,
): Uint8Array {
  const pieces: number[] = [Option.MESSAGE_TYPE, 1, type];
  for (const [code, value] of options) {
    for (let at = 0; at < value.length; at += LONGEST_PIECE) {
      const piece = value.subarray(at, at + LONGEST_PIECE);
      pieces.push(code, piece.length, ...piece);
    }
  }
  pieces.push(Option.END);
  const bytes = new Uint8Array(Math.max(LEAST_LENGTH, AT.options + pieces.length));
  const v = new DataView(bytes.buffer);
  v.setUint8(AT.op, Op.REPLY);
  v.setUint8(AT.hardware, ETHERNET);
  v.setUint8(AT.hardwareLength, MAC_LENGTH);
  v.setUint32(AT.xid, question.xid);
  v.setUint16(AT.flags, question.flags);
  v.setUint32(AT.ciaddr, ciaddr);
  v.setUint32(AT.yiaddr, yiaddr);
  v.setUint32(AT.giaddr, question.giaddr);
  bytes.set(question.chaddr, AT.chaddr);
  v.setUint32(AT.cookie, COOKIE);
  bytes.set(pieces, AT.options);
  return bytes;
}

/** The option's 32 bits; undefined if it is not there, or of another length. */
export function number32(
  options: ReadonlyMap<number, Uint8Array>,
  code: number,
): number | undefined {
  const value = options.get(code);
  if (value?.length !== 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
}

/** Big-endian, four octets each. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const v = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) v.setUint32(i * 4, value);
  return bytes;
}

/** Names as RFC 1035 §3.1 writes them, without compression. RFC 3397 §2. */
export function searchList(names: readonly string[]): Uint8Array {
  const octets: number[] = [];
  for (const name of names) {
    for (const label of name.split('.').filter((part) => part !== '')) {
      const text = new TextEncoder().encode(label);
      octets.push(text.length, ...text);
    }
    octets.push(0);
  }
  return Uint8Array.from(octets);
}
