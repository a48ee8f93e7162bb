/**
 * A TUN: an interface of Linux whose other end is ours, packet by packet.
 * `Documentation/networking/tuntap.rst`.
 * @module
 */
import type { TunDevice } from './descriptor.ts';
import { openInterface, type TunOptions } from './interface.ts';

/** Open a TUN: a device that carries IP packets. */
export function openTun(options: TunOptions = {}): Promise<TunDevice> {
  return openInterface(options, 'ip');
}
