/**
 * A stack on a TUN or TAP with the services, as a setup says.
 * @module
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Stack } from '../../src/index.ts';
import { serveCallbacks } from './callbacks.ts';
import { root } from './paths.ts';
import type { StackSetup } from './protocol.ts';
import { serveDgram, serveNet } from './services.ts';

/** The stack of this checkout, or of another: the services around it are the same. */
function load(tree: string): Promise<typeof import('../../src/index.ts')> {
  return import(pathToFileURL(join(tree, 'dist/src/index.js')).href);
}

export async function openStack(setup: StackSetup, accepted?: () => void): Promise<Stack> {
  const {
    device,
    hostAddress,
    address,
    gateway,
    offload,
    link = 'tun',
    waiting,
    queues,
    tree = root,
    programs,
  } = setup;
  const { createStack, openTap, openTun } = await load(tree);
  const opened = await (link === 'tap' ? openTap : openTun)({
    name: device,
    hostAddress,
    offload,
    waiting,
    multiQueue: queues > 0,
  });
  const stack = createStack({ device: opened, address, gateway });
  const any = address.includes(':') ? '::' : '0.0.0.0';
  if (setup.face === 'callback') serveCallbacks(stack, any, accepted);
  else {
    await serveNet(stack.net, any);
    await serveDgram(stack.dgram, any);
    if (programs) await (await import('./programs.ts')).servePrograms(stack, any, gateway);
  }
  return stack;
}
