/**
 * The few system calls that Node does not offer, called in libc by koffi: nothing of ours is
 * native.
 *
 * koffi is loaded when the first TUN is opened and not before, so that a program on another system,
 * or without koffi, can use every other kind of device. A call costs about 0.26 µs.
 *
 * Addresses are plain numbers. Three rules keep them honest, each learnt from a crash:
 * - memory that the kernel writes to is one large ArrayBuffer, since a typed array of up to 64
 *   bytes lives on V8's heap and moves;
 * - whoever holds an address holds the buffer (`Pinned`): koffi does not, and the optimiser ends a
 *   local's life at its last use;
 * - such a buffer is never resized, transferred or grown.
 * @module
 */

import { constants, endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { DeviceError, outOfRange } from '../errors.ts';

/** Flags of open(2) and fcntl(2), the same on every Linux that Node runs on (mips aside). */
export const O = { RDWR: 0o2, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;
export const F = { GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4 } as const;
export const FD_CLOEXEC = 1;
export const AF = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5, CLOEXEC: 0o2000000 } as const;
export const POLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16 } as const;

/** `node:os` has the numbers of this machine; EBADFD and its like are missing there. */
export const Errno: {
  readonly EPERM: number;
  readonly EINTR: number;
  readonly EIO: number;
  readonly EAGAIN: number;
  readonly EEXIST: number;
  readonly EINVAL: number;
  readonly EPIPE: number;
  readonly EBADFD: number;
} = { ...constants.errno, EBADFD: 77 };

/** Each gives -1 on failure, and `errno` tells why; an `address` is a place in a `Pinned`. */
export interface Libc {
  open(path: string, flags: number): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, address: number): number;
  read(fd: number, address: number, length: number): number;
  readv(fd: number, vector: number, count: number): number;
  write(fd: number, address: number, length: number): number;
  writev(fd: number, vector: number, count: number): number;
  poll(fds: number, count: number, timeout: number): number;
  /** The same on another thread; `then` is called here, with what it gave. */
  pollAsync(fds: number, count: number, timeout: number, then: (result: number) => void): void;
  dup2(from: number, to: number): number;
  /** `flags` may hold O_CLOEXEC, which `dup2` always clears. */
  dup3(from: number, to: number, flags: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  connect(fd: number, address: number, length: number): number;
  recv(fd: number, address: number, length: number, flags: number): number;
  /** `from` and `fromLength`: places for the sender's address and, in four bytes, its length. */
  recvfrom(
    fd: number,
    address: number,
    length: number,
    flags: number,
    from: number,
    fromLength: number,
  ): number;
  setsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  socketpair(family: number, type: number, protocol: number, address: number): number;
  /** io_uring_setup(2), which libc has no name for; `number` is the call's. */
  ringSetup(number: number, entries: number, params: number): number;
  /** io_uring_enter(2), likewise. */
  ringEnter(
    number: number,
    fd: number,
    submit: number,
    complete: number,
    flags: number,
    signals: number,
    size: number,
  ): number;
  memmove(to: number, from: number, length: number): number;
  /** Of the call before; ask at once. */
  errno(): number;
  /** Where the first byte of `bytes` lies. Hold `bytes` as long as the number: see `Pinned`. */
  addressOf(bytes: Uint8Array): number;
}

type Koffi = Pick<typeof import('koffi'), 'load' | 'errno' | 'address'>;

let loaded: Libc | undefined;

/** libc, bound at the first call. Rejects with the way out where that is not possible. */
export async function loadLibc(
  platform: string = process.platform,
  importKoffi: () => Promise<{ default: Koffi }> = () => import('koffi'),
): Promise<Libc> {
  if (platform !== 'linux') {
    throw new DeviceError(
      'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
      `TUN and TAP devices are opened on Linux only, and this is ${platform}: ` +
        'use createPipe(), or fromDuplex() with a packet stream from another package',
    );
  }
  if (loaded !== undefined) return loaded;
  let koffi: Koffi;
  try {
    koffi = (await importKoffi()).default;
  } catch (cause) {
    throw new DeviceError(
      'ERR_MODULE_NOT_FOUND',
      'the package koffi, by which system calls are made, cannot be loaded: `npm install koffi` ' +
        '(a bundler must leave it external); without it use createPipe() or fromDuplex()',
      undefined,
      cause,
    );
  }
  loaded = bind(koffi);
  return loaded;
}

