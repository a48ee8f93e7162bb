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
import type { WaitOptions } from './readiness.ts';

/** What was agreed on with the driver. */
export interface Attached {
  readonly name: string;
  readonly medium: Medium;
  readonly mtu: number;
  readonly headerLength: number;
  readonly offload: DeviceOffload;
}

/** The device on `fd`, which is its own from here on. */
export function makeDevice(
  libc: Libc,
  control: TunControl,
  fd: number,
  attached: Attached,
  { waiting = 'event', spinMicros = 50 }: WaitOptions,
): TunDevice {
  const { medium, mtu, offload } = attached;
  const known = control.identify(fd) !== undefined;
  return new Descriptor(libc, fd, {
    ...attached,
    maxPacket: longestPacket(medium, mtu, offload),
    waiting,
    spinMicros,
    present: () => !known || control.identify(fd) !== undefined,
  });
}
