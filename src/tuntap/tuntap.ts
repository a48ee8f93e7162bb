/**
 * Persistent TUN and TAP interfaces: what `ip tuntap` does, as functions. An interface that belongs to a
 * user is one that `openTun` and `openTap` attach to without root.
 *
 * `Documentation/networking/tuntap.rst`, `linux/if_tun.h`.
 * @module
 */
import { DeviceError, invalid, openError } from '../device/errors.ts';
import { Iff, TunControl } from '../device/linux/ioctl.ts';
import { errnoName, type Libc, loadLibc, O } from '../device/linux/libc.ts';
import { checkName } from '../device/options.ts';
import { groupId, userId } from './accounts.ts';
import { type Holder, holdersOf } from './holders.ts';
import { readLinks, type TuntapLink } from './links.ts';

const PATH = '/dev/net/tun';

/** Which interface is to be made. */
export interface TuntapAddOptions {
  /** Up to 15 bytes; `vm%d` or nothing lets the kernel choose the number, or all of it. */
  readonly name?: string;
  /** `tun` carries IP packets, `tap` Ethernet frames. */
  readonly mode: 'tun' | 'tap';
  /** Who may attach to it without root, by name or number. Default: nobody. */
  readonly user?: string | number;
  /** A group whose members may. Default: none. */
  readonly group?: string | number;
  /** Of old kernels; kept and shown, and without effect since Linux 3.8. */
  readonly oneQueue?: boolean;
  /** Four bytes of packet information before each packet. `openTun` refuses such a one. */
  readonly pi?: boolean;
  /** A virtio header before each packet, by which offload is done. */
  readonly vnetHdr?: boolean;
  /** Several descriptors may share it. */
  readonly multiQueue?: boolean;
}

/** Which interface is to be removed. */
export interface TuntapDeleteOptions {
  /** Its name. */
  readonly name: string;
  /** What it must be; refused if it is the other. */
  readonly mode: 'tun' | 'tap';
}

/** A TUN or TAP interface of this network namespace. */
export interface Tuntap {
  /** Up to 15 bytes. */
  readonly name: string;
  /** The kernel's number for it, 1 or more. */
  readonly index: number;
  /** `tun` carries IP packets, `tap` Ethernet frames. */
  readonly mode: 'tun' | 'tap';
  /** Packet information precedes each packet. */
  readonly pi: boolean;
  /** Asked for by who made it; without effect. */
  readonly oneQueue: boolean;
  /** Several descriptors may share it. */
  readonly multiQueue: boolean;
  /** A virtio header precedes each packet. */
  readonly vnetHdr: boolean;
  /** It outlives the last program that has it open. */
  readonly persist: boolean;
  /** Flags of `linux/if_tun.h`, as in sysfs's `tun_flags`. */
  readonly flags: number;
  /** The number of the user who may attach to it. */
  readonly user: number | undefined;
  /** The number of the group whose members may. */
  readonly group: number | undefined;
  /** Who has it open, as far as this process may see. */
  readonly processes: readonly TuntapProcess[];
}

/** A process that has an interface open. */
export interface TuntapProcess {
  /** What it calls itself, up to 15 bytes. */
  readonly name: string;
  /** Its number. */
  readonly pid: number;
}

/** Persistent interfaces, as functions. */
export interface TuntapControl {
  /**
   * Make an interface that stays until it is removed, and give its name. Throws a `TypeError` for what
   * cannot be meant, and a `DeviceError`: `EBUSY` if there is one of that name (it says who has it open),
   * `EPERM` without CAP_NET_ADMIN, `ENOENT` without the driver. `Documentation/networking/tuntap.rst`.
   */
  add(options: TuntapAddOptions): Promise<string>;
  /**
   * Remove an interface. Throws a `DeviceError`: `ENODEV` if it is not there, `EINVAL` if it is of the
   * other mode, `EBUSY` while it is open (it says by whom), `EPERM`.
   */
  del(options: TuntapDeleteOptions): Promise<void>;
  /** The TUN and TAP interfaces of this network namespace, in the kernel's order. Throws a `DeviceError`. */
  list(): Promise<Tuntap[]>;
}

