/**
 * A TAP: an interface of Linux whose other end is ours, frame by frame.
 * `Documentation/networking/tuntap.rst`.
 * @module
 */
import type { TunDevice } from './descriptor.ts';
import { openInterface, type TapOptions } from './interface.ts';

/**
 * Open a TAP: a device that carries Ethernet frames. Rejects with a `TypeError` or `RangeError` for what cannot be
 * meant, and a `DeviceError`: `ENODEV` for a bridge that is not there, `EPERM`, `EBUSY`, `EINVAL` as for a TUN.
 */
export function openTap(options: TapOptions = {}): Promise<TunDevice> {
  return openInterface(options, 'ethernet');
}
