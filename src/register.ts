/**
 * `node --import tunstack/register app.js`: a program that was never written for it runs on a stack of
 * its own. Settings are environment variables, see `register/settings.ts`.
 *
 * What stays with the kernel: paths, descriptors, name lookups, worker threads, and child processes.
 * @module
 */
import { debuglog } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import {
  type CaptureDevice,
  capture,
  createStack,
  openFd,
  openTap,
  openTun,
  type Stack,
} from './index.ts';
import { Guard, watch } from './register/outside.ts';
import { own, ownerOf } from './register/owner.ts';
import { patch } from './register/patch.ts';
import { readSettings, type Settings } from './register/settings.ts';

const debug = debuglog('tunstack');

async function open({ fd, tap, tun, address, gateway, pcap }: Settings): Promise<Stack> {
  const make = tap ? openTap : openTun;
  const opened = fd === undefined ? await make(tun) : await openFd(fd, tun);
  let device: typeof opened | CaptureDevice = opened;
  try {
    if (pcap !== undefined)
      device = capture(opened, pcap, { failed: (error) => warn(pcap, error) });
    return createStack({ device, address, ...(gateway !== undefined && { gateway }) });
  } catch (error) {
    await device.close();
    throw error;
  }
}

function warn(pcap: string, { message }: Error): void {
  process.emitWarning(`the capture in ${pcap} has ended: ${message}`, { code: 'TUNSTACK_PCAP' });
}

/** The other side hears of it if the program ends before its connections do. */
function endWithTheProcess(stack: Stack, capturing: boolean): void {
  process.on('exit', () => {
    void stack.close({ linger: 0 });
  });
  // The rest of the capture is written while the event loop still turns.
  if (capturing) process.once('beforeExit', () => void stack.close());
}

/** Of the workers of a cluster everybody knows it: the primary opens what they serve. */
function sayWhose(owner: number): void {
  if (process.env['NODE_UNIQUE_ID'] !== undefined) return;
  const way = 'give it settings of its own (TUNSTACK_TUN, TUNSTACK_ADDRESS), or unset TUNSTACK_PID';
  process.emitWarning(
    `process ${owner} has the stack that this one was told to open, so the kernel keeps its sockets; ${way}`,
    { code: 'TUNSTACK_CHILD' },
  );
}

const settings = readSettings(process.env);
const owner = ownerOf(process.env, process.pid);
if (!isMainThread) watch(new Guard(settings.outside, 'a worker thread'));
else if (owner !== undefined) {
  sayWhose(owner);
  watch(new Guard(settings.outside, 'a child process'));
} else {
  const stack = await open(settings);
  own(process.env, process.pid);
  patch(stack, new Guard(settings.outside, 'a worker of a cluster'));
  endWithTheProcess(stack, settings.pcap !== undefined);
  debug('%s on %s', stack.address, stack.devices[0]?.name);
}
