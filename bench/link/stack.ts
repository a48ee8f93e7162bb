/**
 * A stack on a TUN with the services, as a setup says.
 * @module
 */
import { createStack, openTun, type Stack } from '../../src/index.ts';
import { serveCallbacks } from './callbacks.ts';
import type { StackSetup } from './protocol.ts';
import { serveDgram, serveNet } from './services.ts';

export async function openStack(setup: StackSetup, accepted?: () => void): Promise<Stack> {
  const { device, hostAddress, address, gateway, offload, waiting, queues } = setup;
  const tun = await openTun({
    name: device,
    hostAddress,
    offload,
    waiting,
    multiQueue: queues > 0,
  });
  const stack = createStack({ device: tun, address, gateway });
  if (setup.face === 'callback') serveCallbacks(stack, accepted);
  else {
    await serveNet(stack.net, '0.0.0.0');
    await serveDgram(stack.dgram, '0.0.0.0');
  }
  return stack;
}
