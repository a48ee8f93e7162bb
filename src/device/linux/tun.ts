/**
 * TUN and TAP interfaces of Linux: made or attached by name, or adopted as a descriptor.
 * `Documentation/networking/tuntap.rst`; offload: virtio 1.2 §5.1.6.
 * @module
 */

import { type DeviceOffload, NO_OFFLOAD } from '../device.ts';
import { checkInteger, checkNumber, DeviceError, invalid, openError } from '../errors.ts';
import { type Cidr, checkMtu, checkName, parseCidr } from '../options.ts';
import { Descriptor, type TunDevice } from './descriptor.ts';
import { Iff, LinkControl, TunControl, TunOffload } from './ioctl.ts';
import { errnoName, F, FD_CLOEXEC, type Libc, loadLibc, O } from './libc.ts';
import type { Waiting } from './readiness.ts';

const PATH = '/dev/net/tun';
/** struct virtio_net_hdr without `num_buffers`. */
const VIRTIO_HEADER = 10;
/** Ethernet header with one VLAN tag. */
const FRAME_HEADER = 18;
const MAX_IP_PACKET = 65_535;
/**
 * Packets that the kernel keeps for a TUN of ours. Linux gives 500, which one TCP stream of Linux
 * fills (4 MiB of send buffer are 2900 segments): it then lives by the losses of that queue. Measured
 * with `npm run bench:link -- --only throughput`: docs/speed.md.
 */
const TX_QUEUE_LENGTH = 4096;
const MAX_TX_QUEUE_LENGTH = 65_536;

/** How the event loop waits for packets. */
export interface WaitOptions {
  /** Default `event`: see `Waiting`. */
  waiting?: Waiting;
  /** With `adaptive`: how long to keep turning after traffic, in µs. Default 50. */
  spinMicros?: number;
}

/** Which interface, and how it is to be. */
export interface TunOptions extends WaitOptions {
  /** Up to 15 bytes; `tun%d` or nothing lets the kernel choose. An existing TUN is attached to. */
  name?: string;
  /**
   * The kernel's own address on the interface, `10.83.0.1/24`; without it addresses are left alone.
   */
  hostAddress?: string | readonly string[];
  /** 68 to 65 535. Without it the interface's own is kept (1500 for a new one). */
  mtu?: number;
  /**
   * Packets that the kernel keeps until they are read; it drops what comes beyond. 1 to 65 536. Without
   * it a new interface gets 4096 (Linux would give 500), and one that is attached to keeps its own.
   */
  txQueueLength?: number;
  /**
   * Checksums and segmentation by the kernel: `true` or an error, `'auto'` where the kernel has it.
   * Default `false`.
   */
  offload?: boolean | 'auto';
  /** Let several descriptors share the interface, flows spread over them by hash. */
  multiQueue?: boolean;
  /** `true`: the interface outlives the program; `false`: it does not. Without it, as it was. */
  persist?: boolean;
}

/** What a descriptor is, where the TUN driver does not say. */
export interface FdOptions extends WaitOptions {
  /** What to call it; default the interface's name, or `fd N`. */
  name?: string;
  /** Default what the interface of that name has here, else 1500. */
  mtu?: number;
  /** Default what the TUN driver says, else `ip`. */
  medium?: 'ip' | 'ethernet';
  /** Default what the TUN driver says, else 0. */
  headerLength?: 0 | 10 | 12;
  /** `true`: ask a TUN with a virtio header for it. An object: what the other end agreed to. */
  offload?: boolean | DeviceOffload;
}

/** Open a TUN: a device that carries IP packets. */
export function openTun(options: TunOptions = {}): Promise<TunDevice> {
  return openInterface(options, 'ip');
}

/** Open a TAP: a device that carries Ethernet frames. */
export function openTap(options: TunOptions = {}): Promise<TunDevice> {
  return openInterface(options, 'ethernet');
}

