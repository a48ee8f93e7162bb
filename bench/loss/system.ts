/**
 * System calls that only this bench needs: timers of the kernel, options of sockets, priority.
 * timerfd_create(2), setsockopt(2), sched_setscheduler(2).
 * @module
 */
import koffi from 'koffi';
import { AF, type Libc, Pinned, SOCK } from '../../src/device/linux/libc.ts';

const CLOCK_MONOTONIC = 1;
const TFD_NONBLOCK = 0o4000;
const TFD_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
/** Holds a window of the fastest link. */
const SOCKET_BUFFER = 16 * 1024 * 1024;

const SCHED_FIFO = 1;
/** Above every other program, below the kernel's own threads of this kind. */
export const Priority = { EMULATOR: 10, END: 5 } as const;

const library = koffi.load(null);
const schedSetscheduler: (pid: number, policy: number, param: number) => number = library.func(
  'int sched_setscheduler(int pid, int policy, uintptr_t param)',
);
const timerfdCreate: (clock: number, flags: number) => number = library.func(
  'int timerfd_create(int clock, int flags)',
);
const timerfdSettime: (fd: number, flags: number, now: number, old: number) => number =
  library.func('int timerfd_settime(int fd, int flags, uintptr_t now, uintptr_t old)');
const setsockopt: (fd: number, level: number, name: number, at: number, n: number) => number =
  library.func('int setsockopt(int fd, int level, int name, uintptr_t at, unsigned int n)');

/** A timer whose descriptor can be read when it is due. */
export class KernelTimer {
  readonly fd: number;
  readonly #spec: Pinned;

  constructor(libc: Libc) {
    this.fd = timerfdCreate(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (this.fd < 0) throw new Error('timerfd_create failed');
    this.#spec = new Pinned(libc, new Uint8Array(256)); // struct itimerspec: interval, then value
  }

  /** Be due in so many microseconds; the time before is forgotten. */
  set(micros: number): void {
    const nanos = Math.max(1, Math.round(micros * 1000));
    const { view, address } = this.#spec;
    view.setBigInt64(16, BigInt(Math.floor(nanos / 1e9)), true);
    view.setBigInt64(24, BigInt(nanos % 1_000_000_000), true);
    timerfdSettime(this.fd, 0, address, 0);
  }
}

/** Two descriptors that pass packets to each other. */
export function packetPair(libc: Libc): [number, number] {
  const memory = new Pinned(libc, new Uint8Array(256));
  const { view, address } = memory;
  if (libc.socketpair(AF.UNIX, SOCK.SEQPACKET | SOCK.CLOEXEC, 0, address) < 0) {
    throw new Error('socketpair failed');
  }
  const ends: [number, number] = [view.getInt32(0, true), view.getInt32(4, true)];
  view.setInt32(8, SOCKET_BUFFER, true);
  for (const fd of ends) setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, address + 8, 4);
  return ends;
}

/**
 * Let this thread run before every other program whenever it has something to do, which is little.
 * The kernel's TCP runs in its interrupts and in the emulator's writes; so may a stack. False without
 * the right to it.
 */
export function runFirst(libc: Libc, priority: number): boolean {
  const memory = new Pinned(libc, new Uint8Array(256));
  memory.view.setInt32(0, priority, true);
  return schedSetscheduler(0, SCHED_FIFO, memory.address) === 0;
}
