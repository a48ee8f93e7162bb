/**
 * A descriptor that was passed on to us, made a device: a TUN that somebody else opened, or a socket
 * of datagrams.
 * @module
 */
import { type DeviceOffload, NO_OFFLOAD } from '../device.ts';
import { DeviceError, invalid } from '../errors.ts';
import { checkMtu } from '../options.ts';
import { currentMtu, makeDevice } from './attached.ts';
import type { TunDevice } from './descriptor.ts';
import { Iff, TunControl } from './ioctl.ts';
import { errnoName, F, FD_CLOEXEC, type Libc, loadLibc, O } from './libc.ts';
import { askOffload } from './offload.ts';
import { adoptOwned } from './owned.ts';
import { checkWaiting, type WaitOptions } from './waiting.ts';

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

/**
 * Adopt an inherited descriptor that gives and takes one packet per call; it is ours to close. In a
 * worker the device has it under another number, which ends with the worker.
 */
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
  const mtu = options.mtu ?? currentMtu(libc, control, fd) ?? 1500;
  const medium = found !== undefined ? (tap ? 'ethernet' : 'ip') : (options.medium ?? 'ip');
  const ours = adoptOwned(libc, fd);
  return makeDevice(
    libc,
    control,
    ours,
    { name, medium, headerLength, offload, mtu, fixed: options.mtu !== undefined },
    options,
  );
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