async function openInterface(options: TunOptions, medium: 'ip' | 'ethernet'): Promise<TunDevice> {
  const { name = '', mtu, persist, hostAddress = [] } = options;
  checkName(name);
  if (mtu !== undefined) checkMtu(mtu);
  if (options.txQueueLength !== undefined) {
    checkInteger('txQueueLength', options.txQueueLength, 1, MAX_TX_QUEUE_LENGTH);
  }
  const addresses = hostAddresses(hostAddress);
  checkWaiting(options);
  const libc = await loadLibc();
  const link = new LinkControl(libc);
  let fd = -1;
  try {
    fd = libc.open(PATH, O.RDWR | O.NONBLOCK | O.CLOEXEC);
    if (fd < 0) throw openError(errnoName(libc.errno()), PATH);
    const queue = options.txQueueLength ?? (link.exists(name) ? undefined : TX_QUEUE_LENGTH);
    const control = new TunControl(libc);
    const attached = attach(control, fd, options, medium);
    if (persist !== undefined) control.setPersist(fd, persist);
    const actual = configure(link, attached.name, addresses, mtu, queue);
    return describe(libc, control, fd, medium, options, { ...attached, mtu: actual });
  } catch (error) {
    if (fd >= 0) libc.close(fd);
    throw error;
  } finally {
    link.close();
  }
}

/** Adopt an inherited descriptor that gives and takes one packet per call; it is ours to close. */
export async function openFd(fd: number, options: FdOptions = {}): Promise<TunDevice> {
  if (!Number.isInteger(fd) || fd < 0) throw invalid('fd', fd, 'it must be an open descriptor');
  if (options.mtu !== undefined) checkMtu(options.mtu);
  checkWaiting(options);
  const libc = await loadLibc();
  prepare(libc, fd);
  const control = new TunControl(libc);
  const found = control.identify(fd);
  if (found !== undefined && (found.flags & Iff.NO_PI) === 0) {
    throw invalid('fd', fd, `${found.name} puts packet information before packets: set IFF_NO_PI`);
  }
  const tap = found !== undefined && (found.flags & Iff.TAP) !== 0;
  const virtio = found !== undefined && (found.flags & Iff.VNET_HDR) !== 0;
  const headerLength = virtio ? control.headerSize(fd) : (options.headerLength ?? 0);
  const name = options.name ?? found?.name ?? `fd ${fd}`;
  const offload = adoptedOffload(control, fd, options, virtio);
  const mtu = options.mtu ?? currentMtu(libc, found?.name) ?? 1500;
  const medium = found !== undefined ? (tap ? 'ethernet' : 'ip') : (options.medium ?? 'ip');
  return describe(libc, control, fd, medium, options, { name, headerLength, offload, mtu });
}

interface Attached {
  readonly name: string;
  readonly headerLength: number;
  readonly offload: DeviceOffload;
}

function attach(
  control: TunControl,
  fd: number,
  options: TunOptions,
  medium: 'ip' | 'ethernet',
): Attached {
  const { name = '', offload = false, multiQueue = false } = options;
  const virtio = offload !== false && (control.features(fd) & Iff.VNET_HDR) !== 0;
  if (offload === true && !virtio) throw noOffload();
  const kind = medium === 'ip' ? Iff.TUN : Iff.TAP;
  const queue = multiQueue ? Iff.MULTI_QUEUE : 0;
  const flags = kind | Iff.NO_PI | queue | (virtio ? Iff.VNET_HDR : 0);
  const actual = control.attach(fd, name, flags);
  if (!virtio) {
    // An interface that persists may remember the wishes of the program before us.
    control.setOffload(fd, 0);
    return { name: actual, headerLength: 0, offload: NO_OFFLOAD };
  }
  control.setHeaderSize(fd, VIRTIO_HEADER);
  const granted = askOffload(control, fd);
  if (offload === true && !granted.checksum) throw noOffload();
  return { name: actual, headerLength: VIRTIO_HEADER, offload: granted };
}

/** Ask for all there is, and for less where that is refused. */
function askOffload(control: TunControl, fd: number): DeviceOffload {
  const { CSUM, TSO4, TSO6, TSO_ECN, USO4, USO6 } = TunOffload;
  const tso = CSUM | TSO4 | TSO6;
  if (control.setOffload(fd, tso | TSO_ECN | USO4 | USO6)) {
    return { checksum: true, tso4: true, uso4: true };
  }
  if (control.setOffload(fd, tso | TSO_ECN) || control.setOffload(fd, tso)) {
    return { checksum: true, tso4: true, uso4: false };
  }
  if (control.setOffload(fd, CSUM)) return { checksum: true, tso4: false, uso4: false };
  control.setOffload(fd, 0);
  return NO_OFFLOAD;
}