function bind(koffi: Koffi): Libc {
  // The process itself: it has libc in it, whether that is glibc or musl.
  const library = koffi.load(null);
  keepFreed(library);
  // What moves bytes gives an `int`, in place of libc's `long`: no call moves 2 GiB, and a `long` is made a number by a
  // detour. Measured: `npm run bench:switch`, row "µs of CPU a frame".
  const poll = library.func('int poll(uintptr_t fds, unsigned long count, int timeout)');
  return {
    open: library.func('int open(const char *path, int flags)'),
    close: library.func('int close(int fd)'),
    ioctl: library.func('int ioctl(int fd, unsigned long request, uintptr_t address)'),
    read: library.func('int read(int fd, uintptr_t address, size_t length)'),
    readv: library.func('int readv(int fd, uintptr_t vector, int count)'),
    write: library.func('int write(int fd, uintptr_t address, size_t length)'),
    writev: library.func('int writev(int fd, uintptr_t vector, int count)'),
    poll,
    pollAsync: (fds, count, timeout, then) =>
      poll.async(fds, count, timeout, (_error: unknown, result: number) => then(result)),
    dup2: library.func('int dup2(int from, int to)'),
    dup3: library.func('int dup3(int from, int to, int flags)'),
    fcntl: library.func('int fcntl(int fd, int command, long argument)'),
    socket: library.func('int socket(int family, int type, int protocol)'),
    bind: library.func('int bind(int fd, uintptr_t address, uint32_t length)'),
    connect: library.func('int connect(int fd, uintptr_t address, uint32_t length)'),
    recv: library.func('int recv(int fd, uintptr_t address, size_t length, int flags)'),
    recvfrom: library.func(
      'long recvfrom(int fd, uintptr_t address, size_t length, int flags, uintptr_t from, uintptr_t fromLength)',
    ),
    setsockopt: library.func(
      'int setsockopt(int fd, int level, int option, uintptr_t value, uint32_t length)',
    ),
    socketpair: library.func(
      'int socketpair(int family, int type, int protocol, uintptr_t address)',
    ),
    ringSetup: library.func('int syscall(long number, uint32_t entries, uintptr_t params)'),
    ringEnter: library.func(
      'int syscall(long number, int fd, uint32_t submit, uint32_t complete, uint32_t flags, uintptr_t signals, size_t size)',
    ),
    memmove: library.func('uintptr_t memmove(uintptr_t to, uintptr_t from, size_t length)'),
    errno: () => koffi.errno(),
    addressOf: (bytes) => Number(koffi.address(bytes)),
  };
}

/** The largest block by whose release glibc still learns: 32 MiB, its own header and a page's rest included. */
const LESSON = 2 ** 25 - 2 ** 16;

/**
 * Let glibc's malloc have up to 64 MiB lie that is free at the end of its heap, in place of 128 KiB. Received text is in
 * blocks of 64 KiB that the collector frees hundreds at a time, on a thread of its own. Each time they were the
 * system's again, and cleared and mapped anew page by page a few milliseconds later (docs/speed.md, "What holds
 * back"). Nothing is set: mallopt(3), M_MMAP_THRESHOLD, has malloc learn by whatever large block it frees, and this is
 * one, never touched. Whoever says it in the environment (`MALLOC_TRIM_THRESHOLD_`) has his way, and musl learns nothing.
 */
function keepFreed(library: ReturnType<Koffi['load']>): void {
  const malloc = library.func('uintptr_t malloc(size_t size)');
  const free = library.func('void free(uintptr_t block)');
  free(malloc(LESSON));
}

/** The other end, or the descriptor, is gone for good. */
export const GONE: ReadonlySet<string> = new Set([
  'EBADF',
  'EBADFD',
  'ENODEV',
  'EPIPE',
  'ECONNRESET',
  'ENOTCONN',
  'ECONNREFUSED',
]);
/** What cannot be written now may be in a while. */
export const LATER: ReadonlySet<string> = new Set(['EAGAIN', 'ENOBUFS', 'ENOMEM', 'EINTR']);

/** The name of an error number, `EPERM` for 1. */
export function errnoName(errno: number): string {
  if (errno === Errno.EBADFD) return 'EBADFD';
  return errno > 0 ? getSystemErrorName(-errno) : 'EUNKNOWN';
}

/** Memory that system calls use, and where it lies; whoever holds this holds the buffer. */
export class Pinned {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;

  constructor(libc: Libc, bytes: Uint8Array) {
    if (bytes.length <= 64) throw new RangeError('memory for system calls needs over 64 bytes');
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.address = libc.addressOf(bytes);
  }
}

/** Throws unless the `length` bytes at `at` are in `memory`: the kernel must not be let past its end. */
export function checkWithin(at: number, length: number, memory: Pinned | undefined): void {
  const size = memory?.bytes.length ?? 0;
  if (at >= 0 && length >= 0 && at + length <= size) return;
  throw outOfRange('at + length', at + length, `within the user's memory of ${size} bytes`);
}

const LITTLE = endianness() === 'LE';
const POINTER = /^(arm|ia32|mips|mipsel|ppc|s390)$/.test(process.arch) ? 4 : 8;

/** Bytes of a struct iovec. */
export const VECTOR_SIZE: number = POINTER * 2;

/** Write entry `index` of an array of struct iovec that begins `memory`. */
export function putVector(memory: Pinned, index: number, address: number, length: number): void {
  const { view } = memory;
  const at = index * VECTOR_SIZE;
  if (POINTER === 4) {
    view.setUint32(at, address, LITTLE);
    view.setUint32(at + 4, length, LITTLE);
    return;
  }
  const low = LITTLE ? at : at + 4;
  const high = LITTLE ? at + 4 : at;
  view.setUint32(low, address >>> 0, LITTLE);
  view.setUint32(high, Math.floor(address / 0x1_0000_0000), LITTLE);
  view.setUint32(low + 8, length, LITTLE);
  view.setUint32(high + 8, 0, LITTLE);
}

/** The address in the struct iovec at `at`. */
export function addressIn({ view }: Pinned, at: number): number {
  return POINTER === 4 ? view.getUint32(at, LITTLE) : Number(view.getBigUint64(at, LITTLE));
}

/** The length in it, which `putVector` has written. */
export function lengthIn({ view }: Pinned, at: number): number {
  return view.getUint32(at + POINTER + (POINTER === 8 && !LITTLE ? 4 : 0), LITTLE);
}
