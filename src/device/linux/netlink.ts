/**
 * Requests to the kernel's routing socket, for what the ioctls of an interface refuse to those who
 * are root only of their user namespace: rtnetlink(7), netlink(7), `linux/if_link.h`.
 * @module
 */
import { endianness } from 'node:os';
import { AF, Errno, type Libc, Pinned, SOCK } from './libc.ts';

const LITTLE = endianness() === 'LE';
const ROUTE = 0; // NETLINK_ROUTE
/** struct nlmsghdr, and in it the error of an answer: struct nlmsgerr. */
const HEADER = { length: 0, type: 4, flags: 6, error: 16 } as const;
/** struct ifinfomsg behind it, and struct rtattr behind that. */
const LINK = { index: 20 } as const;
const ATTRIBUTE = { length: 32, type: 34, value: 36, end: 40 } as const;
const Message = { ERROR: 2, NEWLINK: 16 } as const;
const Flag = { REQUEST: 1, ACK: 4 } as const;
const IFLA_TXQLEN = 13;

/** Set the queue of the interface with this index; 0, or the number of the error. */
export function setTxQueueLength(libc: Libc, index: number, packets: number): number {
  const request = new Pinned(libc, new Uint8Array(256));
  const { view, address } = request;
  view.setUint32(HEADER.length, ATTRIBUTE.end, LITTLE);
  view.setUint16(HEADER.type, Message.NEWLINK, LITTLE);
  view.setUint16(HEADER.flags, Flag.REQUEST | Flag.ACK, LITTLE);
  view.setInt32(LINK.index, index, LITTLE);
  view.setUint16(ATTRIBUTE.length, ATTRIBUTE.end - ATTRIBUTE.length, LITTLE);
  view.setUint16(ATTRIBUTE.type, IFLA_TXQLEN, LITTLE);
  view.setUint32(ATTRIBUTE.value, packets, LITTLE);
  const fd = libc.socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, ROUTE);
  if (fd < 0) return libc.errno();
  try {
    if (libc.write(fd, address, ATTRIBUTE.end) < 0) return libc.errno();
    // The answer is there before the call above returns.
    if (libc.read(fd, address, request.bytes.length) < 0) return libc.errno();
    if (view.getUint16(HEADER.type, LITTLE) !== Message.ERROR) return Errno.EINVAL;
    return -view.getInt32(HEADER.error, LITTLE);
  } finally {
    libc.close(fd);
  }
}
