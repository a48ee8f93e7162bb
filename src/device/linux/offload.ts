/**
 * What the kernel's TUN driver takes over: checksums and segmentation, asked for and granted.
 * virtio 1.2 §5.1.6; `linux/if_tun.h`.
 * @module
 */
import { type DeviceOffload, NO_OFFLOAD } from '../device.ts';
import { DeviceError } from '../errors.ts';
import { type TunControl, TunOffload } from './ioctl.ts';

/** Ask for all there is, and for less where that is refused. */
export function askOffload(control: TunControl, fd: number): DeviceOffload {
  const { CSUM, TSO4, TSO6, TSO_ECN, USO4, USO6 } = TunOffload;
  const tso = CSUM | TSO4 | TSO6;
  if (control.setOffload(fd, tso | TSO_ECN | USO4 | USO6)) {
    return { checksum: true, tso4: true, uso4: true, tso6: true, uso6: true };
  }
  if (control.setOffload(fd, tso | TSO_ECN) || control.setOffload(fd, tso)) {
    return { checksum: true, tso4: true, uso4: false, tso6: true, uso6: false };
  }
  if (control.setOffload(fd, CSUM)) return { ...NO_OFFLOAD, checksum: true };
  control.setOffload(fd, 0);
  return NO_OFFLOAD;
}

/** The kernel gave none to a program that will have it. */
export function noOffload(): DeviceError {
  const hint = "open it with { offload: 'auto' } to do without";
  return new DeviceError('ENOTSUP', `this kernel's TUN driver has no offload: ${hint}`);
}
