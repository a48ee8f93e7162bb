/**
 * The system calls of UDP that Node does not offer: many datagrams a call, and one long one that the kernel
 * cuts. sendmmsg(2), recvmmsg(2), udp(7): UDP_SEGMENT. Linux on machines of 64 bits that are little-endian.
 * @module
 */
import { endianness } from 'node:os';

/** Functions of libc, each -1 on failure, and `errno` tells why. */
export interface UdpCalls {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  close(fd: number): number;
  getsockname(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  errno(): number;
  /** Where the first byte lies, of an array of more than 64 bytes. Hold the array as long as the number. */
  addressOf(bytes: Uint8Array): number;
}

let loaded: Promise<UdpCalls | undefined> | undefined;

/** The calls; undefined on other systems, and without koffi. */
export function loadUdpCalls(): Promise<UdpCalls | undefined> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<UdpCalls | undefined> {
  const is64 = process.arch === 'x64' || process.arch === 'arm64' || process.arch === 'riscv64';
  if (process.platform !== 'linux' || !is64 || endianness() !== 'LE') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null); // libc is in the process already
    return {
      socket: library.func('int socket(int family, int type, int protocol)'),
      bind: library.func('int bind(int fd, uintptr_t address, uint32_t length)'),
      close: library.func('int close(int fd)'),
      getsockname: library.func('int getsockname(int fd, uintptr_t address, uintptr_t length)'),
      setsockopt: library.func(
        'int setsockopt(int fd, int level, int name, uintptr_t value, uint32_t length)',
      ),
      sendmmsg: library.func(
        'int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)',
      ),
      recvmmsg: library.func(
        'int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)',
      ),
      errno: () => koffi.errno(),
      addressOf: (bytes) => Number(koffi.address(bytes)),
    };
  } catch {
    return undefined;
  }
}

/** Numbers of Linux. */
export const AF = { INET: 2, INET6: 10 } as const;
export const SOCK = { DGRAM: 2, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;
export const MSG = { DONTWAIT: 0x40, TRUNC: 0x20 } as const;
export const Level = { SOCKET: 1, IPV6: 41, UDP: 17 } as const;
export const Option = {
  SNDBUF: 7,
  RCVBUF: 8,
  MARK: 36,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  IPV6_V6ONLY: 26,
  UDP_SEGMENT: 103,
} as const;

/** `struct mmsghdr`: name and its length, vector and its length, control and its length, flags; how much passed. */
export const Mmsg = {
  name: 0,
  nameLength: 8,
  vector: 16,
  vectorLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  passed: 56,
  size: 64,
} as const;
/** `struct iovec`. */
export const Vector = { base: 0, length: 8, size: 16 } as const;
/** `struct cmsghdr` with a u16 behind it: length 8, level 4, type 4. */
export const Control = { length: 0, level: 8, type: 12, data: 16, used: 18, size: 24 } as const;
/** Room for a `sockaddr_in6`. */
export const ADDRESS_SIZE = 32;

/** Write a pointer, or a size_t. */
export function putWord(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
