/**
 * A descriptor and what is known of it, made a device: the same for a TUN, a TAP and one that was
 * passed on.
 * @module
 */
import { statSync } from 'node:fs';
import type { DeviceOffload } from '../device.ts';
import type { Medium } from '../medium.ts';
import { Descriptor, type DescriptorTraits, type TunDevice } from './descriptor.ts';
import { LinkControl, type TunControl } from './ioctl.ts';
import type { Libc } from './libc.ts';
import { onLinkChange } from './links.ts';
import { SiblingDescriptor } from './siblings.ts';
import type { WaitOptions } from './waiting.ts';

/** Bun and Deno have a `net.Socket` that is told nothing of a TUN. */
const IN_LOOP = process.versions['bun'] === undefined && process.versions['deno'] === undefined;
const OUR_NAMESPACE = '/proc/thread-self/ns/net';

/** What was agreed on with the driver. */
export interface Attached {
  readonly name: string;
  readonly medium: Medium;
  readonly mtu: number;
  readonly headerLength: number;
  readonly offload: DeviceOffload;
  /** The kernel's own IPv4 address on a TUN. */
  readonly hostAddress?: string | undefined;
  /** All of its addresses there that are known. */
  readonly hostAddresses?: readonly string[];
  /** One of several queues of the interface. */
  readonly multiQueue?: boolean;
  /** The MTU is what our user says, whatever becomes of the interface. */
  readonly fixed?: boolean;
}

/** The device on `fd`, which is its own from here on. */
export function makeDevice(
  libc: Libc,
  control: TunControl,
  fd: number,
  attached: Attached,
  wait: WaitOptions,
): TunDevice {
  const known = control.identify(fd) !== undefined;
  const follow = (changed: (mtu: number) => void): (() => void) => {
    let mtu = attached.mtu;
    const ask = (): void => {
      const next = currentMtu(libc, control, fd) ?? mtu;
      if (next === mtu) return;
      mtu = next;
      changed(mtu);
    };
    const stop = onLinkChange(libc, IN_LOOP, ask);
    ask(); // it may have changed since it was opened
    return stop;
  };
  const traits: DescriptorTraits = {
    ...attached,
    wait,
    inLoop: IN_LOOP,
    batches: known,
    present: () => !known || control.identify(fd) !== undefined,
    follow: known && attached.fixed !== true ? follow : () => () => {},
  };
  if (attached.medium === 'ip' || attached.multiQueue !== true) {
    return new Descriptor(libc, fd, traits);
  }
  const place = statSync(OUR_NAMESPACE).ino;
  return new SiblingDescriptor(libc, fd, traits, `${attached.name} of ${place}`);
}

/** Of the interface behind `fd`; undefined if that is none, or in another network namespace. */
export function currentMtu(libc: Libc, control: TunControl, fd: number): number | undefined {
  const name = control.identify(fd)?.name;
  if (name === undefined || isElsewhere(libc, control, fd)) return undefined;
  const link = new LinkControl(libc);
  try {
    return link.exists(name) ? link.mtu(name) : undefined;
  } finally {
    link.close();
  }
}

/** An interface that was moved away: one of the same name here would be another. */
function isElsewhere(libc: Libc, control: TunControl, fd: number): boolean {
  const theirs = control.namespace(fd);
  if (theirs < 0) return false; // not told, by an old kernel or without the capability
  try {
    return statSync(`/proc/self/fd/${theirs}`).ino !== statSync(OUR_NAMESPACE).ino;
  } finally {
    libc.close(theirs);
  }
}
