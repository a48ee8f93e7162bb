/**
 * The kernel's routing socket: messages, attributes, dumps of many messages, requests. RFC 3549
 * §2.3; rtnetlink(7), netlink(7). All numbers are in the machine's own byte order.
 * @module
 */
import { endianness } from 'node:os';
import { DeviceError } from '../errors.ts';
import { AF, Errno, errnoName, type Libc, Pinned, SOCK } from './libc.ts';

/** NETLINK_ROUTE, the protocol of the routing socket. */
export const ROUTE = 0;
const LITTLE = endianness() === 'LE';

/** `struct nlmsghdr`: length 4, type 2, flags 2, sequence 4, port 4. */
const HEADER = { length: 0, type: 4, flags: 6, sequence: 8, size: 16 } as const;
const MessageType = { ERROR: 2, DONE: 3 } as const;
const Flag = { REQUEST: 0x1, ACK: 0x4, DUMP: 0x300 } as const;
/** The kernel's NLA_F_NESTED and NLA_F_NET_BYTEORDER, which are no part of an attribute's type. */
const ATTRIBUTE_TYPE = 0x3fff;
/** Longer than any datagram of a dump: the kernel makes them of 32 KiB at most. */
const ROOM = 64 * 1024;

/** Where an attribute's bytes lie. */
export interface Attribute {
  readonly type: number;
  readonly at: number;
  readonly length: number;
}

/** Where a message's own header begins, behind `nlmsghdr`. */
export const BODY_AT: number = HEADER.size;

/** Called with the place of each message's own header, behind `nlmsghdr`, and where the message ends. */
export type Reader = (view: DataView, at: number, end: number) => void;

/**
 * Ask for a dump: all messages that the kernel has for `type`, whose request is `body` zero bytes long.
 * Throws a `DeviceError` with the system's code.
 */
export function dump(libc: Libc, type: number, body: number, read: Reader): void {
  const fd = libc.socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, ROUTE);
  if (fd < 0) throw failed(libc, 'socket');
  try {
    const memory = new Pinned(libc, new Uint8Array(ROOM));
    const { view } = memory;
    view.setUint32(HEADER.length, HEADER.size + body, LITTLE);
    view.setUint16(HEADER.type, type, LITTLE);
    view.setUint16(HEADER.flags, Flag.REQUEST | Flag.DUMP, LITTLE);
    if (libc.write(fd, memory.address, HEADER.size + body) < 0) throw failed(libc, 'write');
    for (let more = true; more; ) {
      const length = libc.read(fd, memory.address, ROOM);
      if (length < 0) throw failed(libc, 'read');
      more = readMessages(view, length, read);
    }
  } finally {
    libc.close(fd);
  }
}

/**
 * Ask for a change: `write` puts the body of the message, and gives where it ends. 0, or the number of
 * the error.
 */
export function request(libc: Libc, type: number, write: (view: DataView) => number): number {
  const fd = libc.socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, ROUTE);
  if (fd < 0) return libc.errno();
  try {
    const memory = new Pinned(libc, new Uint8Array(1024));
    const { view } = memory;
    const end = write(view);
    view.setUint32(HEADER.length, end, LITTLE);
    view.setUint16(HEADER.type, type, LITTLE);
    view.setUint16(HEADER.flags, Flag.REQUEST | Flag.ACK, LITTLE);
    if (libc.write(fd, memory.address, end) < 0) return libc.errno();
    // The answer is there before the call above returns.
    if (libc.read(fd, memory.address, memory.bytes.length) < 0) return libc.errno();
    if (view.getUint16(HEADER.type, LITTLE) !== MessageType.ERROR) return Errno.EINVAL;
    return -view.getInt32(HEADER.size, LITTLE);
  } finally {
    libc.close(fd);
  }
}

/** Hand over the messages of one datagram; true if more datagrams follow. */
export function readMessages(view: DataView, length: number, read: Reader): boolean {
  let at = 0;
  while (at + HEADER.size <= length) {
    const end = at + view.getUint32(at + HEADER.length, LITTLE);
    const type = view.getUint16(at + HEADER.type, LITTLE);
    if (end < at + HEADER.size || end > length) throw malformed();
    if (type === MessageType.DONE) return false;
    if (type === MessageType.ERROR) {
      const code = errnoName(-view.getInt32(at + HEADER.size, LITTLE));
      throw new DeviceError(code, 'the kernel refuses the question', 'netlink');
    }
    read(view, at + HEADER.size, end);
    at = (end + 3) & ~3;
  }
  return length > 0;
}

/** The attributes from `at` to `end`, each aligned to four bytes. */
export function* attributes(view: DataView, at: number, end: number): Generator<Attribute> {
  let next = at;
  while (next + 4 <= end) {
    const length = view.getUint16(next, LITTLE);
    if (length < 4 || next + length > end) throw malformed();
    const type = view.getUint16(next + 2, LITTLE) & ATTRIBUTE_TYPE;
    yield { type, at: next + 4, length: length - 4 };
    next += (length + 3) & ~3;
  }
}

/** The attribute's text, up to the zero that ends it. */
export function text(view: DataView, { at, length }: Attribute): string {
  let found = '';
  for (let i = 0; i < length; i++) {
    const octet = view.getUint8(at + i);
    if (octet === 0) break;
    found += String.fromCharCode(octet);
  }
  return found;
}

/** The attribute's number of one or of four bytes. */
export function number(view: DataView, { at, length }: Attribute): number {
  if (length >= 4) return view.getUint32(at, LITTLE);
  if (length >= 1) return view.getUint8(at);
  throw malformed();
}

const malformed = (): DeviceError =>
  new DeviceError('EBADMSG', 'the kernel sent a message that cannot be read', 'netlink');

function failed(libc: Libc, syscall: string): DeviceError {
  return new DeviceError(errnoName(libc.errno()), `${syscall} failed`, 'netlink');
}
