/**
 * The emulator, in a thread of its own: links between TUNs and the stacks' sockets.
 * @module
 */

import type { Device } from '../../src/device/device.ts';
import { type ImpairedDevice, impair } from '../../src/device/impair/impair.ts';
import type { Impairment, PathCounters } from '../../src/device/impair/impairment.ts';
import { openFd } from '../../src/device/linux/fd.ts';
import { loadLibc } from '../../src/device/linux/libc.ts';
import { openTun } from '../../src/device/linux/tun.ts';
import { capture } from '../../src/device/wrap/capture.ts';
import { type Joint, joinDevices } from '../../src/device/wrap/join.ts';
import { TimerClock } from './clock.ts';
import { Mux } from './mux.ts';
import { serve } from './protocol.ts';
import { Priority, packetPair, runFirst } from './system.ts';

const MTU = 1500;

/** One end of a link. */
export interface End {
  /** The name of a TUN to make; without it there is a socket for a stack. */
  readonly tun?: string;
  /** The last byte of the address behind it. */
  readonly host: number;
}

export interface OpenLink {
  readonly id: number;
  /** One, or several that share the link. */
  readonly left: readonly End[];
  readonly right: End;
  /** From left to right, and from right to left. */
  readonly forth: Impairment;
  readonly back: Impairment;
  readonly seed: number;
  /** A file for the packets as the left side sees them. */
  readonly capture?: string;
}

/** A descriptor for each end that is a stack's, in the order left, right; -1 for a TUN. */
export type OpenedLink = readonly number[];

export interface LinkCounters {
  readonly forth: PathCounters;
  readonly back: PathCounters;
}

interface Link {
  readonly impaired: ImpairedDevice;
  readonly joint: Joint;
}

const libc = await loadLibc();
const clock = new TimerClock(libc);
const links = new Map<number, Link>();

async function openEnd(end: End, fds: number[]): Promise<Device> {
  if (end.tun !== undefined) {
    fds.push(-1);
    return openTun({ name: end.tun, mtu: MTU });
  }
  const [ours, theirs] = packetPair(libc);
  fds.push(theirs);
  return openFd(ours, { mtu: MTU, medium: 'ip', headerLength: 0 });
}

async function open(o: OpenLink): Promise<OpenedLink> {
  const fds: number[] = [];
  const branches = [];
  for (const end of o.left) branches.push({ device: await openEnd(end, fds), host: end.host });
  const right = await openEnd(o.right, fds);
  const only = branches.length === 1 ? branches[0]?.device : undefined;
  let left: Device = only ?? new Mux(branches);
  if (o.capture !== undefined) left = capture(left, o.capture);
  const impaired = impair(left, { seed: o.seed, clock, in: o.forth, out: o.back });
  links.set(o.id, { impaired, joint: joinDevices(impaired, right) });
  return fds;
}

async function close(id: number): Promise<LinkCounters> {
  const link = links.get(id);
  if (link === undefined) throw new Error(`no link ${id}`);
  links.delete(id);
  const { in: forth, out: back } = link.impaired.counters;
  await link.joint.close();
  return { forth: { ...forth }, back: { ...back } };
}

runFirst(libc, Priority.EMULATOR);
serve({ open, close, lateness: () => clock.takeLateness() });
