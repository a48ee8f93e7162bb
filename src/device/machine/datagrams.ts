/**
 * A virtual machine at a Unix socket of datagrams, one frame each: QEMU's `-netdev dgram`, vfkit, krunkit,
 * vmnet-helper, gvproxy's `unixgram://`. QEMU `net/dgram.c`; unix(7).
 *
 * Node has no such sockets: they are made by system calls, and are a device like any descriptor that takes and
 * gives one packet per call.
 * @module
 */
import { unlinkSync } from 'node:fs';
import { endianness } from 'node:os';
import { type DeviceUser, endingBy, NO_OFFLOAD } from '../device.ts';
import { DeviceError, goneError, invalid } from '../errors.ts';
import { makeDevice } from '../linux/attached.ts';
import type { TunDevice } from '../linux/descriptor.ts';
import { TunControl } from '../linux/ioctl.ts';
import { AF, Errno, errnoName, type Libc, loadLibc, O, Pinned, SOCK } from '../linux/libc.ts';
import { adoptOwned, closeOwned } from '../linux/owned.ts';
import { checkMtu } from '../options.ts';
import { Wrapper } from '../wrap/wrapper.ts';

/** Which sockets, and what frames are like. */
export interface DatagramOptions {
  /** Of the socket that is ours, up to 107 bytes; one that a program has left behind is replaced. */
  readonly path: string;
  /** Of the machine's. Without it whoever sends first is the machine, as vfkit and krunkit do. */
  readonly remote?: string;
  /** What to call the device; default the path's last part. */
  readonly name?: string;
  /** The longest IP packet, 68 to 65 535; default 1500. */
  readonly mtu?: number;
  /** Ends the wait for the machine: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const LITTLE = endianness() === 'LE';
/** struct sockaddr_un: the family in two bytes, then the path. */
const LONGEST_PATH = 107;
export const ADDRESS_SIZE = 110;
const MSG_PEEK = 2;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
/** What vmnet-helper and gvproxy ask for, so that a burst of frames fits. */
const SEND_BUFFER = 1 << 20;
/** What old versions of vfkit send first, to be known. */
const GREETING = 'VFKT';
/** How often it is looked whether the machine is there, in ms. */
const PERIOD = 10;
/** How often it is looked whether it still is, in ms: a machine takes longer to start again. */
const LOOK = 200;
/** Places in the memory of calls. */
const AT = { address: 0, from: 128, fromLength: 256, text: 264, value: 272, size: 512 } as const;

/**
 * Open the socket, wait for the machine, and give it as a device of frames, which ends when the machine's socket
 * is gone. Rejects with a `TypeError` or `RangeError` for what cannot be meant, a `DeviceError` with the system's
 * code (`ENOENT`, `EACCES`, ...), and on systems other than Linux with `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`.
 */
export async function openDatagrams(options: DatagramOptions): Promise<MachineDatagrams> {
  const { remote } = options;
  if (remote !== undefined) checkPath('remote', remote);
  return openMet(options, async () => remote, true);
}

/**
 * The same, where the machine's path is known when ours is there: `meet` gives it, or undefined as without `remote`.
 * Not `watched`, it ends only when something is sent to who is gone.
 */
export async function openMet(
  options: Omit<DatagramOptions, 'remote'>,
  meet: () => Promise<string | undefined>,
  watched = false,
): Promise<MachineDatagrams> {
  const { path, name = String(path).replace(/.*\//, ''), mtu = 1500, signal } = options;
  checkPath('path', path);
  checkMtu(mtu);
  const libc = await loadLibc();
  const memory = new Pinned(libc, new Uint8Array(AT.size));
  const made = libc.socket(AF.UNIX, SOCK.DGRAM | SOCK.CLOEXEC | O.NONBLOCK, 0);
  if (made < 0) throw failed(libc, 'socket', path);
  const fd = adoptOwned(libc, made);
  try {
    bind(libc, fd, memory, path);
    memory.view.setInt32(AT.value, SEND_BUFFER, LITTLE);
    libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, memory.address + AT.value, 4);
    const remote = await meet();
    const look = remote === undefined ? firstToSpeak : reach;
    while (!look(libc, fd, memory, remote ?? '')) await pause(signal);
    const traits = { name, medium: 'ethernet', mtu, headerLength: 0, offload: NO_OFFLOAD } as const;
    const control = new TunControl(libc);
    const device = makeDevice(libc, control, fd, { ...traits, fixed: true }, {});
    const at = remote === undefined ? AT.from : AT.address;
    const length =
      remote === undefined ? memory.view.getUint32(AT.fromLength, LITTLE) : pathSize(remote);
    return new MachineDatagrams(
      device,
      path,
      watched ? () => isGone(libc, device.fd, memory, at, length) : undefined,
    );
  } catch (error) {
    closeOwned(fd);
    remove(path);
    throw error;
  }
}

/** A machine at a socket of datagrams; its path is removed with it. */
export class MachineDatagrams extends Wrapper {
  readonly #path: string;
  readonly #isGone: (() => boolean) | undefined;
  #looks: NodeJS.Timeout | undefined;
  #gone: Error | undefined;

  /** Not for use from outside: `openDatagrams` makes these. `isGone` is asked while the device is open. */
  constructor(device: TunDevice, path: string, isGone: (() => boolean) | undefined) {
    super(device);
    this.#path = path;
    this.#isGone = isGone;
  }

  override start(user: DeviceUser): void {
    super.start(
      endingBy(user, (error) => {
        this.#end();
        user.closed(error ?? this.#gone);
      }),
    );
    if (this.#isGone !== undefined) this.#looks = setInterval(this.#look, LOOK).unref();
  }

  override async close(): Promise<void> {
    clearInterval(this.#looks);
    await super.close();
    this.#end();
  }

  /** The kernel tells nobody of the end of a socket of datagrams before something is sent there. */
  readonly #look = (): void => {
    if ((this.device as TunDevice).fd < 0 || this.#isGone?.() !== true) return;
    this.#gone = goneError(this.name, 'ECONNREFUSED', 'connect');
    clearInterval(this.#looks);
    void super.close();
  };

  #end(): void {
    clearInterval(this.#looks);
    remove(this.#path);
  }
}

/**
 * Whether nobody is at the machine's place any more. To connect again where one is connected changes nothing, and
 * where another socket took the place of the machine's it lets that one in, which would be refused (EPERM) otherwise.
 */
function isGone(libc: Libc, fd: number, memory: Pinned, at: number, length: number): boolean {
  if (libc.connect(fd, memory.address + at, length) >= 0) return false;
  const code = errnoName(libc.errno());
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}

function bind(libc: Libc, fd: number, memory: Pinned, path: string): void {
  const length = putAddress(memory, path);
  if (libc.bind(fd, memory.address + AT.address, length) >= 0) return;
  const code = errnoName(libc.errno());
  if (code !== 'EADDRINUSE') throw failedWith(code, 'bind', path);
  // Somebody has it, or has left it behind: a socket without an owner refuses.
  const other = libc.socket(AF.UNIX, SOCK.DGRAM | SOCK.CLOEXEC, 0);
  const used = libc.connect(other, memory.address + AT.address, length) >= 0;
  const refused = !used && errnoName(libc.errno()) === 'ECONNREFUSED';
  libc.close(other);
  if (!refused) throw failedWith(code, 'bind', path);
  remove(path);
  putAddress(memory, path);
  if (libc.bind(fd, memory.address + AT.address, length) < 0) throw failed(libc, 'bind', path);
}

/** Connect to the machine's socket; false while it is not there. */
function reach(libc: Libc, fd: number, memory: Pinned, remote: string): boolean {
  const length = putAddress(memory, remote);
  if (libc.connect(fd, memory.address + AT.address, length) >= 0) return true;
  const code = errnoName(libc.errno());
  // EPERM: it is connected to another one, which may be gone without its knowledge.
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'EPERM') return false;
  throw failedWith(code, 'connect', remote);
}

/** Connect to whoever has sent a datagram, which is left to be read; false while nobody has. */
function firstToSpeak(libc: Libc, fd: number, memory: Pinned): boolean {
  const { address, view, bytes } = memory;
  view.setUint32(AT.fromLength, ADDRESS_SIZE, LITTLE);
  const from = address + AT.from;
  const length = libc.recvfrom(fd, address + AT.text, 4, MSG_PEEK, from, address + AT.fromLength);
  if (length < 0) {
    const errno = libc.errno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return false;
    throw failedWith(errnoName(errno), 'recvfrom', 'the socket');
  }
  const size = view.getUint32(AT.fromLength, LITTLE);
  const greets = Buffer.from(bytes.subarray(AT.text, AT.text + 4)).toString('latin1') === GREETING;
  // Who has no path cannot be answered.
  const known = size > 2 && size <= ADDRESS_SIZE && libc.connect(fd, from, size) >= 0;
  if (!known || greets) libc.read(fd, address + AT.text, 4);
  return known;
}

/** Write the address of `path` at the beginning of `bytes`; its length. */
export function putAddress({ bytes, view }: Pick<Pinned, 'bytes' | 'view'>, path: string): number {
  const text = Buffer.from(path);
  bytes.fill(0, AT.address, AT.address + ADDRESS_SIZE);
  view.setUint16(AT.address, AF.UNIX, LITTLE);
  bytes.set(text, AT.address + 2);
  return pathSize(path);
}

/** The length of an address: the family, the path and its end. */
const pathSize = (path: string): number => 2 + Buffer.byteLength(path) + 1;

export function checkPath(name: string, path: unknown): void {
  const length = typeof path === 'string' ? Buffer.byteLength(path) : 0;
  if (length > 0 && length <= LONGEST_PATH && !(path as string).includes('\0')) return;
  throw invalid(name, path, `it must be a path of 1 to ${LONGEST_PATH} bytes`);
}

function pause(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve) => {
    setTimeout(resolve, PERIOD);
  });
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already.
  }
}

const failed = (libc: Libc, syscall: string, what: string): DeviceError =>
  failedWith(errnoName(libc.errno()), syscall, what);

const failedWith = (code: string, syscall: string, what: string): DeviceError =>
  new DeviceError(code, `${syscall} failed for ${what}`, syscall);