function noOffload(): DeviceError {
  const hint = "open it with { offload: 'auto' } to do without";
  return new DeviceError('ENOTSUP', `this kernel's TUN driver has no offload: ${hint}`);
}

function adoptedOffload(
  control: TunControl,
  fd: number,
  options: FdOptions,
  virtio: boolean,
): DeviceOffload {
  const { offload = false } = options;
  if (typeof offload === 'object') return offload;
  if (!virtio) {
    if (offload) throw invalid('offload', offload, 'the descriptor has no virtio header');
    return NO_OFFLOAD;
  }
  if (offload) return askOffload(control, fd);
  control.setOffload(fd, 0);
  return NO_OFFLOAD;
}

/**
 * MTU, queue, addresses, link up: only what differs, so that attaching needs no permission for the rest.
 */
function configure(
  link: LinkControl,
  name: string,
  addresses: readonly Cidr[],
  mtu: number | undefined,
  queue: number | undefined,
): number {
  if (mtu !== undefined && link.mtu(name) !== mtu) link.setMtu(name, mtu);
  if (queue !== undefined && link.txQueueLength(name) !== queue) link.setTxQueueLength(name, queue);
  for (const { version, octets, prefix } of addresses) {
    if (version === 6) link.addIpv6(name, octets, prefix);
    else if (!link.hasIpv4(name, octets, prefix)) link.setIpv4(name, octets, prefix);
  }
  if (!link.isUp(name)) link.setUp(name);
  return link.mtu(name);
}

function describe(
  libc: Libc,
  control: TunControl,
  fd: number,
  medium: 'ip' | 'ethernet',
  options: WaitOptions,
  traits: Attached & { readonly mtu: number },
): TunDevice {
  const { waiting = 'event', spinMicros = 50 } = options;
  const big = traits.offload.tso4 || traits.offload.uso4;
  const longest = big ? MAX_IP_PACKET : traits.mtu;
  const known = control.identify(fd) !== undefined;
  return new Descriptor(libc, fd, {
    ...traits,
    medium,
    maxPacket: longest + (medium === 'ethernet' ? FRAME_HEADER : 0),
    waiting,
    spinMicros,
    present: () => !known || control.identify(fd) !== undefined,
  });
}

/** Non-blocking, and not for the programs that we start. */
function prepare(libc: Libc, fd: number): void {
  const flags = libc.fcntl(fd, F.GETFL, 0);
  if (flags < 0) {
    const code = errnoName(libc.errno());
    throw new DeviceError(code, `descriptor ${fd} is not open: was it passed on?`, 'fcntl');
  }
  libc.fcntl(fd, F.SETFL, flags | O.NONBLOCK);
  libc.fcntl(fd, F.SETFD, libc.fcntl(fd, F.GETFD, 0) | FD_CLOEXEC);
}

/** Of an interface that may be in another network namespace than we are. */
function currentMtu(libc: Libc, name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  const link = new LinkControl(libc);
  try {
    return link.exists(name) ? link.mtu(name) : undefined;
  } finally {
    link.close();
  }
}

function hostAddresses(given: string | readonly string[]): Cidr[] {
  const list = typeof given === 'string' ? [given] : given;
  const parsed = list.map((text) => parseCidr('hostAddress', text));
  if (parsed.filter((cidr) => cidr.version === 4).length > 1) {
    throw invalid('hostAddress', list.join(', '), 'only one IPv4 address can be set');
  }
  return parsed;
}

function checkWaiting({ waiting = 'event', spinMicros = 50 }: WaitOptions): void {
  if (waiting !== 'event' && waiting !== 'adaptive' && waiting !== 'busy') {
    throw invalid('waiting', waiting, "it must be 'event', 'adaptive' or 'busy'");
  }
  checkNumber('spinMicros', spinMicros, 0, 1_000_000);
}
