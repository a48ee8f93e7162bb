/**
 * A TAP: an interface of Linux whose other end is ours, frame by frame.
 * `Documentation/networking/tuntap.rst`.
 * @module
 */
import type { TunDevice } from './descriptor.ts';
import { openInterface, type TunOptions } from './interface.ts';

/** Open a TAP: a device that carries Ethernet frames. */
export function openTap(options: TunOptions = {}): Promise<TunDevice> {
  return openInterface(options, 'ethernet');
}