/** Persistent TUN and TAP interfaces: what `ip tuntap` does. */
export const tuntap: TuntapControl = { add, del, list };

async function add(options: TuntapAddOptions): Promise<string> {
  const { name = '', mode, user, group } = options;
  checkMode(mode);
  const owner = user === undefined ? undefined : userId(user);
  if (user !== undefined && owner === undefined)
    throw invalid('user', user, 'there is no such user');
  const members = group === undefined ? undefined : groupId(group);
  if (group !== undefined && members === undefined) {
    throw invalid('group', group, 'there is no such group');
  }
  checkName(name);
  const flags =
    Iff.TUN_EXCL |
    (mode === 'tun' ? Iff.TUN : Iff.TAP) |
    (options.pi ? 0 : Iff.NO_PI) |
    (options.oneQueue ? Iff.ONE_QUEUE : 0) |
    (options.multiQueue ? Iff.MULTI_QUEUE : 0) |
    (options.vnetHdr ? Iff.VNET_HDR : 0);
  const libc = await loadLibc();
  return withDriver(libc, (control, fd) => {
    const actual = attach(control, fd, name, flags);
    if (owner !== undefined) control.setOwner(fd, owner);
    if (members !== undefined) control.setGroup(fd, members);
    control.setPersist(fd, true);
    return actual;
  });
}

async function del({ name, mode }: TuntapDeleteOptions): Promise<void> {
  checkName(name);
  checkMode(mode);
  const libc = await loadLibc();
  const link = readLinks(libc).find((one) => one.name === name);
  if (link === undefined) {
    throw new DeviceError('ENODEV', `there is no TUN or TAP interface ${name} here`);
  }
  if (modeOf(link) !== mode) {
    throw new DeviceError('EINVAL', `${name} is a ${modeOf(link)}, no ${mode}`, 'ioctl(TUNSETIFF)');
  }
  // The driver wants its own kind of queue named again, and keeps the flags of who attaches last.
  const flags = link.flags & ~Iff.PERSIST;
  withDriver(libc, (control, fd) => {
    attach(control, fd, name, flags);
    control.setPersist(fd, false);
  });
}

async function list(): Promise<Tuntap[]> {
  return readLinks(await loadLibc()).map((link) => ({
    name: link.name,
    index: link.index,
    mode: modeOf(link),
    pi: (link.flags & Iff.NO_PI) === 0,
    oneQueue: (link.flags & Iff.ONE_QUEUE) !== 0,
    multiQueue: (link.flags & Iff.MULTI_QUEUE) !== 0,
    vnetHdr: (link.flags & Iff.VNET_HDR) !== 0,
    persist: (link.flags & Iff.PERSIST) !== 0,
    flags: link.flags,
    user: link.user,
    group: link.group,
    processes: holdersOf(link.name),
  }));
}

const modeOf = ({ flags }: TuntapLink): 'tun' | 'tap' => ((flags & Iff.TAP) !== 0 ? 'tap' : 'tun');

function checkMode(mode: unknown): void {
  if (mode !== 'tun' && mode !== 'tap') throw invalid('mode', mode, "it must be 'tun' or 'tap'");
}

/** Open the driver for the time of `use`. */
function withDriver<T>(libc: Libc, use: (control: TunControl, fd: number) => T): T {
  const fd = libc.open(PATH, O.RDWR | O.CLOEXEC);
  if (fd < 0) throw openError(errnoName(libc.errno()), PATH);
  try {
    return use(new TunControl(libc), fd);
  } finally {
    libc.close(fd);
  }
}

/** `EBUSY` is what most people meet, and the kernel does not say whom to ask. */
function attach(control: TunControl, fd: number, name: string, flags: number): string {
  try {
    return control.attach(fd, name, flags);
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'EBUSY') throw error;
    throw new DeviceError('EBUSY', whoHas(name, holdersOf(name)), error.syscall);
  }
}

function whoHas(name: string, holders: readonly Holder[]): string {
  if (holders.length === 0)
    return `${name} is there already, and no process that can be seen has it open`;
  const named = holders.map((holder) => `${holder.name}(${holder.pid})`);
  return `${name} is held by ${[...new Set(named)].join(', ')}`;
}
