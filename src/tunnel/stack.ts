/**
 * A stack inside a tunnel: the addresses that are ours there, and routes to all that it leads to.
 * @module
 */
import type { Device } from '../device/device.ts';
import { invalid } from '../device/errors.ts';
import type { StackOptions } from '../stack/api/door/options.ts';
import { createStack, type Stack } from '../stack/api/stack.ts';

/** Our place in the network behind a tunnel: what a file of WireGuard says, or a server of OpenVPN pushes. */
export interface TunnelPlace {
  /** Our addresses, each with the length of its prefix, or alone. */
  readonly addresses: readonly string[];
  /** Prefixes that the tunnel leads to. */
  readonly routes: readonly string[];
}

/**
 * A stack on `device` that has its addresses and sends what it leads to into it: `net`, `http` and `fetch` of this stack
 * are inside the network. `place`: by default the device's own, where it knows one. Throws as `createStack` does, and
 * where there is no address.
 */
export function createTunnelStack(
  device: Device & Partial<TunnelPlace>,
  place: Partial<TunnelPlace> = device,
  options: Omit<StackOptions, 'device' | 'devices' | 'address' | 'gateway'> = {},
): Stack {
  const { addresses = [], routes = [] } = place;
  // IPv4 first: a stack begins with an address of it.
  const all = addresses.map(whole).toSorted((a, b) => Number(isSix(a)) - Number(isSix(b)));
  const [first, ...rest] = all;
  if (first === undefined) {
    throw invalid('addresses', '', 'the tunnel gives us no address: name one with Address');
  }
  const stack = createStack({ ...options, device, address: first, gateway: false });
  const { name } = device;
  for (const address of rest) unlessUnknown(address, () => stack.addAddress(address, name));
  const own = new Set(stack.routes.map(({ network }) => network));
  for (const network of routes) {
    if (own.has(network)) continue;
    unlessUnknown(network, () => stack.addRoute(network, { device: name }));
  }
  return stack;
}

const isSix = (text: string): boolean => text.includes(':');

/** What is IPv6's, where the stack has only IPv4, is left out: the rest of the tunnel is of use all the same. */
function unlessUnknown(text: string, add: () => void): void {
  try {
    add();
  } catch (error) {
    if (!isSix(text) || (error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ADDRESS')
      throw error;
  }
}

/** With the length of its prefix: that of a host, where it has none. */
const whole = (address: string): string =>
  address.includes('/') ? address : `${address}/${isSix(address) ? 128 : 32}`;
