/**
 * A descriptor and what is known of it, made a device: the same for a TUN, a TAP and one that was
 * passed on.
 * @module
 */
import type { DeviceOffload } from '../device.ts';
import { longestPacket, type Medium } from '../medium.ts';
import { Descriptor, type TunDevice } from './descriptor.ts';
import type { TunControl } from './ioctl.ts';
import type { Libc } from './libc.ts';
import type { WaitOptions } from './waiting.ts';

/** Bun and Deno have a `net.Socket` that is told nothing of a TUN. */
const IN_LOOP = process.versions['bun'] === undefined && process.versions['deno'] === undefined;

/** What was agreed on with the driver. */
export interface Attached {
  readonly name: string;
  readonly medium: Medium;
  readonly mtu: number;
  readonly headerLength: number;
  readonly offload: DeviceOffload;
  /** The kernel's own IPv4 address on a TUN. */
  readonly hostAddress?: string | undefined;
}

/** The device on `fd`, which is its own from here on. */
export function makeDevice(
  libc: Libc,
  control: TunControl,
  fd: number,
  attached: Attached,
  wait: WaitOptions,
): TunDevice {
  const { medium, mtu, offload } = attached;
  const known = control.identify(fd) !== undefined;
  return new Descriptor(libc, fd, {
    ...attached,
    maxPacket: longestPacket(medium, mtu, offload),
    wait,
    inLoop: IN_LOOP,
    present: () => !known || control.identify(fd) !== undefined,
  });
}
